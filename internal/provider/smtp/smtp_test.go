package smtp_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/smtp"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, userinfo := range map[string]string{"open": "", "with credentials": "user:not-a-real-password@"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Harness{
				Provider: smtp.Provider(smtp.Options{}),
				Faults:   sandbox.ProviderSMTP,
				MaxWait:  30 * time.Second,
				Channel: func(s *sandbox.Sandbox) channel.Channel {
					return channel.Channel{Secrets: map[string]string{"url": "smtp://" + userinfo + s.SMTPAddr()}}
				},
			})
		})
	}
}
