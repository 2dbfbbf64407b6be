package secret

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// vaultServer is a stand-in of Vault, and how often it was asked for secrets and for tokens. As the real one, it says in
// every answer that there is no lease. https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
func vaultServer(t *testing.T) (address string, reads, logins *atomic.Int32) {
	t.Helper()
	reads, logins = new(atomic.Int32), new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		var answer map[string]any
		if strings.HasPrefix(r.URL.Path, "/v1/auth/") {
			logins.Add(1)
			status, answer = vaultLogin(r)
		} else {
			reads.Add(1)
			status, answer = vaultSecret(r)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, reads, logins
}

func vaultLogin(r *http.Request) (int, map[string]any) {
	var in struct{ Role, JWT string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Role != "presswork" || in.JWT != "a service account's" || r.URL.Path != "/v1/auth/cluster/login" {
		return http.StatusForbidden, map[string]any{"errors": []string{"service account name not authorized"}}
	}
	return http.StatusOK, map[string]any{"auth": map[string]any{"client_token": "token-of-the-role", "lease_duration": 3600, "renewable": true}}
}

func vaultSecret(r *http.Request) (int, map[string]any) {
	if token := r.Header.Get("X-Vault-Token"); token != "token-of-the-tests" && token != "token-of-the-role" {
		return http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}}
	}
	version := map[string]any{"created_time": "2030-01-02T03:04:05.123456789Z", "deletion_time": "", "destroyed": false, "version": 4, "custom_metadata": nil}
	data := func(values map[string]any) map[string]any {
		return map[string]any{"request_id": "1", "lease_id": "", "lease_duration": 0, "renewable": false,
			"data": map[string]any{"data": values, "metadata": version}}
	}
	switch r.URL.Path {
	case "/v1/secret/data/presswork/slack":
		values := map[string]any{"token": "the newest", "port": 5432, "list": []int{1}, "space": r.Header.Get("X-Vault-Namespace")}
		if n := r.URL.Query().Get("version"); n != "" {
			values["token"] = "version " + n
		}
		return http.StatusOK, data(values)
	case "/v1/secret/data/deleted": // 404 with the metadata
		return http.StatusNotFound, data(nil)
	case "/v1/secret/data/sealed":
		return http.StatusServiceUnavailable, map[string]any{"errors": []string{"Vault is sealed"}}
	case "/v1/secret/data/dumb":
		return http.StatusBadRequest, map[string]any{"errors": []string{}}
	default:
		return http.StatusNotFound, map[string]any{"errors": []string{}}
	}
}

// vaultAt is a vault by an environment.
func vaultAt(environ map[string]string) *vault {
	return &vault{env: func(name string) string { return environ[name] }}
}

func TestVault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"vault://secret/presswork/slack#token":           "the newest",
		"vault://secret/presswork/slack?version=3#token": "version 3",
		"vault://secret/presswork/slack#port":            "5432",
		"vault://secret/presswork/slack#space":           "team-a",

		"vault://secret/presswork/slack#none":            `error: the secret has no key "none"`,
		"vault://secret/presswork/slack#list":            `error: the key "list" of the secret is no text`,
		"vault://secret/missing#token":                   "error: there is no such secret in Vault, or it was deleted",
		"vault://secret/missing?version=2#token":         "error: there is no such secret in Vault, or it was deleted",
		"vault://secret/deleted#token":                   "error: there is no such secret in Vault, or it was deleted",
		"vault://secret/sealed#token":                    "error: the answer of Vault is 503: Vault is sealed",
		"vault://secret/dumb#token":                      "error: the answer of Vault is 400: Bad Request",
		"vault://secret/presswork/slack":                 "error: not a reference: vault://MOUNT/PATH#KEY, with ?version= if wanted",
		"vault://secret#token":                           "error: not a reference: vault://MOUNT/PATH#KEY, with ?version= if wanted",
		"vault://secret/presswork/slack?version=0#token": "error: the version of a secret in Vault is a number",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			address, reads, _ := vaultServer(t)
			v := vaultAt(map[string]string{"VAULT_ADDR": address, "VAULT_TOKEN": "token-of-the-tests", "VAULT_NAMESPACE": "team-a"})
			got, err := v.resolve(t.Context(), text)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if n := reads.Load(); strings.Contains(text, "sealed") && n != tries {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestVaultLogin gets a token in each way, once for all references, and says what is missing.
func TestVaultLogin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token, jwt, none := file("token", "token-of-the-tests\n"), file("jwt", "a service account's"), filepath.Join(dir, "none")
	for name, tc := range map[string]struct {
		environ map[string]string
		logins  int32
		wrong   string
	}{
		"token":           {environ: map[string]string{"VAULT_TOKEN": "token-of-the-tests"}},
		"token's file":    {environ: map[string]string{"VAULT_TOKEN_FILE": token}},
		"kubernetes":      {environ: map[string]string{"VAULT_KUBERNETES_ROLE": "presswork", "VAULT_KUBERNETES_MOUNT": "cluster", "VAULT_KUBERNETES_TOKEN_FILE": jwt}, logins: 1},
		"another role":    {environ: map[string]string{"VAULT_KUBERNETES_ROLE": "other", "VAULT_KUBERNETES_MOUNT": "cluster", "VAULT_KUBERNETES_TOKEN_FILE": jwt}, logins: 2, wrong: "log in by Kubernetes: the answer of Vault is 403: service account name not authorized"},
		"no account":      {environ: map[string]string{"VAULT_KUBERNETES_ROLE": "presswork", "VAULT_KUBERNETES_TOKEN_FILE": none}, wrong: "no such file"},
		"a wrong token":   {environ: map[string]string{"VAULT_TOKEN": "token-of-a-stranger"}, wrong: "the answer of Vault is 403: permission denied"},
		"no token's file": {environ: map[string]string{"VAULT_TOKEN_FILE": none}, wrong: "VAULT_TOKEN_FILE: "},
		"nothing":         {wrong: "VAULT_TOKEN, VAULT_TOKEN_FILE or VAULT_KUBERNETES_ROLE has to be set"},
		"no address":      {environ: map[string]string{"VAULT_ADDR": "", "VAULT_TOKEN": "token-of-the-tests"}, wrong: "VAULT_ADDR is not set"},
		"a bad address":   {environ: map[string]string{"VAULT_ADDR": "::", "VAULT_TOKEN": "token-of-the-tests"}, wrong: "make a client of Vault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _, logins := vaultServer(t)
			environ := map[string]string{"VAULT_ADDR": address}
			for name, value := range tc.environ {
				environ[name] = value
			}
			v := vaultAt(environ)
			for range 2 {
				got, err := v.resolve(t.Context(), "vault://secret/presswork/slack#token")
				if tc.wrong == "" && (err != nil || got != "the newest") {
					t.Errorf("%q, %v", got, err)
				}
				if tc.wrong != "" && (err == nil || !strings.Contains(err.Error(), tc.wrong) || strings.Contains(err.Error(), "stranger")) {
					t.Errorf("%q, %v", got, err)
				}
			}
			if n := logins.Load(); n != tc.logins {
				t.Errorf("%d logins", n)
			}
		})
	}
}

// TestResolvers has both, by the schemes of their references, and opens nothing by itself.
func TestResolvers(t *testing.T) {
	t.Parallel()
	resolvers := Resolvers(func(string) string { return "" })
	for scheme, reference := range map[string]string{"vault": "vault://a/b#c", "aws-sm": "aws-sm://"} {
		if _, err := resolvers[scheme](t.Context(), reference); err == nil {
			t.Errorf("%s was resolved", reference)
		}
	}
	if len(resolvers) != 2 {
		t.Errorf("%d resolvers", len(resolvers))
	}
}
