package main

import (
	"strings"
	"testing"
)

// TestDeferredPrints what is put off and why, also below the status of what has something put off.
func TestDeferredPrints(t *testing.T) {
	t.Parallel()
	address := answering(t, map[string]string{
		"GET /publications/p1/deferred": `{"total":350,"due":7,"reasons":[{"channel":"email","reason":"quiet_hours","count":350,"due":7,
			"first_due_at":"2030-01-31T06:00:00Z","last_due_at":"2030-01-31T15:00:00Z"}]}`,
		"GET /publications/p2/deferred": `{"total":0,"due":0,"reasons":[]}`,
		"GET /publications/p1/progress": `{"state":"sending","all":{"total":400,"sent":50,"deferred":350}}`,
		"GET /publications/p2/progress": `{"state":"completed","all":{"total":9,"sent":9}}`,
	})
	const why = "350 put off, 7 of them due\n  COUNT  DUE  CHANNEL       REASON                FIRST                 LAST\n" +
		"    350    7    email  quiet_hours  2030-01-31 06:00:00  2030-01-31 15:00:00\n"
	for line, want := range map[string]string{
		"publications deferred p1":        why,
		"publications deferred p2":        "0 put off, 0 of them due\n",
		"publications deferred p1 --json": `"reason":"quiet_hours","count":350,"due":7`,
		"status p1":                       why,
	} {
		out, err := said(t, address, line)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s printed\n%s%v; want\n%s", line, out, err, want)
		}
	}
	if out, err := said(t, address, "status p2"); err != nil || strings.Contains(out, "put off") {
		t.Errorf("of what has nothing put off it printed %q, %v", out, err)
	}
	if out, err := said(t, address, "publications deferred p3"); err == nil || out != "" {
		t.Errorf("of an unknown one it printed %q, %v", out, err)
	}
}
