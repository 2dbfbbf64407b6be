package postgres

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// statementCounter counts the statements of a pool.
type statementCounter struct{ n atomic.Int64 }

func (s *statementCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*statementCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// counted is a database whose statements are counted.
func counted(t *testing.T) (*DB, *statementCounter) {
	t.Helper()
	config, err := pgxpool.ParseConfig(dbtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	counter := &statementCounter{}
	config.ConnConfig.Tracer = counter
	config.AfterConnect = plainUIDs
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &DB{pool: pool}, counter
}

// lengthOf is how long the list is that a store gave.
func lengthOf[T any](list []T, err error) (int, error) { return len(list), err }

// everyList reads up to 2,000 of each list, and says how many statements that is whatever its length.
func everyList(ctx context.Context, db *DB, channels *Channels, first ident.UID) map[string]struct {
	statements int64
	read       func() (int, error)
} {
	const most = 2000
	type list = struct {
		statements int64
		read       func() (int, error)
	}
	hooks := db.Webhooks(channels.sealer)
	return map[string]list{
		"subscribers": {1, func() (int, error) {
			return lengthOf(db.ListSubscribers(ctx, subscriber.Filter{}, subscriber.Position{}, most))
		}},
		"subscribers by address": {1, func() (int, error) {
			return lengthOf(db.ListSubscribers(ctx, subscriber.Filter{EmailPrefix: "n"}, subscriber.Position{}, most))
		}},
		"subscribers of a topic": {2, func() (int, error) {
			return lengthOf(db.ListSubscribers(ctx, subscriber.Filter{Topic: "t1"}, subscriber.Position{}, most))
		}},
		"topics":            {1, func() (int, error) { return lengthOf(db.ListTopics(ctx, 0, most)) }},
		"contents":          {1, func() (int, error) { return lengthOf(db.ListContents(ctx, 0, most)) }},
		"templates":         {1, func() (int, error) { return lengthOf(db.ListTemplates(ctx, 0, most)) }},
		"channels":          {1, func() (int, error) { return lengthOf(channels.ListChannels(ctx, 0, most)) }},
		"senders":           {1, func() (int, error) { return lengthOf(db.ListSenders(ctx, 0, most)) }},
		"senders that fail": {1, func() (int, error) { return lengthOf(db.ListFailingSenders(ctx, 0, most)) }},
		"brands":            {1, func() (int, error) { return lengthOf(db.ListBrands(ctx, 0, most)) }},
		"assets":            {1, func() (int, error) { return lengthOf(db.ListAssets(ctx, 0, most)) }},
		"publications":      {1, func() (int, error) { return lengthOf(db.Publications(ctx, publicationFilter(most))) }},
		"recipients": {2, func() (int, error) {
			found, err := db.Recipients(ctx, first, delivery.Find{Limit: most})
			return len(found.Entries), err
		}},
		"dead letters":   {1, func() (int, error) { return lengthOf(db.DeadLetters(ctx, delivery.DeadFilter{}, 0, most)) }},
		"uncertain":      {1, func() (int, error) { return lengthOf(db.Uncertain(ctx, delivery.UncertainFilter{}, 0, most)) }},
		"erasures":       {1, func() (int, error) { return lengthOf(db.ListErasures(ctx, 0, most)) }},
		"suppressions":   {1, func() (int, error) { return lengthOf(db.Suppressions(ctx, "", 0, most)) }},
		"API keys":       {1, func() (int, error) { return lengthOf(db.ListKeys(ctx, 0, most)) }},
		"audit":          {1, func() (int, error) { return lengthOf(db.ListAudit(ctx, 0, most)) }},
		"webhook points": {1, func() (int, error) { return lengthOf(hooks.ListEndpoints(ctx, 0, most)) }},
	}
}

func publicationFilter(limit int) publication.Filter { return publication.Filter{Limit: limit} }

// TestListsAreSoManyStatements: the number of statements of a list does not depend on its length.
func TestListsAreSoManyStatements(t *testing.T) {
	t.Parallel()
	db, counter := counted(t)
	channels := channelsOf(t, db, "k")
	for _, size := range []int{10, 1000} {
		grow(t, db, size)
		first := value[ident.UID](t, db, `SELECT uid FROM publication ORDER BY id LIMIT 1`)
		for name, list := range everyList(t.Context(), db, channels, first) {
			before := counter.n.Load()
			n, err := list.read()
			if took := counter.n.Load() - before; err != nil || n != size || took != list.statements {
				t.Errorf("%s: %d statements for %d of %d, %v; want %d", name, took, n, size, err, list.statements)
			}
		}
	}
}

// grow makes every list so long.
func grow(t *testing.T, db *DB, size int) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO topic (uid, slug, name) SELECT gen_random_uuid(), 't' || i, 'T' FROM @`,
		`INSERT INTO subscriber (uid, email, status, topics, attributes)
		 SELECT gen_random_uuid(), 'n' || i || '(at)x.org', 'active', ARRAY[(SELECT id FROM topic WHERE slug = 't1'), (SELECT id FROM topic WHERE slug = 't' || i)], '{"a":1}' FROM @`,
		`WITH c AS (INSERT INTO content (uid) SELECT gen_random_uuid() FROM @ RETURNING id)
		 INSERT INTO content_version (content_id, version, title, format, body, topics) SELECT id, 1, 'c', 'markdown', 'b', '{t1,t2}' FROM c`,
		`WITH t AS (INSERT INTO template (uid, name, channel) SELECT gen_random_uuid(), 'n' || i, 'email' FROM @ RETURNING id)
		 INSERT INTO template_version (template_id, version, language) SELECT id, 1, l FROM t, unnest('{en,de}'::text[]) AS l`,
		`INSERT INTO channel (uid, kind, provider, name) SELECT gen_random_uuid(), 'slack', 'slack', 'n' || i FROM @`,
		`INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address) SELECT gen_random_uuid(), 'n' || i, 'f', 'f(at)x.org', 'p' FROM @`,
		`INSERT INTO sender_check (sender_id, domain, level, findings, checked_at)
		 SELECT s.id, 'x.org', 'failure', '[]', now() FROM @ JOIN sender_identity s ON s.name = 'n' || i`,
		`INSERT INTO brand (uid, slug, name, postal_address) SELECT gen_random_uuid(), 'n' || i, 'n', 'p' FROM @`,
		`WITH b AS (INSERT INTO asset_content (sha256, bytes) SELECT sha256(i::text::bytea), 'b' FROM @ RETURNING sha256)
		 INSERT INTO asset (uid, name, media_type, size, sha256) SELECT gen_random_uuid(), 'n', 'text/plain', 1, sha256 FROM b`,
		`INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		 SELECT gen_random_uuid(), 'p', 'alert', 'normal', 1, 'sending', '{1}',
		        jsonb_build_object('all', false, 'topics', jsonb_build_array((SELECT id FROM topic WHERE slug = 't' || i))), '[]', 'me' FROM @`,
		`INSERT INTO delivery (publication_id, channel_id, recipient_id, state)
		 SELECT (SELECT min(id) FROM publication), 1, s.id, 7 FROM @ JOIN subscriber s ON s.email = 'n' || i || '(at)x.org'`,
		`INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
		 SELECT (SELECT min(id) FROM publication), 1, s.id, 1, 'give_up', 'c', 'e', 'f' FROM @ JOIN subscriber s ON s.email = 'n' || i || '(at)x.org'`,
		`INSERT INTO uncertain (publication_id, channel_id, recipient_id)
		 SELECT (SELECT min(id) FROM publication), 1, s.id FROM @ JOIN subscriber s ON s.email = 'n' || i || '(at)x.org'`,
		`INSERT INTO suppression (uid, hash, reason, source) SELECT gen_random_uuid(), sha256(i::text::bytea), 1, 'ses' FROM @`,
		`INSERT INTO erasure (uid, subscriber, suppressed, messages) SELECT gen_random_uuid(), true, true, 1 FROM @`,
		`INSERT INTO api_key (uid, name, role, created_by) SELECT gen_random_uuid(), 'n' || i, 'admin', 'me' FROM @`,
		`INSERT INTO audit_event (actor, action, entity) SELECT 'me', 'topic.create', 'topic' FROM @`,
		`INSERT INTO webhook_endpoint (uid, url, secrets) SELECT gen_random_uuid(), 'https://x.org/' || i, '' FROM @`,
	} {
		// The first audit events may be somebody else's: the table has as many as the lists are long.
		from := `generate_series(1 + (SELECT count(*) FROM ` + strings.Fields(statement[strings.Index(statement, "INTO ")+5:])[0] + `), $1) AS i`
		if _, err := db.pool.Exec(t.Context(), strings.NewReplacer("@", from, "(at)", "@").Replace(statement), size); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
