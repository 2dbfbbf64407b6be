package ses_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/provider/ses"
)

// TestDomain is what SES says of a domain, or of the one above it.
func TestDomain(t *testing.T) {
	t.Parallel()
	const dkim = `"DkimAttributes":{"Status":"PENDING","SigningEnabled":true,"SigningAttributesOrigin":"%","Tokens":["t1","t2"]}`
	for name, c := range map[string]struct {
		answers map[string]string
		want    domaincheck.Identity
		fails   bool
	}{
		"found": {answers: map[string]string{"news.shop.example": `{"VerifiedForSendingStatus":true,` + strings.Replace(dkim, "%", "AWS_SES", 1) +
			`,"MailFromAttributes":{"MailFromDomain":"mail.shop.example","MailFromDomainStatus":"SUCCESS","BehaviorOnMxFailure":"USE_DEFAULT_VALUE"}}`},
			want: domaincheck.Identity{Name: "news.shop.example", Found: true, Verified: true, DKIMStatus: "PENDING", Signing: true, Tokens: []string{"t1", "t2"},
				MailFrom: "mail.shop.example", MailFromStatus: "SUCCESS"}},
		"above, with keys of one's own": {answers: map[string]string{"shop.example": `{"VerifiedForSendingStatus":false,` + strings.Replace(dkim, "%", "EXTERNAL", 1) + `}`},
			want: domaincheck.Identity{Name: "shop.example", Found: true, DKIMStatus: "PENDING", Signing: true}},
		"none":    {want: domaincheck.Identity{Name: "news.shop.example"}},
		"refused": {answers: map[string]string{"news.shop.example": ""}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				answer, there := c.answers[strings.TrimPrefix(r.URL.Path, "/v2/email/identities/")]
				switch {
				case !there:
					w.Header().Set("X-Amzn-Errortype", "NotFoundException")
					w.WriteHeader(http.StatusNotFound)
				case answer == "":
					w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = w.Write([]byte(answer))
			}))
			t.Cleanup(server.Close)
			got, err := ses.Domain(t.Context(), ses.Options{Network: loopback}, channel.Channel{
				Settings: map[string]string{"region": "eu-west-1", "endpoint": server.URL},
				Secrets:  map[string]string{"access_key_id": "an-id-of-no-account", "secret_access_key": "a-secret-of-no-account"},
			}, "news.shop.example")
			if c.want.Region = "eu-west-1"; c.fails != (err != nil) || !c.fails && !reflect.DeepEqual(*got, c.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
