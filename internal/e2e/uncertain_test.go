package e2e

import (
	"testing"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
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
	remote := h.api()
	h.age()
	fixture.Until(t, patience, "the policy to be asked", func() (bool, string) {
		return value[int](h, `SELECT count(*)::int FROM uncertain WHERE due IS NULL`) == 4, ""
	})
	list, err := client.Collect(remote.Uncertain(t.Context(), api.ListUncertainParams{PublicationID: id}), 10)
	if err != nil || len(list) != 4 || list[0].Reason != "no_answer" || list[0].PolicyAt != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	h.wantOnce(id, "email", 34)
	for decision, ids := range map[api.DecisionInputDecision][]int64{"sent": {list[0].ID}, "failed": {list[1].ID}} {
		d, err := remote.DecideUncertain(t.Context(), api.DecisionInput{Decision: decision, IDs: ids})
		if err != nil || d.Changed != 1 {
			t.Errorf("%s: %+v, %v", decision, d, err)
		}
	}
	d, err := remote.DecideAll(t.Context(), api.DecisionInput{Decision: "resend", PublicationID: id})
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
	if left, err := remote.CountUncertain(t.Context(), api.CountUncertainParams{}); err != nil || len(left.Items) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

// A webhook that does not answer is sent to again by itself, as often as one that fails, and no more.
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
	dayPasses := func() {
		if _, err := h.pool.Exec(t.Context(), `UPDATE uncertain SET since = since - interval '1 day', due = due - interval '1 day'`); err != nil {
			t.Fatal(err)
		}
	}
	uncertain := func() {
		t.Helper()
		fixture.Until(t, patience, "uncertainty", func() (bool, string) {
			return value[int](h, `SELECT count(*)::int FROM uncertain u JOIN delivery d USING (publication_id, channel_id, recipient_id)
				WHERE d.state = 7 AND u.due IS NOT NULL`) == 1, ""
		})
	}
	uncertain()
	dayPasses()
	fixture.Until(t, patience, "a third copy", func() (bool, string) {
		_, doubles := h.arrived(id, "webhook")
		return doubles == 2, h.Progress(t, id).String()
	})
	// After nine times it is for people.
	uncertain()
	if _, err := h.pool.Exec(t.Context(), `INSERT INTO reopening (publication_id, channel_id, recipient_id, was, reason, attempts, by)
		SELECT publication_id, channel_id, recipient_id, was, reason, attempts, by FROM (SELECT * FROM reopening LIMIT 1) r, generate_series(1, 7)`); err != nil {
		t.Fatal(err)
	}
	dayPasses()
	fixture.Until(t, patience, "the policy to hold", func() (bool, string) {
		return value[int](h, `SELECT count(*)::int FROM uncertain WHERE due IS NULL`) == 1, ""
	})
	p := h.Await(t, id, "completed", patience)
	if _, doubles := h.arrived(id, "webhook"); doubles != 2 || p.All.Uncertain != 1 {
		t.Errorf("%d second copies; progress is %s", doubles, p)
	}
}
