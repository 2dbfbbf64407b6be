package budget

import (
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// TestAPublicationsRateUnderAChannels: both let through what both have, whichever is short, and nobody waits for ever.
func TestAPublicationsRateUnderAChannels(t *testing.T) {
	t.Parallel()
	for name, rates := range map[string]struct {
		perMinute int
		channel   string
	}{"the channel is slower": {6000, "20"}, "the publication is slower": {1200, "100"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := process(t, redistest.Client(t), "one")
			gate := delivery.Both(b.Publication(3, channel.Email, rates.perMinute), b.Channel(outlet("rate", rates.channel)))
			w := newWoken()
			p, err := gate.Enter(t.Context(), tasks.LaneBulk, 20, w.wake)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Leave()
			for total := 0; total < 20; {
				n, err := p.Take(16)
				if err != nil {
					t.Fatal(err)
				}
				if total += n; n == 0 {
					<-w.ch
				}
			}
		})
	}
}
