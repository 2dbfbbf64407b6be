package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/webhook"
)

// TestWebhookSecretsAreResealed with those of channels, and both are told of.
func TestWebhookSecretsAreResealed(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	before, after := *c, *c
	before.SecretKey, before.PreviousKeys = fixture.Secret, nil
	after.SecretKey, after.PreviousKeys = newKey, []string{fixture.Secret}
	a, err := Open(t.Context(), &before, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	sealer, err := a.sealer()
	if err != nil {
		t.Fatal(err)
	}
	e, err := a.db.Webhooks(sealer).CreateEndpoint(t.Context(), webhook.Endpoint{UID: ident.New(), URL: "https://crm.example.org",
		Secrets: webhook.Secrets{Current: webhook.NewSecret()}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := SecretsStatus(t.Context(), &after); err != nil || s.Previous != 1 || len(s.Channels) != 1 || s.Channels[0].Name != "webhook endpoint "+e.UID.String() {
		t.Errorf("%+v, %v", s, err)
	}
	if r, err := RotateSecrets(t.Context(), &after); err != nil || r.Resealed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	after.PreviousKeys = nil
	if s, err := SecretsStatus(t.Context(), &after); err != nil || s.Newest != 1 || s.Unreadable != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestAlertsNameMetrics: what the alert rules and the documentation call a metric of webhooks is one.
func TestAlertsNameMetrics(t *testing.T) {
	t.Parallel()
	a := &App{Metrics: telemetry.NewMetrics()}
	if _, err := a.webhookMetrics(); err != nil {
		t.Fatal(err)
	}
	shown := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	// What is not there before it first happens is not seen to have grown then.
	for _, series := range []string{`posts_total{result="delivered"}`, `posts_total{result="retry"}`, `posts_total{result="wait"}`,
		`posts_total{result="failed"}`, `endpoints_disabled_total{reason="gone"}`, `endpoints_disabled_total{reason="failing"}`} {
		if !strings.Contains(shown.Body.String(), "\npresswork_webhook_"+series+" 0\n") {
			t.Errorf("there is no %s from the beginning", series)
		}
	}
	for _, page := range []string{"deploy/prometheus/webhooks.yaml", "docs/operations.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`presswork_webhook_\w+`).FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names none", page)
		}
		for _, name := range names {
			if !strings.Contains(shown.Body.String(), "\n"+name) {
				t.Errorf("%s names %s, which is none", page, name)
			}
		}
	}
}
