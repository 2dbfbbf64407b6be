package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// api is a client of the house's API.
func (h *house) api() *client.Client {
	c := client.New(h.config.PublicURL, fixture.Key)
	h.t.Cleanup(c.Close)
	return c
}

// A reader's timeline tells what was chosen and why, that it was sent, and that a link was clicked; of somebody who is no
// recipient it tells why not.
func TestTimeline(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	people := fixture.People("told", 3)
	h.Subscribe(t, people)
	id := h.Publish(t, fixture.Order{Title: "Told", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	var open struct{ Items []struct{ ID string } }
	h.Call(t, http.MethodGet, "/subscribers?email="+people[1].Email, nil, &open)
	got, err := h.api().Timeline(t.Context(), id, people[1].Email)
	if err != nil || got.RecipientID != open.Items[0].ID || len(got.Deliveries) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	d := got.Deliveries[0]
	if d.State != "sent" || len(d.Attempts) != 1 || d.Attempts[0].Outcome != "sent" || d.Choice == nil || d.Choice.Basis != "exact" ||
		len(d.Choice.Items) == 0 || len(d.Choice.Items[0].Reasons) == 0 {
		t.Errorf("%+v, choice %+v", d, d.Choice)
	}
	h.Subscribe(t, fixture.People("late", 1))
	if late, err := h.api().Timeline(t.Context(), id, fixture.People("late", 1)[0].Email); err != nil || late.NotARecipient == nil || *late.NotARecipient != "too_late" {
		t.Errorf("%+v, %v", late, err)
	}
	sent, err := client.Collect(h.api().Recipients(t.Context(), id, api.ListRecipientsParams{State: "sent"}), 0)
	if err != nil || len(sent) != 3 {
		t.Errorf("%d recipients were sent to, %v", len(sent), err)
	}
}

// Whoever follows a run by a stream sees it come to its end, with a rate; a stream that is open does not keep the API from
// stopping.
func TestFollow(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t)
	id := halfway(h, readers)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rates := 0
	last, err := client.Last(h.api().Follow(ctx, id), func(p api.Progress) {
		h.hasten() // there is somebody who sees the end
		if p.RatePerSecond > 0 {
			rates++
		}
	})
	if err != nil || last.State != "completed" || last.All.Sent != readers || rates == 0 {
		t.Errorf("%+v, %v, %d with a rate", last, err, rates)
	}
	waiting := h.Publish(t, fixture.Order{Title: "Later", Channels: []string{"email"}, Schedule: time.Now().Add(time.Hour)})
	shown := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = client.Last(h.api().Follow(ctx, waiting), func(api.Progress) {
			select {
			case shown <- struct{}{}:
			default:
			}
		})
	}()
	<-shown
	began := time.Now()
	h.stop(h.apps[0])
	if took := time.Since(began); took > h.config.ShutdownGrace/2 {
		t.Errorf("stopping took %v with an open stream", took)
	}
	cancel()
	<-done
}
