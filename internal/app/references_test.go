package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// TestEnvironmentReadsReferences with the real clients, and says of those that cannot be read which they are.
func TestEnvironmentReadsReferences(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch {
		case r.URL.Path == "/v1/kv/data/presswork" && r.Header.Get("X-Vault-Token") == "token":
			_, err = io.WriteString(w, `{"data": {"data": {"key": "`+fixture.Secret+`"}, "metadata": {"version": 1}}}`)
		case r.URL.Path == "/" && strings.Contains(string(body), `"SecretId":"presswork/api"`):
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_, err = io.WriteString(w, `{"SecretString": "{\"key\": \"`+fixture.Key+`\"}"}`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	for name, value := range map[string]string{
		"VAULT_ADDR": server.URL, "VAULT_TOKEN": "token", "VAULT_NAMESPACE": "",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "ENVIRONMENT": "development",
		"SECRET_KEY": "vault://kv/presswork#key", "PRESSWORK_API_KEY": "aws-sm://presswork%2Fapi#key",
	} {
		t.Setenv(name, value)
	}
	c, err := Environment(t.Context(), config.All)
	if err != nil || c.SecretKey != fixture.Secret || c.APIKey != fixture.Key {
		t.Fatalf("%+v, %v", c, err)
	}
	t.Setenv("SLACK_BOT_TOKEN", "vault://kv/others#token")
	if _, err := Environment(t.Context(), config.All); err == nil || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN: vault://kv/others#token: the answer of Vault is 403") {
		t.Errorf("got %v", err)
	}
	if c, err := Environment(t.Context()); err != nil || c.APIKey != fixture.Key || c.SecretKey != "" {
		t.Errorf("a client read %+v, %v", c, err)
	}
}
