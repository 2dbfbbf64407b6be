package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests do not rest on the machine's

	"github.com/presswork/presswork/internal/subscriber"
)

const written = "../data/subscribers.csv"

func TestFileIsWhatIsGenerated(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "subscribers.csv")
	if err := run([]string{path}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("run go generate ./internal/demo")
	}
	if run(nil) == nil || run([]string{path + "/x"}) == nil {
		t.Error("wrong arguments are taken")
	}
}

func TestSubscribers(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	read, err := subscriber.ReadCSV(bytes.NewReader(file), subscriber.Options{})
	if err != nil || read.Bad != 0 || len(read.Subscribers) != count {
		t.Fatalf("%d subscribers, problems %v, %v", len(read.Subscribers), read.Problems, err)
	}
	languages, zones, topics := map[string]bool{}, map[string]bool{}, map[string]bool{}
	abroad := 0
	for _, s := range read.Subscribers {
		_, domain, _ := strings.Cut(s.Email, "@")
		if !slices.Contains([]string{"example.org", "example.com", "example.net"}, domain) {
			t.Errorf("%s could be somebody's", s.Email)
		}
		if _, err := time.LoadLocation(s.Timezone); err != nil {
			t.Error(err)
		}
		if s.Status != subscriber.Active || s.ConsentSource == "" || s.Country == "" || s.Name == "" || len(s.Topics) < 1 || len(s.Topics) > 4 ||
			s.Attributes["company"] == nil || s.Attributes["city"] == nil {
			t.Errorf("%+v", s)
		}
		languages[s.Language], zones[s.Timezone] = true, true
		for _, topic := range s.Topics {
			topics[topic] = true
		}
		if strings.ContainsFunc(s.Name, func(r rune) bool { return r > 127 }) {
			abroad++
		}
	}
	if len(languages) < 10 || len(zones) < 25 || len(topics) != 10 || abroad < count/2 {
		t.Errorf("%d languages, %d zones, %d topics, %d names beyond ASCII", len(languages), len(zones), len(topics), abroad)
	}
}
