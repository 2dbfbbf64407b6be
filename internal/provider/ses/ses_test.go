package ses_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/ses"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = attempt.Network{AllowPrivate: true}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: ses.Provider(ses.Options{Network: loopback}),
		Faults:   sandbox.ProviderSES,
		MaxWait:  time.Second,
		Channel:  account,
	})
}

func account(s *sandbox.Sandbox) channel.Channel {
	return channel.Channel{
		Settings: map[string]string{"region": "eu-west-1", "endpoint": s.SESEndpoint(), "configuration_set": "daily"},
		Secrets:  map[string]string{"access_key_id": "an-id-of-no-account", "secret_access_key": "a-secret-of-no-account"},
	}
}

// answer makes one attempt that SES answers with an error of this type.
func answer(t *testing.T, status int, kind, message string) error {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-ErrorType", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"message":"` + message + `"}`))
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
	return sender.Send(t.Context(), providertest.Message(channel.Email, 1))
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		kind   string
		want   fault.Kind
		wait   time.Duration
	}{
		{429, "TooManyRequestsException", fault.Wait, time.Second},
		{400, "ThrottlingException", fault.Wait, time.Second},
		{400, "LimitExceededException", fault.Wait, 15 * time.Minute},
		{400, "AccountSuspendedException", fault.Wait, 15 * time.Minute},
		{400, "SendingPausedException", fault.Wait, 15 * time.Minute},
		{400, "MessageRejected", fault.GiveUp, 0},
		{400, "MailFromDomainNotVerifiedException", fault.GiveUp, 0},
		{400, "BadRequestException", fault.GiveUp, 0},
		{404, "NotFoundException", fault.GiveUp, 0},
		{403, "InvalidClientTokenId", fault.Retry, 0},
		{403, "SignatureDoesNotMatch", fault.Retry, 0},
		{400, "SomethingNew", fault.GiveUp, 0},
		{500, "InternalServiceErrorException", fault.Retry, 0},
		{503, "ServiceUnavailable", fault.Retry, 0},
		{200, "", fault.Kind(255), 0},
	} {
		err := answer(t, c.status, c.kind, "Email address is not verified: reader1@recipient.example")
		if c.status == 200 {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var got *fault.Error
		if !errors.As(err, &got) || got.Kind != c.want || got.After != c.wait || strings.Contains(err.Error(), "@") {
			t.Errorf("%d %s: %v", c.status, c.kind, err)
		}
	}
}

func TestMailAsSent(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sender, err := ses.Provider(ses.Options{Network: loopback}).Open(t.Context(), account(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	if err := sender.Send(t.Context(), providertest.Message(channel.Newsletter, 7)); err != nil {
		t.Fatal(err)
	}
	m := s.Messages(sandbox.ChannelNewsletter)[0]
	tags := map[string]string{"publication": "018f3a00-0000-7000-8000-000000000001", "channel": "newsletter", "recipient": "7"}
	if !maps.Equal(m.Tags, tags) || m.To != "reader7@recipient.example" || m.From != "news@sender.example" {
		t.Errorf("%+v", m)
	}
	if letter := m.Read(); letter.Subject != "Zwölf Dinge" || letter.Text != "Hello\r\n.\r\n..dots" {
		t.Errorf("%+v", letter)
	}
	quota, err := sender.(channel.Quoter).Quota(t.Context())
	if err != nil || quota.PerSecond <= 0 || quota.Per24h <= 0 || quota.Sent24h != 1 {
		t.Errorf("%+v, %v", quota, err)
	}
}

// TestEnvironment uses nothing but what the AWS SDK finds by itself.
func TestEnvironment(t *testing.T) {
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_REGION", "")
	provider := ses.Provider(ses.Options{Network: loopback})
	if _, err := provider.Open(t.Context(), channel.Channel{}); err == nil {
		t.Error("opened without a region")
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL_SESV2", s.SESEndpoint())
	t.Setenv("AWS_ACCESS_KEY_ID", "an-id-of-no-account")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-no-account")
	sender, err := provider.Open(t.Context(), channel.Channel{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	if err := sender.Send(t.Context(), providertest.Message(channel.Email, 1)); err != nil {
		t.Error(err)
	}
	if n := s.Counts().Total().Received; n != 1 {
		t.Errorf("%d mails arrived", n)
	}
}

// TestHalfAKey is refused when it is stored, counted as missing where it was stored already, and never used.
func TestHalfAKey(t *testing.T) {
	t.Parallel()
	registry := channel.NewRegistry(nil, ses.Provider(ses.Options{}))
	for given, missing := range map[string]string{"access_key_id": "secret_access_key", "secret_access_key": "access_key_id"} {
		c := channel.Channel{Name: "mail", Kind: channel.Email, Provider: ses.Name,
			Settings: map[string]string{"region": "eu-west-1"}, Secrets: map[string]string{given: "x"}}
		var known *fault.Error
		if err := registry.Check(c); !errors.As(err, &known) || len(known.Fields) != 1 || known.Fields[0].Pointer != "/secrets/"+missing {
			t.Errorf("%s alone: %v", given, err)
		}
		if got := registry.Missing(c); !slices.Equal(got, []string{missing}) {
			t.Errorf("%s alone: %v is missing", given, got)
		}
		if _, err := registry.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s alone was opened: %v", given, err)
		}
		if _, err := ses.Provider(ses.Options{}).Open(t.Context(), c); err == nil {
			t.Errorf("%s alone was opened by the provider", given)
		}
		c.Secrets[missing] = "y"
		if err := registry.Check(c); err != nil || registry.Missing(c) != nil {
			t.Errorf("both: %v, missing %v", err, registry.Missing(c))
		}
	}
	if c := (channel.Channel{Name: "mail", Kind: channel.Email, Provider: ses.Name}); registry.Check(c) != nil || registry.Missing(c) != nil {
		t.Error("without keys the SDK finds its own: nothing is missing")
	}
}
