package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// receivers are the stand-in providers, which count what arrives. They are a process of the program too, the only one
// that nobody kills: in the test's own, with the race detector, they would cost more than what they count.
type receivers struct {
	t       *testing.T
	at      sandbox.Addresses
	api     *fixture.API
	written string // path of their journal
}

func startReceivers(t *testing.T, program string) *receivers {
	t.Helper()
	journal := filepath.Join(t.TempDir(), "journal")
	p := launch(t, program, "sandbox", nil, "sandbox", "--journal", journal)
	var said struct{ Inbox, SMTP string }
	fixture.Until(t, patience, "the sandbox to say where it is", func() (bool, string) {
		line, err := os.ReadFile(p.log)
		return err == nil && json.Unmarshal(line, &said) == nil, string(line)
	})
	at := sandbox.Addresses{Base: said.Inbox, SMTP: strings.TrimPrefix(said.SMTP, "smtp://")}
	return &receivers{t, at, fixture.NewAPI(t, at.Base), journal}
}

// ask makes a request and reads the answer into out, unless that is nil.
func (r *receivers) ask(method, path string, body []byte, out any) {
	r.t.Helper()
	answer, err := r.api.Send(context.WithoutCancel(r.t.Context()), method, path, body)
	if err != nil || answer.Status >= http.StatusMultipleChoices {
		r.t.Fatalf("%s %s: %d %s, %v", method, path, answer.Status, answer.Body, err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// inject makes a provider fail, or slow: the first fault that matches a recipient applies.
func (r *receivers) inject(provider string, faults ...sandbox.Fault) {
	r.t.Helper()
	body, err := json.Marshal(faults)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ask(http.MethodPut, "/sandbox/faults/"+provider, body, nil)
}

func (r *receivers) counts() (c sandbox.Counts) {
	r.t.Helper()
	r.ask(http.MethodGet, "/sandbox/counts", nil, &c)
	return c
}

// journal is all that came, in order, and what the senders learnt of it.
func (r *receivers) journal() []sandbox.Entry {
	r.t.Helper()
	file, err := os.Open(r.written)
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	all, err := sandbox.ReadJournal(bufio.NewReader(file))
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// arrivals are what came, by publication.
func (r *receivers) arrivals() (all map[string]sandbox.Arrivals) {
	r.t.Helper()
	r.ask(http.MethodGet, "/sandbox/first", nil, &all)
	return all
}

// arrived is how many recipients a publication reached on a channel, and how many copies too many came on any.
func (r *receivers) arrived(id, channel string) (recipients, doubles int) {
	r.t.Helper()
	one := r.arrivals()[id]
	return int(one.Channels[channel]), int(one.Doubled)
}
