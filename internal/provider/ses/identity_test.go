package ses_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/ses"
)

// TestVerifyFrom asks for the address, then for its domain and those above: one that is verified is enough. Who may not ask
// is taken at his word.
func TestVerifyFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verified, pending, code string
		works                   bool
		asked                   []string
	}{
		"address":        {verified: "desk@news.shop.example", works: true, asked: []string{"desk@news.shop.example"}},
		"domain":         {verified: "news.shop.example", works: true, asked: []string{"desk@news.shop.example", "news.shop.example"}},
		"above":          {verified: "shop.example", pending: "news.shop.example", works: true, asked: []string{"desk@news.shop.example", "news.shop.example", "shop.example"}},
		"pending":        {pending: "shop.example", asked: []string{"desk@news.shop.example", "news.shop.example", "shop.example"}},
		"may not ask":    {code: "AccessDeniedException", works: true, asked: []string{"desk@news.shop.example"}},
		"another answer": {code: "BadRequestException", asked: []string{"desk@news.shop.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				identity := strings.TrimPrefix(r.URL.Path, "/v2/email/identities/")
				asked = append(asked, identity)
				w.Header().Set("Content-Type", "application/json")
				switch identity {
				case c.verified:
					_, _ = w.Write([]byte(`{"VerifiedForSendingStatus":true}`))
				case c.pending:
					_, _ = w.Write([]byte(`{"VerifiedForSendingStatus":false}`))
				default:
					code := c.code
					if code == "" {
						code = "NotFoundException"
					}
					w.Header().Set("X-Amzn-Errortype", code)
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"message":"no"}`))
				}
			}))
			t.Cleanup(server.Close)
			sender, err := ses.Provider(ses.Options{Network: loopback}).Open(t.Context(), channel.Channel{
				Settings: map[string]string{"region": "eu-west-1", "endpoint": server.URL},
				Secrets:  map[string]string{"access_key_id": "an-id-of-no-account", "secret_access_key": "a-secret-of-no-account"},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = sender.Close() })
			err = sender.(channel.FromVerifier).VerifyFrom(t.Context(), "desk@news.shop.example")
			if (err == nil) != c.works || !slices.Equal(asked, c.asked) || err != nil && strings.Contains(err.Error(), "@") {
				t.Errorf("%v, asked for %q", err, asked)
			}
		})
	}
}
