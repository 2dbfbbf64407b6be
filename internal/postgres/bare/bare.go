// Package bare is PostgreSQL with nothing of Presswork around it, for the benchmark: what the server was told
// about durability, and one committed row for each request, the least that a promise can cost.
package bare

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections.
type DB struct{ pool *pgxpool.Pool }

// Open makes a pool of at most conns connections. It does not wait for the server.
func Open(ctx context.Context, url string, conns int) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	config.MaxConns = int32(min(max(conns, 1), 100))
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database pool: %w", err)
	}
	return &DB{pool}, nil
}

// Close waits for borrowed connections and closes all.
func (db *DB) Close() { db.pool.Close() }

// Durability is how the server keeps what it commits, in its own words: "on", "off".
type Durability struct {
	Version           string `json:"postgresql"`
	Fsync             string `json:"fsync"`
	SynchronousCommit string `json:"synchronous_commit"`
	FullPageWrites    string `json:"full_page_writes"`
}

// Durability asks the server. The answer is about this role's sessions.
func (db *DB) Durability(ctx context.Context) (Durability, error) {
	var d Durability
	err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('fsync'),
		current_setting('synchronous_commit'), current_setting('full_page_writes')`).
		Scan(&d.Version, &d.Fsync, &d.SynchronousCommit, &d.FullPageWrites)
	if err != nil {
		return d, fmt.Errorf("read the durability settings: %w", err)
	}
	return d, nil
}

// DataDirectory is the folder of the server's data. Only a superuser is told.
func (db *DB) DataDirectory(ctx context.Context) (string, error) {
	var dir string
	if err := db.pool.QueryRow(ctx, `SHOW data_directory`).Scan(&dir); err != nil {
		return "", fmt.Errorf("read the data directory: %w", err)
	}
	return dir, nil
}

// Settle does for freshly stored subscribers what autovacuum would in a minute, so that it does not do so
// during a measurement.
func (db *DB) Settle(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, `VACUUM ANALYZE subscriber`); err != nil {
		return fmt.Errorf("vacuum the subscribers: %w", err)
	}
	return nil
}

// Prepare makes the table for Insert. It may be repeated.
func (db *DB) Prepare(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS bare (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	return nil
}

// Insert commits one row with a JSON document.
func (db *DB) Insert(ctx context.Context, body string) error {
	if _, err := db.pool.Exec(ctx, `INSERT INTO bare (body) VALUES ($1)`, body); err != nil {
		return fmt.Errorf("insert a row: %w", err)
	}
	return nil
}

// Engage stores for every subscriber what they got in the last half year, a publication a week, and what they opened and clicked of
// it: most open little, some nearly all, and one in twenty was sent nothing yet. It is followed by what autovacuum would do.
func (db *DB) Engage(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, engage); err != nil {
		return fmt.Errorf("store what subscribers did: %w", err)
	}
	if _, err := db.pool.Exec(ctx, `VACUUM ANALYZE engagement`); err != nil {
		return fmt.Errorf("vacuum what subscribers did: %w", err)
	}
	return nil
}

// engage has a chance for each reader that is the same every time, squared: of a week's publication they open as much on average.
const engage = `
INSERT INTO engagement (subscriber_id, total, week, first_sent_on, sent_on, email_on, clicked_on, before)
SELECT s.id, n.of_week[1], (current_date - DATE '1970-01-05') / 7, current_date - 182, current_date - 1,
       CASE WHEN c.chance > 0.01 THEN current_date - (60 * (1 - c.chance))::integer END,
       CASE WHEN c.chance > 0.3 THEN current_date - (90 * (1 - c.chance))::integer END, n.of_week[2:]
FROM subscriber s,
     LATERAL (SELECT power((hashint8(s.id) & 65535) / 65536.0, 2) AS chance) c,
     LATERAL (SELECT array_agg(w + ((c.chance * w)::bigint << 20) + ((c.chance * c.chance * w / 4)::bigint << 40) ORDER BY w DESC) AS of_week
              FROM generate_series(0, 26) AS w) n
WHERE s.id % 20 <> 0
ON CONFLICT DO NOTHING`

// Publication is the id of the publication with a uid.
func (db *DB) Publication(ctx context.Context, uid string) (int64, error) {
	var id int64
	if err := db.pool.QueryRow(ctx, `SELECT id FROM publication WHERE uid = $1`, uid).Scan(&id); err != nil {
		return 0, fmt.Errorf("find a publication: %w", err)
	}
	return id, nil
}
