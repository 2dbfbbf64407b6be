package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/reconcile"
	"github.com/presswork/presswork/internal/reputation"
	"github.com/presswork/presswork/internal/telemetry"
)

// receptionFunc is how mail was received, as a test says.
type receptionFunc func() reconcile.Received

func (receptionFunc) Stopped(cause reputation.Cause) int64 {
	return map[reputation.Cause]int64{reputation.Bounces: 2}[cause]
}

func (f receptionFunc) Received() reconcile.Received { return f() }

func shownMetrics(t *testing.T, of receptionFunc) string {
	t.Helper()
	a := &App{Metrics: telemetry.NewMetrics()}
	if err := a.reputationMetrics(of); err != nil {
		t.Fatal(err)
	}
	shown := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return shown.Body.String()
}

// TestReputationMetrics: what the alert rules and the documentation call a metric is one, from the beginning.
func TestReputationMetrics(t *testing.T) {
	t.Parallel()
	windows := reputation.Windows()
	windows[1].Counts = reputation.Counts{Delivered: 900, Bounced: 100, Complained: 9}
	policy := reputation.Policy{MinSample: 100, MaxBounces: 0.05, MaxComplaints: 0.02, Version: 1}
	shown := shownMetrics(t, func() reconcile.Received { return reconcile.Received{Windows: windows, Policy: policy} })
	for _, series := range []string{
		`pauses_total{cause="bounces"} 2`, `pauses_total{cause="complaints"} 0`,
		`rate{cause="bounces",window="24h"} 0`, `rate{cause="bounces",window="7d"} 0.1`, `rate{cause="complaints",window="7d"} 0.01`,
		`exceeded{cause="bounces",window="7d"} 1`, `exceeded{cause="bounces",window="24h"} 0`, `exceeded{cause="complaints",window="7d"} 0`,
		`senders_failing 0`,
	} {
		if !strings.Contains(shown, "\npresswork_reputation_"+series+"\n") {
			t.Errorf("there is no %s", series)
		}
	}
	before := shownMetrics(t, func() reconcile.Received { return reconcile.Received{Windows: reputation.Windows()} })
	if n := len(regexp.MustCompile(`(?m)^presswork_reputation_exceeded\{.*\} 0$`).FindAllString(before, -1)); n != 4 {
		t.Errorf("before the first look, %d series are there and 0", n)
	}
	for _, page := range []string{"deploy/prometheus/reputation.yaml", "docs/operations.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`presswork_reputation_\w+`).FindAllString(string(text), -1)
		if len(names) < 2 {
			t.Errorf("%s names %q", page, names)
		}
		for _, name := range names {
			if !strings.Contains(shown, "\n"+name+"{") && !strings.Contains(shown, "\n"+name+" ") {
				t.Errorf("%s names %s, which is none", page, name)
			}
		}
	}
}
