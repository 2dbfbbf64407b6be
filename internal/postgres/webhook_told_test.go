package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/webhook"
)

// TestEveryEventIsTold goes through everything that is told of, step by step: each tells exactly what it does.
func TestEveryEventIsTold(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.beforeItBegins()
	s.sending()
	s.ends()
	s.puttingOff()
	s.channels()
	s.endpoints()
	for _, k := range webhook.Types() {
		if k.Type != webhook.Test && !slices.Contains(s.types, string(k.Type)) {
			t.Errorf("%s was never told", k.Type)
		}
	}
}

func (s *story) beforeItBegins() {
	ctx := audit.WithActor(s.t.Context(), "ann")
	var id int64
	var uid ident.UID
	accept := func(change func(*publication.Order)) func() error {
		return func() error { id, uid = s.mail(change); return nil }
	}
	s.step("schedule", accept(inAnHour), "publication.scheduled")
	summary := func(_ publication.Summary, err error) error { return err }
	s.step("pause", func() error { return summary(s.PausePublication(ctx, uid, anyVersion)) }, "publication.paused")
	s.step("pause again", func() error { return summary(s.PausePublication(ctx, uid, anyVersion)) })
	s.step("resume", func() error { return summary(s.ResumePublication(ctx, uid, anyVersion)) }, "publication.resumed")
	timed := s.submission(s.t, inAnHour).Resolved
	change := func(c publication.Change) func() error {
		return func() error { return summary(s.ChangePublication(ctx, uid, anyVersion, c)) }
	}
	s.step("change", change(publication.Change{Resolved: timed, Verb: "update"}), "publication.scheduled")
	s.step("delete", func() error { return s.DeletePublication(ctx, uid, anyVersion) }, "publication.deleted")
	s.step("schedule", accept(inAnHour), "publication.scheduled")
	s.exec(s.t, `UPDATE publication SET scheduled_at = now() WHERE id = $1`, id)
	s.step("its time comes", func() error { _, err := s.QueueDue(ctx); return err }, "publication.queued")
	s.step("fail", func() error { return s.FailPublication(ctx, id, "The template cannot be rendered.") }, "publication.failed")
	s.step("fail again", func() error { return s.FailPublication(ctx, id, "The template cannot be rendered.") })
	s.step("store a draft", func() error {
		draft := s.submission(s.t, nil)
		draft.Draft = true
		a, err := s.StorePublication(ctx, draft)
		uid = a.UID
		return err
	}, "publication.drafted")
	draft := timed
	draft.Draft = true
	s.step("change the draft", change(publication.Change{Resolved: draft, Verb: "update"}))
	ask := publication.Change{Resolved: timed, Verb: "publish", Publish: true, Review: true}
	s.step("ask", change(ask), "publication.approval_required")
	decide := func(approve bool) func() error {
		return func() error {
			return summary(s.DecidePublication(audit.WithActor(ctx, "bob"), uid, anyVersion, publication.Verdict{Approve: approve, Reason: "no"}))
		}
	}
	s.step("reject", decide(false), "publication.rejected")
	s.step("ask anew", change(ask), "publication.approval_required")
	s.step("approve", decide(true), "publication.approved", "publication.scheduled")
	s.step("draft it again", change(publication.Change{Resolved: draft, Verb: "update"}), "publication.drafted")
	s.step("cancel", func() error { return summary(s.CancelPublication(ctx, uid, anyVersion)) }, "publication.cancelled")
}

func (s *story) sending() {
	ctx := s.t.Context()
	var id int64
	var uid ident.UID
	s.step("accept", func() error { id, uid = s.mail(nil); return nil }, "publication.queued")
	s.step("begin", func() error { fanOut(s.t, s.DB, id, 1); return nil }, "publication.sending")
	readers := value[[]int64](s.t, s.DB, `SELECT array_agg(recipient_id ORDER BY recipient_id) FROM delivery WHERE publication_id = $1`, id)
	if len(readers) != 8 {
		s.t.Fatalf("%d readers", len(readers))
	}
	s.step("send", func() error { return s.send(id, nil, errRefused, errCut) }, "delivery.sent", "delivery.failed", "delivery.uncertain")
	s.step("fail for a while", func() error { return s.send(id, fault.New(fault.Retry, "busy", "Later.")) }, "delivery.sent", "delivery.sent")
	s.step("deliver", func() error { return s.report(uid, feedback.Delivered, readers[0]) }, "delivery.delivered")
	s.step("deliver again", func() error { return s.report(uid, feedback.Delivered, readers[0]) })
	s.step("complain", func() error { return s.report(uid, feedback.Complained, readers[0]) }, "delivery.complained")
	s.step("learn that it was sent", func() error { return s.report(uid, feedback.Accepted, readers[2]) }, "delivery.sent")
	s.step("bounce", func() error { return s.report(uid, feedback.Bounced, readers[2]) }, "delivery.bounced")
	s.step("open and click", func() error {
		s.exec(s.t, `INSERT INTO link (publication_id, n, url) VALUES ($1, 0, 'https://news.example/faster')`, id)
		return s.InsertEvents(ctx, []analytics.Event{
			{At: time.Now(), Kind: analytics.Open, Publication: id, Channel: 1, Recipient: readers[0], Link: analytics.NoLink},
			{At: time.Now(), Kind: analytics.Click, Publication: id, Channel: 1, Recipient: readers[0], Link: 0},
		})
	}, "delivery.opened", "delivery.clicked")
	s.step("unsubscribe", func() error {
		return s.Unsubscribe(ctx, publication.Unsubscription{Publication: id, Channel: 1, Subscriber: readers[0]})
	}, "delivery.unsubscribed")
	var session int64
	var outcomes []delivery.Outcome
	s.step("die", func() (err error) { session, outcomes, err = s.cut(id, 1); return err }, "delivery.uncertain")
	s.step("late", func() error { return s.SettleLate(ctx, session, outcomes) }, "delivery.sent")
	s.step("late again", func() error { return s.SettleLate(ctx, session, outcomes) })
	s.step("list an address", func() error {
		_, _, err := s.Suppress(ctx, value[string](s.t, s.DB, `SELECT email FROM subscriber WHERE id = $1`, readers[6]), byHand())
		return err
	})
	s.step("end", func() error { return errors.Join(s.send(id), s.send(id)) }, "delivery.sent", "delivery.suppressed", "publication.completed")
	s.step("replay", func() error { return s.again(id, delivery.Failed) }, "delivery.reopened", "publication.sending")
	s.step("end again", func() error { return s.send(id) }, "delivery.sent", "publication.completed")
}

func (s *story) ends() {
	ctx := s.t.Context()
	var id int64
	var uid ident.UID
	s.step("accept", func() error { id, uid = s.mail(nil); return nil }, "publication.queued")
	s.step("begin", func() error { fanOut(s.t, s.DB, id, 1); return nil }, "publication.sending")
	s.step("pause", func() error { _, err := s.PausePublication(ctx, uid, anyVersion); return err })
	s.step("nothing is under way", func() error { return s.Advance(ctx, id) }, "publication.paused")
	s.step("resume", func() error { _, err := s.ResumePublication(ctx, uid, anyVersion); return err }, "publication.resumed")
	s.step("leave two in doubt", func() error { return s.send(id, errCut, errCut) }, "delivery.uncertain", "delivery.uncertain", "delivery.sent")
	s.step("decide", func() error {
		list, err := s.Uncertain(ctx, delivery.UncertainFilter{Publication: uid}, 0, 10)
		if err != nil || len(list) != 2 {
			s.t.Fatalf("%d uncertain, %v", len(list), err)
		}
		_, _, _, err = s.DecideUncertain(ctx, delivery.UncertainFilter{IDs: []int64{list[0].ID}}, delivery.DecideFailed, 0)
		return err
	}, "delivery.failed")
	s.step("resend to the other", func() error { return s.again(id, delivery.Uncertain) }, "delivery.reopened")
	s.step("cancel", func() error { _, err := s.CancelPublication(ctx, uid, anyVersion); return err })
	s.step("give up", func() error { return s.AdvanceOpen(ctx) }, "delivery.uncertain", "delivery.skipped", "delivery.skipped",
		"delivery.skipped", "delivery.skipped", "publication.cancelled")
}

func (s *story) puttingOff() {
	ctx := s.t.Context()
	var id int64
	release := func() error { _, err := s.ReleaseDue(ctx); return err }
	due := func(pauses string) {
		s.exec(s.t, `UPDATE subscriber SET paused_until = `+pauses)
		s.exec(s.t, `UPDATE held SET due = now()`)
	}
	deferred := func(n int) []string { return slices.Repeat([]string{"delivery.deferred"}, n) }
	s.exec(s.t, `UPDATE subscriber SET suppression_id = NULL, paused_until = CASE WHEN id > (
		SELECT min(id) FROM subscriber WHERE status = 'active') THEN now() + interval '1 day' END`)
	paused := value[int](s.t, s.DB, `SELECT count(*) FROM subscriber WHERE status = 'active' AND paused_until IS NOT NULL`)
	s.step("accept", func() error { id, _ = s.mail(nil); return nil }, "publication.queued")
	s.step("begin", func() error { fanOut(s.t, s.DB, id, 1); return nil }, append(deferred(paused), "publication.sending")...)
	s.exec(s.t, `UPDATE subscriber SET paused_until = now() + interval '1 day'`)
	s.step("send to who paused meanwhile", func() error { return s.send(id) }, deferred(1)...)
	due(`now() + interval '2 days'`)
	s.step("put off anew", release, deferred(paused+1)...)
	due(`NULL`)
	s.step("release", release)
	s.step("end", func() error { return errors.Join(s.send(id), s.send(id), s.send(id)) },
		append(slices.Repeat([]string{"delivery.sent"}, paused+1), "publication.completed")...)
}

func (s *story) channels() {
	ctx := s.t.Context()
	store := channelsOf(s.t, s.DB, "k")
	var c channel.Channel
	s.step("make a channel", func() (err error) {
		c, err = store.CreateChannel(ctx, channel.Channel{Kind: channel.Slack, Provider: "slack", Name: "desk", Enabled: true})
		return err
	}, "channel.enabled")
	turn := func(on bool) func() error {
		return func() error {
			var err error
			c, err = store.UpdateChannel(ctx, c.UID, func(c channel.Channel) (channel.Channel, error) { c.Enabled = on; return c, nil })
			return err
		}
	}
	s.step("switch it off", turn(false), "channel.disabled")
	s.step("switch it off again", turn(false))
	s.step("switch it on", turn(true), "channel.enabled")
	s.step("lose it", func() error { _, err := store.NoteFailure(ctx, c.ID, c.Version, true); return err }, "channel.disabled")
	s.step("switch it on once more", turn(true), "channel.enabled")
	s.step("delete it", func() error { return store.DeleteChannel(ctx, c.UID, anyVersion) }, "channel.disabled")
	got := value[string](s.t, s.DB, `SELECT string_agg((data ->> 'reason') || ' ' || (data ? 'failing_since'), ', ' ORDER BY id) FROM webhook_event WHERE type = 'channel.disabled'`)
	if got != "client false, gone true, deleted false" {
		s.t.Errorf("switched off: %s", got)
	}
}

func (s *story) endpoints() {
	ctx := s.t.Context()
	sealer, err := seal.New([]byte(strings.Repeat("k", 32)))
	if err != nil {
		s.t.Fatal(err)
	}
	store := s.Webhooks(sealer)
	e := webhook.Endpoint{UID: ident.New(), URL: "https://other.example/", Enabled: true, Secrets: webhook.Secrets{Current: webhook.NewSecret()}}
	s.step("make an endpoint", func() (err error) { e, err = store.CreateEndpoint(ctx, e); return err })
	off := func() error {
		_, err := store.UpdateEndpoint(ctx, e.UID, "disable", func(e webhook.Endpoint) (webhook.Endpoint, error) { e.Enabled = false; return e, nil })
		return err
	}
	s.step("switch it off", off, "webhook_endpoint.disabled")
	s.step("switch it off again", off)
	if own := value[int](s.t, s.DB, `SELECT count(*)::int FROM webhook_message WHERE endpoint = $1`, e.ID); own != 0 {
		s.t.Errorf("it was told of itself, %d times", own)
	}
}
