package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/sender"
)

// TestReadyNamesFailingSenders to who is known; to who is not it counts them. The process stays ready.
func TestReadyNamesFailingSenders(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), migrated(t), zap.NewNop(), Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	desk, err := a.db.CreateSender(t.Context(), sender.Identity{Name: "desk", FromName: "Desk", FromEmail: "desk@news.example", PostalAddress: "1 Street"})
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range map[domaincheck.Level]string{domaincheck.Warning: `"failing_sender_names":[],"failing_senders":0`, domaincheck.Failure: `"failing_sender_names":["desk"],"failing_senders":1`} {
		report := domaincheck.Report{Domain: "news.example", At: time.Now(), Findings: []domaincheck.Finding{{Check: "dmarc", Level: level, Code: "none"}}}
		if err := a.db.NoteSenderCheck(t.Context(), desk.UID, report); err != nil {
			t.Fatal(err)
		}
		if status, text := get(t, a.OpsURL+"/readyz"); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", level, status, text)
		}
		body, err := a.ready(t.Context(), false)
		if shown, _ := body.(map[string]any); err != nil || shown["failing_sender_names"] != nil || shown["failing_senders"] == nil {
			t.Errorf("%s, to who shows no key: %v, %v", level, body, err)
		}
	}
}
