package e2e

import (
	"testing"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// doubtful publishes to readers of whom the provider takes some without an answer.
func doubtful(t *testing.T, h *house, sure, mute int) string {
	t.Helper()
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("sure", sure))
	h.Subscribe(t, fixture.People("mute", mute))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "mute", DropRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Doubt", Channels: []string{"email"}})
	p := h.Await(t, id, "completed", patience)
	if p.All.Uncertain != int64(mute) {
		t.Fatalf("progress is %s", p)
	}
	h.Sandbox.Clear()
	return id
}

// age lets a minute pass for everybody who is uncertain.
func (h *house) age() {
	h.t.Helper()
	if _, err := h.pool.Exec(h.t.Context(), `
		UPDATE uncertain SET since = since - interval '1 minute', due = due - interval '1 minute'`); err != nil {
		h.t.Fatal(err)
	}
}

// Mail of whom nobody knows is held: it is listed, and people decide about it.
func TestUncertainIsHeldAndDecided(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := doubtful(t, h, 30, 4)
	api := h.api()
	of := client.UncertainFilter{PublicationID: id}
	h.age()
	fixture.Until(t, patience, "the policy to be asked", func() (bool, string) {
		return value[int](h, `SELECT count(*)::int FROM uncertain WHERE due IS NULL`) == 4, ""
	})
	list, err := api.Uncertain(t.Context(), of, 10)
	if err != nil || len(list) != 4 || list[0].Reason != "no_answer" || list[0].PolicyAt != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	h.wantOnce(id, "email", 34)
	for decision, ids := range map[string][]int64{"sent": {list[0].ID}, "failed": {list[1].ID}} {
		d, err := api.DecideUncertain(t.Context(), client.DecideRequest{Decision: decision, IDs: ids})
		if err != nil || d.Changed != 1 {
			t.Errorf("%s: %+v, %v", decision, d, err)
		}
	}
	d, err := api.DecideUncertain(t.Context(), client.DecideRequest{Decision: "resend", UncertainFilter: of})
	if err != nil || d.Changed != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	fixture.Until(t, patience, "second copies", func() (bool, string) {
		_, doubles := h.arrived(id, "email")
		return doubles == 2, h.Progress(t, id).String()
	})
	p := h.Await(t, id, "completed_with_failures", patience)
	if p.All.Sent != 33 || p.All.Failed != 1 || p.All.Uncertain != 0 {
		t.Errorf("progress is %s", p)
	}
	if left, err := api.CountUncertain(t.Context(), client.UncertainFilter{}); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

// A webhook is sent to once more by itself, and never a third time.
func TestWebhooksAreResent(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectWebhook(t, "mute")
	h.inject(sandbox.ProviderWebhook, sandbox.Fault{DropRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Doubt", Channels: []string{"webhook"}})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "webhook", 1)
	h.age()
	fixture.Until(t, patience, "a second copy", func() (bool, string) {
		_, doubles := h.arrived(id, "webhook")
		return doubles == 1, h.Progress(t, id).String()
	})
	// It is uncertain again: that is for people.
	fixture.Until(t, patience, "uncertainty", func() (bool, string) {
		return value[int](h, `SELECT count(*)::int FROM uncertain u JOIN delivery d USING (publication_id, channel_id, recipient_id)
			WHERE d.state = 7 AND u.due IS NOT NULL`) == 1, ""
	})
	h.age()
	fixture.Until(t, patience, "the policy to hold", func() (bool, string) {
		return value[int](h, `SELECT count(*)::int FROM uncertain WHERE due IS NULL`) == 1, ""
	})
	p := h.Await(t, id, "completed", patience)
	if _, doubles := h.arrived(id, "webhook"); doubles != 1 || p.All.Uncertain != 1 {
		t.Errorf("%d second copies; progress is %s", doubles, p)
	}
}
