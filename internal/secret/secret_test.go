package secret

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]reference{
		"vault://secret/presswork#slack":            {path: "secret/presswork", key: "slack"},
		"vault://secret/a/b?version=3#slack":        {path: "secret/a/b", key: "slack", version: "3"},
		"vault://secret/a/b#slack?version=3":        {path: "secret/a/b", key: "slack", version: "3"},
		"vault://name":                              {path: "name"},
		"vault://secret/a%3Fb#c%23d":                {path: "secret/a?b", key: "c#d"},
		"vault://arn:aws:secretsmanager:eu-x:1:s:n": {path: "arn:aws:secretsmanager:eu-x:1:s:n"},
		"vault://":                      {},
		"vault:/x":                      {},
		"aws-sm://x":                    {},
		"vault://?version=1#x":          {},
		"vault://x#":                    {},
		"vault://x#a#b":                 {},
		"vault://x?version=":            {},
		"vault://x?version=1?version=2": {},
		"vault://x?other=1":             {},
		"vault://x%zz#a":                {},
		"vault://x#%zz":                 {},
	} {
		got, err := parse("vault", text)
		if got != want && err == nil || (err == nil) != (want.path != "") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// TestEveryReferenceComesBack however odd its parts are, if they are escaped.
func TestEveryReferenceComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := reference{path: rapid.StringN(1, -1, -1).Draw(t, "path"), version: rapid.String().Draw(t, "version"), key: rapid.String().Draw(t, "key")}
		text := "s://" + url.PathEscape(want.path)
		if want.version != "" {
			text += "?version=" + url.PathEscape(want.version)
		}
		if want.key != "" {
			text += "#" + url.PathEscape(want.key)
		}
		if got, err := parse("s", text); err != nil || got != want {
			t.Fatalf("%q came back as %+v, %v", text, got, err)
		}
	})
}

// TestInterrupted ends with its context, whatever the manager of secrets does not say.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2*tries)
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-over
	}))
	defer server.Close()
	defer close(over)
	v := &vault{env: func(name string) string { return map[string]string{"VAULT_ADDR": server.URL, "VAULT_TOKEN": "t"}[name] }}
	m := &manager{options: []func(*config.LoadOptions) error{config.WithBaseEndpoint(server.URL), config.WithRegion("eu-central-1"),
		config.WithSharedConfigFiles(nil), config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("id-of-nobody", "nothing", ""))}}
	for reference, resolve := range map[string]func(context.Context, string) (string, error){"vault://a/b#c": v.resolve, "aws-sm://a": m.resolve} {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := resolve(ctx, reference)
			failed <- err
		}()
		<-asked
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", reference, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("vault://secret/a/b?version=3#slack")
	f.Add("vault://a%23b#c")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parse("vault", text)
		if err == nil && (r.path == "" || !strings.HasPrefix(text, "vault://")) || err != nil && r.path+r.key != "" && r == (reference{}) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	})
}
