package placeholder_test

import (
	"context"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/placeholder"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	var recorded []string
	record := func(_ context.Context, c channel.Channel, m *channel.Message) {
		recorded = append(recorded, c.Name+" "+m.ID.String())
	}
	for _, kind := range channel.Kinds() {
		registry := channel.NewRegistry(nil, placeholder.Provider(record))
		sender, err := registry.Open(t.Context(), channel.Channel{Name: "n", Kind: kind, Provider: placeholder.Name})
		if err != nil {
			t.Fatal(err)
		}
		m := &channel.Message{ID: channel.Identity{Publication: "p", Kind: kind, Recipient: 1}}
		if err := sender.Send(t.Context(), m); !fault.Is(err, fault.GiveUp) {
			t.Errorf("an empty message: %v", err)
		}
		if kind.Personal() {
			m.Mail = &channel.Mail{}
		} else {
			m.Post = &channel.Post{}
		}
		if err := sender.Send(t.Context(), m); err != nil {
			t.Error(err)
		}
		if recorded[len(recorded)-1] != "n p/"+string(kind)+"/1" {
			t.Errorf("recorded %q", recorded)
		}
		if err := sender.(channel.Verifier).Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(recorded) != len(channel.Kinds()) {
		t.Errorf("recorded %q", recorded)
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: placeholder.Provider(nil),
		Channel:  func(*sandbox.Sandbox) channel.Channel { return channel.Channel{} },
		Pretends: true,
	})
}

func TestNoRecord(t *testing.T) {
	t.Parallel()
	sender, err := placeholder.Provider(nil).Open(t.Context(), channel.Channel{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), &channel.Message{Mail: &channel.Mail{}}); err != nil {
		t.Error(err)
	}
}
