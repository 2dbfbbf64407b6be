package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/token"
	"github.com/presswork/presswork/tasks"
)

const publicURL = "https://house.example"

// office is a worker on a real record, with a provider that only remembers what it is handed.
type office struct {
	t        *testing.T
	db       *postgres.DB
	pool     *pgxpool.Pool
	sender   *fakeSender
	signer   *token.Signer
	channels *postgres.Channels
	handlers *queue.Handlers
	pokes    int
	// templates are what publications name, by kind.
	templates map[string]publication.Pin
}

func newOffice(t *testing.T) *office {
	t.Helper()
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return newOfficeWith(t, engine)
}

// newOfficeWith sends what the given engine renders.
func newOfficeWith(t *testing.T, sends template.Engine) *office {
	t.Helper()
	address := dbtest.New(t)
	db, err := postgres.Open(t.Context(), address, postgres.Options{MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	sealer, err := seal.New([]byte("sealing-words-of-the-tests-0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, db: db, pool: dbtest.Connect(t, address), sender: &fakeSender{}, channels: db.Channels(sealer),
		signer: token.NewSigner([]byte("signing-words-of-the-tests-0123456789")), handlers: queue.NewHandlers(nil)}
	registry := channel.NewRegistry(nil, channel.Provider{Name: "fake", Open: func(context.Context, channel.Channel) (channel.Sender, error) {
		return o.sender, nil
	}})
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	sending := delivery.NewEngine(db, delivery.Config{Process: "test", Connections: func(int16) int { return 2 },
		Notice: func(string, error) {}})
	outlets := NewOutlets(o.channels, registry, zap.NewNop())
	t.Cleanup(func() {
		if err := sending.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close the engine: %v", err)
		}
		outlets.Close()
	})
	poke := func() { o.pokes++ }
	personalize := &Personalize{Store: db, Poke: poke}
	Handlers{
		Render: &Render{Store: db, Library: library, Engine: engine, Writer: content.NewWriter(), Sets: NewSets(), Personalize: personalize,
			PublicURL: publicURL, Poke: poke, Log: zap.NewNop()},
		Personalize: personalize,
		Send: &Send{Engine: sending, Shelf: edition.NewShelf(db, sends), Stationery: edition.NewStationery(db, sends, "https://house.example/p/a/"), Files: edition.NewFiles(db), Outlets: outlets, Signer: o.signer,
			PublicURL: publicURL, Poke: poke, Expect: poke, Log: zap.NewNop()},
		Aggregate: &Aggregate{Events: db},
	}.Register(o.handlers)
	return o
}

func (o *office) exec(sql string, args ...any) {
	o.t.Helper()
	if _, err := o.pool.Exec(o.t.Context(), sql, args...); err != nil {
		o.t.Fatal(err)
	}
}

func value[T any](o *office, sql string, args ...any) T {
	o.t.Helper()
	var v T
	if err := o.pool.QueryRow(o.t.Context(), sql, args...).Scan(&v); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// outlet switches a channel of a kind on, and returns its id.
func (o *office) outlet(kind channel.Kind, name string) int64 {
	o.t.Helper()
	c, err := o.channels.CreateChannel(o.t.Context(), channel.Channel{Kind: kind, Provider: "fake", Name: name, Enabled: true})
	if err != nil {
		o.t.Fatal(err)
	}
	return c.ID
}

// readers makes three: in English, in German of Austria, and in a language nobody wrote in.
func (o *office) readers() {
	o.t.Helper()
	o.exec(`INSERT INTO topic (uid, slug, name) VALUES (gen_random_uuid(), 'garden', 'Garden')`)
	o.exec(`INSERT INTO subscriber (uid, email, name, language, status, topics, attributes) VALUES
		(gen_random_uuid(), 'ada@example.org', 'Ada Lovelace', 'en', 'active', '{}', '{"plan": "gold"}'),
		(gen_random_uuid(), 'sisi@example.org', 'Sisi', 'de-AT', 'active', '{1}', '{}'),
		(gen_random_uuid(), 'kai@example.org', '', 'ja', 'active', '{}', '{}')`)
}

// house makes the sender identity, and returns its id.
func (o *office) house() int32 {
	o.t.Helper()
	from, err := o.db.CreateSender(o.t.Context(), sender.Identity{Name: "house", FromName: "The House", FromEmail: "post@house.example",
		ReplyTo: "desk@house.example", PostalAddress: "1 Paper Lane", Default: true})
	if err != nil {
		o.t.Fatal(err)
	}
	return from.ID
}

// publish makes a publication of two items on channels, renders it, and returns its id, its uid and the tasks of
// its batches.
func (o *office) publish(channels ...channel.Kind) (ident.UID, []tasks.Task) {
	o.t.Helper()
	ctx := o.t.Context()
	from := o.house()
	pins := ""
	for i, item := range []content.Item{
		{Title: "Trees", Body: "Prune.", URL: "https://example.org/trees", Topics: []string{"wood"}},
		{Title: "Seeds", Summary: "Early.", Body: "Sow.", URL: "https://example.org/seeds", Topics: []string{"garden"}},
	} {
		item.Format, item.Language, item.Quality, item.Version = content.Markdown, "en", 0.5, 1
		stored, err := o.db.CreateContent(ctx, item)
		if err != nil {
			o.t.Fatal(err)
		}
		pins += fmt.Sprintf(`%s{"id": %d, "version": 1}`, strings.Repeat(",", min(i, 1)), stored.ID)
	}
	var ids []int16
	for _, kind := range channels {
		ids = append(ids, kind.ID())
	}
	uid := ident.New()
	id := value[int64](o, `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, data, sender_id, created_by, gen, templates)
		VALUES ($1, 'Spring', 'announcement', 'normal', 1, 'queued', $2, '{"all": true}', ('[' || $3::text || ']')::jsonb, '{"n": 1}', $4, 'test', 1, coalesce($5::jsonb, '{}'))
		RETURNING id`, uid, ids, pins, from, o.templates)
	if err := o.run(tasks.NewRender(id, 1)); err != nil {
		o.t.Fatal(err)
	}
	return uid, o.nudges()
}

// run handles a task as a worker does.
func (o *office) run(args tasks.Args) error {
	o.t.Helper()
	task, err := tasks.New(args, tasks.LaneNormal)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.handle(task)
}

func (o *office) handle(task tasks.Task) error {
	return o.handlers.ProcessTask(o.t.Context(), asynq.NewTask(string(task.Kind), task.Payload))
}

// nudges takes every task out of the outbox.
func (o *office) nudges() []tasks.Task {
	o.t.Helper()
	page, err := o.db.Outbox(o.t.Context(), 100)
	if err != nil {
		o.t.Fatal(err)
	}
	var rows []int64
	var list []tasks.Task
	for _, c := range page {
		rows, list = append(rows, c.Row), append(list, c.Task)
	}
	if err := o.db.DeleteOutbox(o.t.Context(), rows); err != nil {
		o.t.Fatal(err)
	}
	return list
}

// mailTo is what a reader was sent.
func (o *office) mailTo(address string) *channel.Mail {
	o.t.Helper()
	for _, m := range o.sender.sent() {
		if m.Mail != nil && m.Mail.To.Email == address {
			return m.Mail
		}
	}
	o.t.Fatalf("nothing was sent to %s", address)
	return nil
}

func TestEachReaderGetsTheirOwnMail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.readers()
	o.outlet(channel.Newsletter, "letters")
	uid, list := o.publish(channel.Newsletter)
	if len(list) != 1 || o.handle(list[0]) != nil {
		t.Fatalf("tasks %v", list)
	}
	if n := len(o.sender.sent()); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
	ada, sisi, kai := o.mailTo("ada@example.org"), o.mailTo("sisi@example.org"), o.mailTo("kai@example.org")
	for mail, word := range map[*channel.Mail]string{ada: "Read more", sisi: "Weiterlesen", kai: "Read more"} {
		if !strings.Contains(mail.HTML.String(), word) || !strings.Contains(mail.Text.String(), "Seeds") || mail.Subject != "Spring" {
			t.Errorf("%s: %q with subject %q", mail.To.Email, mail.HTML, mail.Subject)
		}
	}
	if strings.Index(sisi.Text.String(), "Seeds") > strings.Index(sisi.Text.String(), "Trees") {
		t.Errorf("who likes gardens reads of trees first:\n%s", sisi.Text)
	}
	if ada.From.Email != "post@house.example" || ada.From.Name != "The House" || ada.ReplyTo != "desk@house.example" ||
		ada.To.Name != "Ada Lovelace" || ada.ListID != "newsletter.house.example" || ada.MessageID != uid.String()+".newsletter.1@house.example" {
		t.Errorf("%+v", ada)
	}
	signed, ok := strings.CutPrefix(ada.Unsubscribe, publicURL+"/p/u/")
	if r, err := o.signer.Verify(signed); !ok || err != nil || r != (token.Recipient{Publication: 1, Channel: channel.Newsletter.ID(), Recipient: 1}) {
		t.Errorf("unsubscribing by %s: %v, %v", ada.Unsubscribe, r, err)
	}
	for _, want := range []string{publicURL + "/t/c/" + signed + "/", publicURL + "/t/o/" + signed + ".gif", publicURL + "/p/n/" + uid.String()} {
		if !strings.Contains(ada.HTML.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(ada.HTML.String(), "presswork-") {
		t.Error("a link was not made the reader's own")
	}
	if state := value[string](o, `SELECT state FROM publication`); state != "completed" {
		t.Errorf("the publication is %s", state)
	}
	if err := o.handle(list[0]); err != nil || len(o.sender.sent()) != 3 {
		t.Errorf("the same task again: %v, %d messages", err, len(o.sender.sent()))
	}
}

// TestOneThatCannotBeRendered fails alone, whatever else is in its batch. Attributes that are none matter to a template
// that reads them.
func TestOneThatCannotBeRendered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.readers()
	o.outlet(channel.Email, "mail")
	set, err := o.db.CreateTemplate(t.Context(), template.Set{Name: "own", Channel: "email", Languages: map[string]template.Source{
		"en": {Subject: "Hello", HTML: "<p>{{ subscriber.attributes.city }} {{ item.title }} {{ links.unsubscribe }}</p>"}}})
	if err != nil {
		t.Fatal(err)
	}
	o.templates = map[string]publication.Pin{"email": {ID: set.ID, Version: set.Version}}
	_, list := o.publish(channel.Email)
	o.exec(`UPDATE delivery SET choice = '\xffffffff' WHERE recipient_id = 2`)
	o.exec(`UPDATE subscriber SET attributes = '"text"' WHERE id = 3`)
	err = o.handle(list[0])
	if !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != "recipients_failed" {
		t.Errorf("got %v", err)
	}
	if n := len(o.sender.sent()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	if who := value[string](o, `SELECT string_agg(recipient_id || ' ' || error_code, ', ' ORDER BY recipient_id) FROM dead_letter`); who != "2 unrenderable, 3 unrenderable" {
		t.Errorf("dead letters: %s", who)
	}
	if state := value[string](o, `SELECT state FROM publication`); state != "completed_with_failures" {
		t.Errorf("the publication is %s", state)
	}
}

// TestRenderLimits are final but for the one of time, which a busy machine passes as well: that uses an attempt, and the
// last one is seen.
func TestRenderLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit                string
		attempts             int // used before
		state, after, reason int
		code                 string
	}{
		{"memory", 0, 6, 1, 10, "unrenderable"},
		{template.LimitTime, 0, 0, 1, 0, ""},
		{template.LimitTime, delivery.MaxAttempts - 1, 6, delivery.MaxAttempts, 6, "render_time"},
	} {
		t.Run(fmt.Sprint(tc.limit, tc.attempts), func(t *testing.T) {
			t.Parallel()
			engine, err := jinja.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			o := newOfficeWith(t, limited{Engine: engine, limit: tc.limit})
			o.readers()
			o.outlet(channel.Email, "mail")
			_, list := o.publish(channel.Email)
			o.exec(`UPDATE delivery SET attempt = $1`, tc.attempts)
			if err := o.handle(list[0]); (err != nil) != (tc.state == 6) {
				t.Errorf("got %v", err)
			}
			if n := value[int](o, `SELECT count(*) FROM delivery WHERE state = $1 AND attempt = $2 AND coalesce(reason, 0) = $3`,
				tc.state, tc.after, tc.reason); n != 3 {
				t.Errorf("%d of 3 are as they should be", n)
			}
			if code := value[string](o, `SELECT coalesce(string_agg(DISTINCT error_code, ' '), '') FROM dead_letter`); code != tc.code {
				t.Errorf("dead letters say %q, want %q", code, tc.code)
			}
			if n := len(o.sender.sent()); n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

func TestBroadcastsGoToEachPlace(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first, second := o.outlet(channel.Slack, "first"), o.outlet(channel.Slack, "second")
	uid, list := o.publish(channel.Slack)
	if len(list) != 2 {
		t.Fatalf("tasks %v, want one for each place", list)
	}
	for _, task := range list {
		if err := o.handle(task); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range o.sender.sent() {
		got = append(got, m.ID.String())
		p := m.Post
		if m.Mail != nil || p == nil || p.Title != "Spring" || p.Type != "announcement" || p.URL != "" || !strings.Contains(p.Text, "Seeds") {
			t.Fatalf("%+v", m)
		}
		if at, err := time.Parse(time.RFC3339, p.PublishedAt); err != nil || time.Since(at) > time.Hour || p.Data["n"] != 1.0 {
			t.Errorf("published at %s, data %v", p.PublishedAt, p.Data)
		}
		if len(p.Items) != 2 || p.Items[1].Title != "Seeds" || p.Items[1].Summary != "Early." || p.Items[1].URL != "https://example.org/seeds" ||
			!strings.Contains(p.Items[1].HTML, "Sow.") || !slices.Equal(p.Items[1].Topics, []string{"garden"}) {
			t.Errorf("items %+v", p.Items)
		}
	}
	slices.Sort(got)
	if want := []string{fmt.Sprintf("%s/slack/%d", uid, first), fmt.Sprintf("%s/slack/%d", uid, second)}; !slices.Equal(got, want) {
		t.Errorf("posted to %v, want %v", got, want)
	}
}

// TestCustomPosts are those whose publication names a template for the kind.
func TestCustomPosts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.outlet(channel.Slack, "chat")
	o.outlet(channel.Webhook, "hook")
	set, err := o.db.CreateTemplate(t.Context(), template.Set{Name: "own", Channel: "slack",
		Languages: map[string]template.Source{"en": {Text: "{{ items|length }} of ours"}}})
	if err != nil {
		t.Fatal(err)
	}
	o.templates = map[string]publication.Pin{"slack": {ID: set.ID, Version: set.Version}}
	_, list := o.publish(channel.Slack, channel.Webhook)
	for _, task := range list {
		if err := o.handle(task); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range o.sender.sent() {
		if m.Post.Custom != (m.ID.Kind == channel.Slack) || m.Post.Custom && m.Post.Text != "2 of ours" || len(m.Post.Items) != 2 {
			t.Errorf("%s: %+v", m.ID, m.Post)
		}
	}
}

// TestWithoutAnOutlet the batch goes back to wait, and nobody's attempts are used.
func TestWithoutAnOutlet(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.readers()
	_, list := o.publish(channel.Email)
	pokes := o.pokes
	if err := o.handle(list[0]); err != nil || o.pokes != pokes+1 {
		t.Errorf("%v, %d more pokes", err, o.pokes-pokes)
	}
	if n := value[int](o, `SELECT count(*) FROM delivery WHERE state = 0 AND attempt = 0`); n != 3 {
		t.Errorf("%d of 3 are as they were", n)
	}
	again := o.nudges()
	if len(again) != 1 || again[0].NotBefore.IsZero() {
		t.Errorf("nudges %v, want one for later", again)
	}
}

// TestWhatTheProviderSaid decides what becomes of a delivery.
func TestWhatTheProviderSaid(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.readers()
	o.outlet(channel.Email, "mail")
	_, list := o.publish(channel.Email)
	o.sender.answer = func(m *channel.Message) error {
		switch m.ID.Recipient {
		case 1:
			return fault.New(fault.GiveUp, "unknown_mailbox", "No mailbox caf\xe9 \x00 here: ada@example.org.")
		case 2:
			return fault.New(fault.Uncertain, "no_answer", "")
		default:
			return fault.New(fault.Retry, "busy", "")
		}
	}
	if err := o.handle(list[0]); err != nil {
		t.Errorf("one is still owed: %v", err)
	}
	states := value[string](o, `SELECT string_agg(state || '/' || attempt, ' ' ORDER BY recipient_id) FROM delivery`)
	if states != "6/1 7/1 0/1" {
		t.Errorf("deliveries %s", states)
	}
	if text := value[string](o, `SELECT error FROM dead_letter`); strings.Contains(text, "ada@") || !strings.Contains(text, "caf") {
		t.Errorf("the dead letter says %q", text)
	}
}

// TestEveryKindIsHandled but no others.
func TestEveryKindIsHandled(t *testing.T) {
	t.Parallel()
	h := queue.NewHandlers(nil)
	Handlers{Render: &Render{}, Personalize: &Personalize{}, Send: &Send{}, Aggregate: &Aggregate{}}.Register(h)
	for _, kind := range []tasks.Kind{tasks.KindRender, tasks.KindPersonalize, tasks.KindSendEmail, tasks.KindSendNewsletter,
		tasks.KindSendSlack, tasks.KindSendDiscord, tasks.KindSendWebhook, tasks.KindAggregateAnalytics} {
		if err := h.ProcessTask(t.Context(), asynq.NewTask(string(kind), []byte(`{"v": 99}`))); fault.CodeOf(err) != "unreadable_task" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if err := h.ProcessTask(t.Context(), asynq.NewTask("send-pigeon", []byte(`{"v": 1}`))); err == nil {
		t.Error("pigeons are handled")
	}
}
