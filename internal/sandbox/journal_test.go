package sandbox

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// A journal has each message with what its sender learnt of it, in order, and none that was refused.
func TestJournal(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	s, err := Start(t.Context(), Options{Journal: &lines})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		recipient string
		fault     Fault
	}{
		{"1", Fault{}},
		{"2", Fault{DropRatio: 1}},
		{"3", Fault{Outage: HangUp}},
		{"4", Fault{Outage: Unavailable}},
	} {
		if err := s.Inject(ProviderSlack, step.fault); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.SlackHookURL("room"), strings.NewReader(`{"text":"words"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(HeaderDelivery, "p/slack/"+step.recipient)
		if answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r); err == nil {
			answer.Body.Close()
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	lines.WriteString(`{"identity":"half a li`)
	all, err := ReadJournal(&lines)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{{Identity: "p/slack/1", Fate: Accepted}, {Identity: "p/slack/2", Fate: Unanswered}, {Identity: "p/slack/3", Fate: Dropped}}
	if len(all) != len(want) {
		t.Fatalf("%d entries: %+v", len(all), all)
	}
	for i, e := range all {
		if e.Identity != want[i].Identity || e.Fate != want[i].Fate || e.Provider != ProviderSlack || e.At.IsZero() {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

// A journal that cannot be written is not passed over.
func TestJournalUnwritable(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Journal: full{}})
	if err != nil {
		t.Fatal(err)
	}
	s.book.receive(&Message{Channel: ChannelEmail}, false)
	if err := s.Close(); !errors.Is(err, errFull) {
		t.Errorf("closed with %v", err)
	}
	if _, err := ReadJournal(strings.NewReader("not JSON\n")); err == nil {
		t.Error("read nonsense")
	}
}
