package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/pages"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/token"
)

// What a reader does with a mail is counted, from the link to the report: an opening twice, a click, a
// one-click unsubscription.
func TestFromLinkToCounter(t *testing.T) {
	t.Parallel()
	signer := token.NewSigner([]byte("a secret of at least thirty-two characters"))
	var writer *postgres.EventWriter
	n := newNewsroom(t, func(d *Deps) {
		db, ok := d.Publications.(*postgres.DB)
		if !ok {
			t.Fatal("not a database")
		}
		writer = postgres.NewEventWriter(db, zap.NewNop())
		d.Tokens, d.Links, d.Events = signer, db, writer
		var err error
		if d.Pages, err = pages.New(pages.Deps{Tokens: signer, Readers: db}); err != nil {
			t.Fatal(err)
		}
	})
	where := n.publish(nil).want(http.StatusAccepted).Header.Get("Location")
	id := n.startSending(where)
	reader, err := ident.Parse(n.reader)
	if err != nil {
		t.Fatal(err)
	}
	who, err := n.db.Subscriber(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	mine := signer.Sign(token.Recipient{Publication: id, Channel: 1, Recipient: who.ID})
	n.do("GET", "/t/o/"+mine+".gif", nil).want(http.StatusOK)
	n.do("GET", "/t/o/"+mine+".gif", nil).want(http.StatusOK)
	if click := n.do("GET", "/t/c/"+mine+"/1", nil).want(http.StatusFound); click.Header.Get("Location") != "https://example.org/b" {
		t.Errorf("leads to %s", click.Header.Get("Location"))
	}
	n.do("POST", "/p/u/"+mine, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded", "Authorization: ").want(http.StatusOK)
	if got := n.do("GET", "/api/v1/subscribers/"+n.reader, nil); !strings.Contains(got.Body, `"status":"unsubscribed"`) {
		t.Errorf("%s", got.Body)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	writer.Run(stopped) // stores what is left
	want := map[wire.HourAnalyticsKind]string{"open": "2 1", "click": "1 1", "unsubscribe": "1 1"}
	for len(want) > 0 {
		// Transactions of other tests on the same server may hold the counting back for a moment.
		if _, err := n.db.AggregateEvents(t.Context()); err != nil {
			t.Fatal(err)
		}
		report := read[wire.Analytics](n.do("GET", where+"/analytics", nil).want(http.StatusOK))
		if len(report.Hours) < 3 {
			continue
		}
		for _, hour := range report.Hours {
			if hour.Channel != "email" || want[hour.Kind] != fmt.Sprint(hour.Total, hour.Unique) {
				t.Errorf("%+v, want %s", hour, want[hour.Kind])
			}
			delete(want, hour.Kind)
		}
	}
}

// startSending does what the render task does, with two links, and returns the publication's internal id.
func (n *newsroom) startSending(where string) int64 {
	n.t.Helper()
	uid, err := ident.Parse(where[strings.LastIndexByte(where, '/')+1:])
	if err != nil {
		n.t.Fatal(err)
	}
	p, err := n.db.Publication(n.t.Context(), uid)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.db.StartRender(n.t.Context(), p.ID); err != nil {
		n.t.Fatal(err)
	}
	fanout := publication.Fanout{Publication: p.ID, Links: []string{"https://example.org/a", "https://example.org/b"}, Broadcasts: []int16{3}}
	if _, started, err := n.db.StartFanout(n.t.Context(), fanout); err != nil || !started {
		n.t.Fatal(started, err)
	}
	return p.ID
}
