package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"code.dny.dev/ssrf"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/smtp"
)

// TestOperatorsAllowNetworks: what PRESSWORK_ALLOWED_NETWORKS names is reached, and nothing else that is not public.
func TestOperatorsAllowNetworks(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler()) // at 127.0.0.1
	defer server.Close()
	for setting, reached := range map[string]bool{"": false, "127.0.0.2,10.0.0.0/8": false, "127.0.0.1": true, "10.0.0.0/8, 127.0.0.0/8": true} {
		c, err := config.Load([]string{"PRESSWORK_ALLOWED_NETWORKS=" + setting})
		if err != nil {
			t.Fatal(err)
		}
		client := (&App{Config: c}).network().Client()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		client.CloseIdleConnections()
		if reached && err != nil || !reached && !errors.Is(err, ssrf.ErrProhibitedIP) {
			t.Errorf("with %q: %v", setting, err)
		}
	}
}

// TestRelaysOfMailMayBeInside, but not where clouds keep their credentials.
func TestRelaysOfMailMayBeInside(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"127.0.0.1:25": false, "10.1.2.3:25": false, "172.16.0.9:587": false, "192.168.1.1:465": false, "100.64.0.1:25": false,
		"[::1]:25": false, "[fd00::25]:25": false, "203.0.112.1:25": false,
		"169.254.169.254:80": true, "[fe80::1]:25": true, "[::ffff:169.254.169.254]:80": true, "0.0.0.0:25": true, "224.0.0.1:25": true, "[::]:25": true,
	} {
		err := (&App{Config: &config.Config{}}).network().Inside().Dialer().Control("tcp"+map[bool]string{true: "6", false: "4"}[address[0] == '['], address, nil)
		if refused != errors.Is(err, ssrf.ErrProhibitedIP) || !refused && err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for relay, code := range map[string]string{"169.254.169.254:80": "address_forbidden", "127.0.0.1:1": "not_sent"} {
		sender, err := (&App{Config: &config.Config{}, Log: zap.NewNop()}).providers().Open(t.Context(), channel.Channel{
			Provider: smtp.Name, Kind: channel.Email, Secrets: map[string]string{"url": "smtp://" + relay},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.(channel.Verifier).Verify(t.Context()); fault.CodeOf(err) != code {
			t.Errorf("%s: %v", relay, err)
		}
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	}
}
