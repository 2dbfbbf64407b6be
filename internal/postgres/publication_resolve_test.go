package postgres

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

func TestResolveOrder(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	o := n.order()
	o.Templates = map[string]ident.UID{"email": n.Template}
	o.Audience = publication.AudienceOrder{Topics: []string{"go", "go"}, Exclude: n.Readers[1:2]}
	r, err := n.ResolveOrder(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	topic := value[int32](t, n.DB, `SELECT id FROM topic WHERE slug = 'go'`)
	excluded := value[int64](t, n.DB, `SELECT id FROM subscriber WHERE uid = $1`, n.Readers[1])
	want := publication.Audience{Topics: []int32{topic}, Exclude: []int64{excluded}}
	if !reflect.DeepEqual(r.AudienceIDs, want) {
		t.Errorf("audience %+v, want %+v", r.AudienceIDs, want)
	}
	if len(r.ContentPins) != 1 || r.ContentPins[0].Version != 3 || r.TemplatePins["email"].Version != 2 || r.SenderID == nil {
		t.Errorf("pins %+v", r)
	}
	if r.Lane != tasks.LaneNormal {
		t.Errorf("lane %s", r.Lane)
	}
	o.Audience = publication.AudienceOrder{Subscribers: n.Readers, Exclude: n.Readers[:1]}
	o.Sender = n.Sender
	if r, err = n.ResolveOrder(t.Context(), o); err != nil || len(r.AudienceIDs.Subscribers) != 4 || r.Lane != tasks.LaneCritical {
		t.Errorf("named: %+v, %v", r.AudienceIDs, err)
	}
	o.Channels, o.Audience, o.Templates, o.Sender = kinds(channel.Slack), publication.AudienceOrder{}, nil, ident.UID{}
	if r, err = n.ResolveOrder(t.Context(), o); err != nil || r.SenderID != nil || !reflect.DeepEqual(r.AudienceIDs, publication.Audience{}) {
		t.Errorf("broadcast: %+v, %v", r, err)
	}
}

func TestResolveOrderRefuses(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	gone := ident.New()
	n.exec(t, `INSERT INTO subscriber (uid, email, status) VALUES ($1, 'x@deleted.invalid', 'unsubscribed')`, gone)
	for name, c := range map[string]struct {
		change func(*publication.Order)
		want   []string
	}{
		"contents":                    {func(o *publication.Order) { o.Contents = []ident.UID{n.Content, ident.New()} }, []string{"/content_ids/1 unknown_content"}},
		"template":                    {func(o *publication.Order) { o.Templates = map[string]ident.UID{"email": ident.New()} }, []string{"/template_ids/email unknown_template"}},
		"template of another channel": {func(o *publication.Order) { o.Templates = map[string]ident.UID{"slack": n.Template} }, []string{"/template_ids/slack wrong_channel"}},
		"channel":                     {func(o *publication.Order) { o.Channels = kinds(channel.Email, channel.Webhook) }, []string{"/channels/1 no_enabled_channel"}},
		"sender":                      {func(o *publication.Order) { o.Sender = ident.New() }, []string{"/sender_id unknown_sender"}},
		"sender of a broadcast": {func(o *publication.Order) {
			o.Channels, o.Audience, o.Sender = kinds(channel.Slack), publication.AudienceOrder{}, ident.New()
		}, []string{"/sender_id unknown_sender"}},
		"topic":        {func(o *publication.Order) { o.Audience = publication.AudienceOrder{Topics: []string{"go", "x"}} }, []string{"/audience/topics/1 unknown_topic"}},
		"empty topic":  {func(o *publication.Order) { o.Audience = publication.AudienceOrder{Topics: []string{"empty"}} }, []string{"/audience empty_audience"}},
		"all excluded": {func(o *publication.Order) { o.Audience.Exclude = n.Readers }, []string{"/audience empty_audience"}},
		"inactive":     {func(o *publication.Order) { o.Audience = publication.AudienceOrder{Subscribers: n.Readers[3:]} }, []string{"/audience empty_audience"}},
		"named and excluded": {func(o *publication.Order) {
			o.Audience = publication.AudienceOrder{Subscribers: n.Readers[:1], Exclude: n.Readers[:1]}
		}, []string{"/audience empty_audience"}},
		"unknown subscribers": {func(o *publication.Order) {
			o.Audience = publication.AudienceOrder{Subscribers: []ident.UID{n.Readers[0], ident.New(), gone}, Exclude: []ident.UID{ident.New()}}
		}, []string{"/audience/exclude_subscriber_ids/0 unknown_subscriber", "/audience/subscriber_ids/1 unknown_subscriber", "/audience/subscriber_ids/2 unknown_subscriber"}},
		"everything at once": {func(o *publication.Order) {
			o.Contents, o.Sender, o.Channels = []ident.UID{ident.New()}, ident.New(), kinds(channel.Newsletter)
		}, []string{"/channels/0 no_enabled_channel", "/content_ids/0 unknown_content", "/sender_id unknown_sender"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := n.order()
			c.change(&o)
			_, err := n.ResolveOrder(t.Context(), o)
			sameStrings(t, fieldsOf(err), c.want...)
		})
	}
}

func TestResolveOrderWithoutDefaultSender(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `UPDATE sender_identity SET is_default = false`)
	_, err := n.ResolveOrder(t.Context(), n.order())
	sameStrings(t, fieldsOf(err), "/sender_id no_default_sender")
	n.Close()
	if _, err := n.ResolveOrder(t.Context(), n.order()); err == nil || fault.Is(err, fault.Invalid) {
		t.Errorf("without a database: %v", err)
	}
}

// TestLookUpsArePlannedOnce: what every order asks for is not planned anew for each.
func TestLookUpsArePlannedOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	db, err := Open(t.Context(), n.pool.Config().ConnString(), Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for range 20 {
		if _, err := db.ResolveOrder(t.Context(), n.order()); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.pool.Query(t.Context(), `SELECT statement, custom_plans FROM pg_prepared_statements WHERE generic_plans + custom_plans = 20`)
	if err != nil {
		t.Fatal(err)
	}
	var statement string
	var planned int
	tag, err := pgx.ForEachRow(rows, []any{&statement, &planned}, func() error {
		if planned != 5 { // before PostgreSQL compares them with one for all
			t.Errorf("planned %d times: %s", planned, statement)
		}
		return nil
	})
	if err != nil || tag.RowsAffected() != 4 {
		t.Errorf("%d statements, %v", tag.RowsAffected(), err)
	}
}
