package demo

import (
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/sandbox"
)

// PerChannel is a number for each channel.
type PerChannel struct {
	Email      int64 `json:"email"`
	Newsletter int64 `json:"newsletter"`
	Slack      int64 `json:"slack"`
	Discord    int64 `json:"discord"`
	Webhook    int64 `json:"webhook"`
}

// perChannel asks for the number of each kind.
func perChannel(of func(kind string) int64) PerChannel {
	return PerChannel{
		Email: of("email"), Newsletter: of("newsletter"), Slack: of("slack"), Discord: of("discord"), Webhook: of("webhook"),
	}
}

// of is the number of a kind.
func (p PerChannel) of(kind string) int64 {
	return map[string]int64{
		"email": p.Email, "newsletter": p.Newsletter, "slack": p.Slack, "discord": p.Discord, "webhook": p.Webhook,
	}[kind]
}

// Result is what became of the demo's publication. As JSON it is the last line of `make demo`.
type Result struct {
	// Subscribers is how many were eligible; Accepted how many deliveries Presswork wrote into its ledger.
	Subscribers int64 `json:"subscribers"`
	Accepted    int64 `json:"accepted"`
	// Sent is what the ledger says.
	Sent      PerChannel `json:"sent"`
	Skipped   int64      `json:"skipped"`
	Failed    int64      `json:"failed"`
	Uncertain int64      `json:"uncertain"`
	// Received is what the sandbox says: distinct deliveries of this publication.
	Received PerChannel `json:"received"`
	// Seconds passed from acceptance to the end; 0 while there is none.
	Seconds float64 `json:"seconds"`

	// Publication is its uid, State its last known state.
	Publication string `json:"-"`
	State       string `json:"-"`
	// Doubled is how many copies the sandbox received beyond the first.
	Doubled int64 `json:"-"`
	// Targets is how many deliveries each channel should have: one for each eligible subscriber or place.
	Targets PerChannel `json:"-"`

	last api.Progress
}

func newResult(m made, a api.Accepted, last api.Progress, arrived sandbox.Arrivals) Result {
	r := Result{
		Subscribers: m.subscribers, Accepted: last.All.Total,
		Sent:    perChannel(func(kind string) int64 { return last.Channel(api.ChannelKindSeen(kind)).Sent }),
		Skipped: last.All.Skipped, Failed: last.All.Failed, Uncertain: last.All.Uncertain,
		Received:    perChannel(func(kind string) int64 { return arrived.Channels[kind] }),
		Publication: a.ID, State: string(last.State), Doubled: arrived.Doubled, last: last,
	}
	r.Targets = perChannel(func(kind string) int64 {
		if kind == "email" || kind == "newsletter" {
			return m.subscribers
		}
		return m.targets[kind]
	})
	if last.CompletedAt != nil {
		r.Seconds = math.Round(last.CompletedAt.Sub(a.CreatedAt).Seconds()*1000) / 1000
	}
	return r
}

// Check says everything that is not as it should be: all deliveries settled and sent, each received once,
// one for each subscriber and place, nothing failed or uncertain. nil: all is well.
func (r Result) Check() error {
	var wrong []error
	note := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	note(r.State != "completed", "the publication is %s, not completed", r.State)
	settled := r.Skipped + r.Failed + r.Uncertain
	for _, kind := range kinds() {
		sent, received, target := r.Sent.of(kind), r.Received.of(kind), r.Targets.of(kind)
		settled += sent
		note(sent != received, "%s: %d sent, %d received", kind, sent, received)
		note(sent != target, "%s: %d sent, %d expected", kind, sent, target)
	}
	note(settled != r.Accepted, "%d of %d deliveries are settled", settled, r.Accepted)
	note(r.Failed > 0, "%d failed", r.Failed)
	note(r.Uncertain > 0, "%d are uncertain", r.Uncertain)
	note(r.Doubled > 0, "%d were received twice", r.Doubled)
	return errors.Join(wrong...)
}

// table writes a line for each channel.
func (r Result) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nchannel\ttargets\tsent\treceived\tskipped\tfailed\tuncertain\t")
	for _, kind := range kinds() {
		c := r.last.Channel(api.ChannelKindSeen(kind))
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			kind, r.Targets.of(kind), c.Sent, r.Received.of(kind), c.Skipped, c.Failed, c.Uncertain)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	fmt.Fprintf(w, "\n%d deliveries, %s, in %.1f seconds.\n", r.Accepted, r.State, r.Seconds)
	fmt.Fprintln(w, r.copies())
	if r.Uncertain > 0 {
		fmt.Fprintf(w, "To %d of them a worker was sending when it died. Presswork cannot know whether these arrived, so it does not\n"+
			"send to them again. The sandbox does: %d arrived.\n", r.Uncertain, r.arrived())
	}
	return nil
}

// copies says whether anybody got something twice.
func (r Result) copies() string {
	if r.Doubled > 0 {
		return fmt.Sprintf("%d arrived a second time.", r.Doubled)
	}
	return "Nothing arrived twice."
}

// arrived is how many of the uncertain deliveries the sandbox received.
func (r Result) arrived() int64 {
	var n int64
	for _, kind := range kinds() {
		n += r.Received.of(kind) - r.Sent.of(kind)
	}
	return n
}
