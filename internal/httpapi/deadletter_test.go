package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
)

// letterbox is a store of dead letters and of uncertain recipients that notes what it is asked.
type letterbox struct {
	DeadLetterStore
	UncertainStore
	asked    delivery.DeadFilter
	ordered  delivery.ReplayOrder
	doubted  delivery.UncertainFilter
	decision delivery.Decision
	replay   ident.UID
}

func (b *letterbox) DeadLetters(_ context.Context, f delivery.DeadFilter, before int64, limit int) ([]delivery.Letter, error) {
	b.asked = f
	var list []delivery.Letter
	for id := int64(5); id > 0 && len(list) < limit; id-- {
		if before == 0 || id < before {
			list = append(list, delivery.Letter{ID: id, Channel: 1, Lane: 2, Publication: b.replay})
		}
	}
	return list, nil
}

func (b *letterbox) DeadLetter(_ context.Context, id int64) (delivery.Letter, []delivery.Reopening, error) {
	if id != 5 {
		return delivery.Letter{}, nil, fault.New(fault.NotFound, "not_found", "no")
	}
	at := time.Now()
	return delivery.Letter{ID: id, Channel: 3, ReplayedAt: &at, ReplayedBy: "archive"},
		[]delivery.Reopening{{By: "archive", Was: delivery.Failed, Reason: delivery.Rejected}}, nil
}

func (b *letterbox) DeadGroups(_ context.Context, f delivery.DeadFilter, _ int) ([]delivery.LetterGroup, error) {
	b.asked = f
	return []delivery.LetterGroup{{Channel: 1, Count: 7}}, nil
}

func (b *letterbox) DeleteDeadLetters(_ context.Context, f delivery.DeadFilter) (int64, error) {
	b.asked = f
	if f.Empty() {
		return 0, fault.New(fault.Conflict, "filter_required", "no")
	}
	return 3, nil
}

func (b *letterbox) CountDeadLetters(_ context.Context, f delivery.DeadFilter) (int64, error) {
	b.asked = f
	return 9, nil
}

func (b *letterbox) CreateDeadReplay(_ context.Context, o delivery.ReplayOrder) (delivery.Replay, error) {
	b.ordered = o
	return delivery.Replay{UID: b.replay, ReplayOrder: o, State: delivery.ReplayCanary}, nil
}

func (b *letterbox) DeadReplay(_ context.Context, uid ident.UID) (delivery.Replay, error) {
	if uid != b.replay {
		return delivery.Replay{}, fault.New(fault.NotFound, "not_found", "no")
	}
	return delivery.Replay{UID: uid, State: delivery.ReplayRunning, Reopened: 5, Sent: 2}, nil
}

func (b *letterbox) DeadReplays(context.Context, int64, int) ([]delivery.Replay, error) {
	return []delivery.Replay{{ID: 1, UID: b.replay, State: delivery.ReplayRunning}}, nil
}

func (b *letterbox) CancelDeadReplay(_ context.Context, uid ident.UID) (delivery.Replay, error) {
	return delivery.Replay{UID: uid, State: delivery.ReplayCancelled}, nil
}

func (b *letterbox) Uncertain(_ context.Context, f delivery.UncertainFilter, _ int64, _ int) ([]delivery.UncertainRow, error) {
	b.doubted = f
	return []delivery.UncertainRow{{ID: 4, Channel: 5, Reason: delivery.ProcessDied}}, nil
}

func (b *letterbox) CountUncertain(_ context.Context, f delivery.UncertainFilter, _ int) ([]delivery.UncertainCount, error) {
	b.doubted = f
	return []delivery.UncertainCount{{Channel: 5, Reason: delivery.NoAnswer, Count: 12}}, nil
}

func (b *letterbox) DecideUncertain(
	_ context.Context, f delivery.UncertainFilter, d delivery.Decision, after int64,
) (delivery.Fates, int64, bool, error) {
	b.doubted, b.decision = f, d
	return delivery.Fates{Changed: 2, Busy: 1}, after + 10, after == 0, nil
}

func newLetterbox(t *testing.T) (*api, *letterbox, *int) {
	t.Helper()
	b, poked := &letterbox{replay: ident.New()}, new(int)
	return serve(t, nil, func(d *Deps) { d.DeadLetters, d.Uncertain, d.Poke = b, b, func() { *poked++ } }), b, poked
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	a, b, _ := newLetterbox(t)
	uid := ident.New()
	got := a.do(http.MethodGet, "/api/v1/dead-letters?limit=2&publication_id="+uid.String()+
		"&channel=email&queue=email-bulk&fingerprint=f&code=c&since=2030-01-01T00:00:00Z&until=2030-01-02T00:00:00Z&replayed=true", nil)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"queue":"email-bulk"`) || !strings.Contains(got.Body, `"recipient_id":null`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	f := b.asked
	if *f.Publication != uid || f.Channel != "email" || f.Queue != "email-bulk" || f.Fingerprint != "f" || f.Code != "c" ||
		f.Since.Day() != 1 || f.Until.Day() != 2 || !f.Replayed {
		t.Errorf("asked for %+v", f)
	}
	var page struct {
		Items []struct{ ID int64 }
		Next  string
	}
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil || len(page.Items) != 2 || page.Next == "" {
		t.Fatalf("%v, %v", page, err)
	}
	got = a.do(http.MethodGet, "/api/v1/dead-letters?limit=2&cursor="+page.Next, nil)
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil || page.Items[0].ID != 3 {
		t.Errorf("the next page is %s, %v", got.Body, err)
	}
	for path, want := range map[string]string{
		"/dead-letters/groups?code=x": `"count":7`, "/dead-letters/5": `"replays":[{`, "/dead-letters/replays": `"items":[{`,
	} {
		if got := a.do(http.MethodGet, "/api/v1"+path, nil); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	for path, want := range map[string]int{
		"/dead-letters?channel=fax": 400, "/dead-letters?queue=fax": 400, "/dead-letters?since=soon": 400,
		"/dead-letters?fingerprint=" + strings.Repeat("f", 201): 400, "/dead-letters/groups?queue=": 400,
		"/dead-letters?publication_id=1": 400, "/dead-letters?replayed=perhaps": 400, "/dead-letters?feild=1": 400,
		"/dead-letters/6": 404, "/dead-letters/x": 404, "/dead-letters/groups?limit=1": 400, "/dead-letters/replays/" + uid.String(): 404,
	} {
		if got := a.do(http.MethodGet, "/api/v1"+path, nil); got.Status != want {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

func TestDeadLettersAreDeleted(t *testing.T) {
	t.Parallel()
	a, b, _ := newLetterbox(t)
	if got := a.do(http.MethodDelete, "/api/v1/dead-letters/17", nil); got.Status != http.StatusNoContent || !slices.Equal(b.asked.IDs, []int64{17}) {
		t.Errorf("%d %s, %+v", got.Status, got.Body, b.asked)
	}
	if got := a.do(http.MethodDelete, "/api/v1/dead-letters?code=busy", nil); got.Status != http.StatusOK || got.Body != `{"deleted":3}`+"\n" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := a.do(http.MethodDelete, "/api/v1/dead-letters", nil); got.Status != http.StatusConflict {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	b.asked = delivery.DeadFilter{} // a variable that is not set must not choose more
	for _, name := range append(deadFilterNames(), "limit") {
		a.do(http.MethodDelete, "/api/v1/dead-letters?"+name+"=", nil).problem(http.StatusBadRequest, "invalid_query")
	}
	if !b.asked.Empty() {
		t.Errorf("deleted %+v", b.asked)
	}
}

// TestQueriesAreText: what PostgreSQL does not take for text is a mistake of the client's.
func TestQueriesAreText(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.DeadLetters = d.Database.(*postgres.DB) }) //nolint:errcheck // newAPI says so
	for _, text := range []string{"%00", "%ff"} {
		a.do(http.MethodGet, "/api/v1/dead-letters?fingerprint="+text, nil).problem(http.StatusBadRequest, "invalid_query")
	}
	a.do(http.MethodGet, "/api/v1/dead-letters?fingerprint=%C3%A9", nil).want(http.StatusOK)
}

func TestReplays(t *testing.T) {
	t.Parallel()
	a, b, _ := newLetterbox(t)
	got := a.do(http.MethodPost, "/api/v1/dead-letters/replays", map[string]any{
		"filter": map[string]any{"code": "busy", "ids": []int{1, 2}}, "dry_run": true})
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"matched":9`) || b.asked.Code != "busy" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	got = a.do(http.MethodPost, "/api/v1/dead-letters/replays", map[string]any{"all": true, "canary": 5})
	if got.Status != http.StatusAccepted || got.Header.Get("Location") != "/api/v1/dead-letters/replays/"+b.replay.String() ||
		b.ordered.Canary != 5 || b.ordered.Rate != delivery.DefaultReplayRate || b.ordered.MaxFailing != delivery.DefaultReplayFailing {
		t.Errorf("%d %s, %+v", got.Status, got.Body, b.ordered)
	}
	got = a.do(http.MethodGet, "/api/v1/dead-letters/replays/"+b.replay.String(), nil)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"waiting":3`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	got = a.do(http.MethodPost, "/api/v1/dead-letters/replays/"+b.replay.String()+"/cancel", nil)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"cancelled"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for _, body := range []map[string]any{
		{}, {"filter": map[string]any{"code": "busy", "ids": []int{}}}, {"filter": map[string]any{"code": "busy", "queue": ""}}, {"all": true, "filter": map[string]any{"code": "busy"}},
		{"filter": map[string]any{"channel": "fax"}}, {"filter": map[string]any{"queue": "fax"}}, {"filter": map[string]any{"replayed": true}, "all": true},
		{"all": true, "canary": -1}, {"all": true, "canary": 100_000}, {"all": true, "rate_per_second": 0}, {"all": true, "max_failing": 1.5},
		{"filter": map[string]any{"ids": make([]int, 1001)}},
		{"filter": map[string]any{"code": strings.Repeat("x", 201)}}, {"fitler": map[string]any{}},
	} {
		if got := a.do(http.MethodPost, "/api/v1/dead-letters/replays", body); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d %s", body, got.Status, got.Body)
		}
	}
}

func TestUncertain(t *testing.T) {
	t.Parallel()
	a, b, poked := newLetterbox(t)
	uid := ident.New()
	for path, want := range map[string]string{
		"/uncertain?channel=webhook&reason=process_died&before=2030-01-01T00:00:00Z": `"reason":"process_died"`,
		"/uncertain/counts?channel=webhook":                                          `"count":12`, "/publications/" + uid.String() + "/uncertain?reason=no_answer": `"policy_at":null`,
	} {
		if got := a.do(http.MethodGet, "/api/v1"+path, nil); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	for path, want := range map[string]int{
		"/uncertain?publication_id=" + uid.String() + "&reason=": 400, "/uncertain/counts?before=": 400,
		"/uncertain?channel=fax": 400, "/uncertain?reason=rejected": 400, "/uncertain?before=soon": 400, "/uncertain?publication_id=x": 400,
		"/uncertain?publication_id=00000000-0000-0000-0000-000000000000": 400, "/uncertain?before=0001-01-01T00:00:00Z": 400,
		"/publications/00000000-0000-0000-0000-000000000000/uncertain": 404, "/publications/x/uncertain": 404, "/publications/" + uid.String() + "/uncertain?publication_id=" + uid.String(): 400,
	} {
		if got := a.do(http.MethodGet, "/api/v1"+path, nil); got.Status != want {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	got := a.do(http.MethodPost, "/api/v1/uncertain/decide", map[string]any{"decision": "resend", "publication_id": uid.String(), "channel": "webhook"})
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"changed":2`) || !strings.Contains(got.Body, `"next":10`) || *poked != 1 ||
		b.doubted.Publication != uid || b.doubted.Channel != 5 || b.decision != delivery.DecideResend {
		t.Errorf("%d %s, %+v", got.Status, got.Body, b.doubted)
	}
	got = a.do(http.MethodPost, "/api/v1/uncertain/decide", map[string]any{"decision": "sent", "all": true, "after": 10})
	if got.Status != http.StatusOK || strings.Contains(got.Body, `"next"`) || *poked != 1 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for _, body := range []map[string]any{
		{"decision": "resend"}, {"decision": "resend", "publication_id": uid.String(), "channel": ""}, {"decision": "resend", "channel": "email", "reason": ""},
		{"decision": "resend", "publication_id": "00000000-0000-0000-0000-000000000000"}, {"decision": "resend", "before": "0001-01-01T00:00:00Z"},
		{"decision": "resend", "all": false, "channel": ""}, {"decision": "forget", "all": true}, {"decision": "sent", "all": true, "channel": "email"},
		{"decision": "sent", "reason": "rejected"}, {"decision": "sent", "channel": "fax"}, {"decision": "sent", "ids": make([]int, 1001)},
	} {
		if got := a.do(http.MethodPost, "/api/v1/uncertain/decide", body); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d %s", body, got.Status, got.Body)
		}
	}
}
