package postgres

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const (
	// erasedTogether is how many people are looked for at once: the tables are read once for all of them.
	erasedTogether = 20
	// mostLooks ends the search though the last look found something: somebody writes the address again and again.
	mostLooks = 6
	// unreadablePause is after how long an address is opened again for which no key is at hand.
	unreadablePause = time.Minute
)

// SearchErased goes on with the search for the addresses of those who are erased, by one range of one table, in a transaction that
// also notes how far it is: whoever goes on, after whatever death, goes on behind it. It reports whether there may be more to do now.
// Several processes may call it at once: those who are searched for by one are left alone by the others.
//
// A look goes through all tables. Another follows settle after its end, which is longer than any process has in hand what it read
// before, and when every transaction has ended that was writing at that end; it reads only what was written since the look before
// began. The search is over when a second or later look has found nothing.
func (db *DB) SearchErased(ctx context.Context, settle time.Duration) (more bool, err error) {
	lost := 0
	err = db.tx(ctx, "look for mentions of erased people", func(tx pgx.Tx) error {
		more, lost = false, 0
		s, unreadable, err := db.claimErasures(ctx, tx)
		if err != nil {
			return err
		}
		if lost = len(unreadable); lost > 0 {
			if err := postponeErasures(ctx, tx, unreadable, unreadablePause); err != nil {
				return err
			}
		}
		if len(s.ids) == 0 {
			return nil
		}
		begun, err := s.begin(ctx, tx)
		if err != nil || !begun {
			return err
		}
		more = true
		return s.step(ctx, tx, settle)
	})
	if err == nil && lost > 0 {
		err = fault.New(fault.Internal, "erasure_unreadable",
			"The address of a person who is being erased cannot be opened: give the key that sealed it among the previous keys.")
	}
	return more, err
}

// searched is one place in the search, and those who are searched for there.
type searched struct {
	ids          []int64
	addresses    []string
	look, part   int
	position     []int64
	since        int64
	began, ended int64
	most         int // rows of a range
}

// rows is how many rows a range of the table has.
func (s *searched) rows() int { return min(searches[s.part].rows, s.most) }

// claimErasures locks those of which the search is where that of the oldest is; none if another process has them. Who cannot be read
// is apart.
func (db *DB) claimErasures(ctx context.Context, tx pgx.Tx) (s searched, unreadable []int64, err error) {
	s.most = db.searchRows
	rows, err := tx.Query(ctx, `
		SELECT e.id, e.uid, e.address, e.look, e.part, e.position, e.since, e.began, e.ended FROM erasure e
		WHERE e.state = 'running' AND e.due_at <= clock_timestamp() AND (e.look, e.part, e.position, e.since, e.began) = (
		    SELECT o.look, o.part, o.position, o.since, o.began FROM erasure o
		    WHERE o.state = 'running' AND o.due_at <= clock_timestamp() ORDER BY o.id LIMIT 1)
		ORDER BY e.id LIMIT $1 FOR UPDATE SKIP LOCKED`, erasedTogether)
	if err != nil {
		return s, nil, err
	}
	var id, ended int64
	var uid ident.UID
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &uid, &sealed, &s.look, &s.part, &s.position, &s.since, &s.began, &ended}, func() error {
		address, err := db.openErased(sealed, uid)
		if err != nil {
			unreadable = append(unreadable, id)
			return nil //nolint:nilerr // one of them stops no other
		}
		s.ids, s.addresses, s.ended = append(s.ids, id), append(s.addresses, address), max(s.ended, ended)
		return nil
	})
	return s, unreadable, err
}

func (db *DB) openErased(sealed []byte, uid ident.UID) (string, error) {
	if db.sealer == nil {
		return "", fault.New(fault.Internal, "no_secret_key", "this process has no key to open addresses with")
	}
	address, err := db.sealer.Open(sealed, erasureContext(uid))
	return string(address), err
}

func postponeErasures(ctx context.Context, tx pgx.Tx, ids []int64, pause time.Duration) error {
	_, err := tx.Exec(ctx, `UPDATE erasure SET due_at = clock_timestamp() + $2::interval WHERE id = ANY($1)`, ids, pause)
	return err
}

// writersPause is when it is looked again whether those have ended who were writing when the look before ended.
const writersPause = time.Second

// begin notes, at the beginning of a look, which transaction is the oldest that is writing: the next look reads what it and later
// ones wrote. It is too early for a look as long as somebody writes who did so when the one before ended.
func (s *searched) begin(ctx context.Context, tx pgx.Tx) (bool, error) {
	if s.began > 0 {
		return true, nil
	}
	if err := tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`).Scan(&s.began); err != nil {
		return false, fmt.Errorf("read who is writing: %w", err)
	}
	if s.began < s.ended {
		return false, postponeErasures(ctx, tx, s.ids, writersPause)
	}
	return true, nil
}

// step searches one range, and notes where the next begins.
func (s *searched) step(ctx context.Context, tx pgx.Tx, settle time.Duration) error {
	n, found, err := s.search(ctx, tx)
	if err != nil {
		return err
	}
	if n < int64(s.rows()) {
		s.part, s.position = s.part+1, []int64{}
	}
	if _, err := tx.Exec(ctx, `
		UPDATE erasure e SET part = $3, position = $4, began = $5, read = read + $6, mentions = mentions + f.n, again = again OR f.n > 0,
		       updated_at = clock_timestamp()
		FROM unnest($1::bigint[], $2::bigint[]) AS f (id, n) WHERE e.id = f.id`, s.ids, found, s.part, s.position, s.began, n); err != nil {
		return fmt.Errorf("note how far the search is: %w", err)
	}
	if s.part < len(searches) {
		return nil
	}
	return s.end(ctx, tx, settle)
}

// search takes the addresses out of one range. It returns how many rows that had, and in how many of them each address stood.
func (s *searched) search(ctx context.Context, tx pgx.Tx) (n int64, found []int64, err error) {
	one := searches[s.part]
	patterns := make([]string, 0, len(s.addresses))
	var forms []string
	for _, address := range s.addresses {
		patterns = append(patterns, mention(spellings(address)))
		forms = append(forms, spellings(address)...)
	}
	var last []int64
	since := uint32(s.since) //nolint:gosec // a row has the lower half of its transaction's number
	err = ask(ctx, tx, one.table, plannedEachTime, s.position, s.rows(), since, strings.Join(forms, "|"), mention(forms), patterns).Scan(&n, &last, &found)
	if err != nil {
		return 0, nil, fmt.Errorf("search %s: %w", one.table, err)
	}
	if len(last) > 0 {
		s.position = last
	}
	return n, found, nil
}

// end ends a look: the erasure is completed, and forgets who it was of, or another look follows.
func (s *searched) end(ctx context.Context, tx pgx.Tx, settle time.Duration) error {
	rows, err := tx.Query(ctx, `
		UPDATE erasure SET state = 'completed', hash = NULL, address = NULL, subscriber_uid = NULL, completed_at = clock_timestamp()
		WHERE id = ANY($1) AND (look >= 2 AND NOT again OR look >= $2) RETURNING uid, mentions`, s.ids, mostLooks)
	if err != nil {
		return fmt.Errorf("complete erasures: %w", err)
	}
	var done []line
	var uid ident.UID
	var mentions int64
	if _, err := pgx.ForEachRow(rows, []any{&uid, &mentions}, func() error {
		done = append(done, line{"complete", uid, map[string]any{"mentions": mentions}})
		return nil
	}); err != nil {
		return fmt.Errorf("complete erasures: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		UPDATE erasure SET look = look + 1, part = 0, since = began, began = 0, ended = pg_current_xact_id()::text::bigint, again = false,
		       due_at = clock_timestamp() + $2::interval
		WHERE id = ANY($1) AND state = 'running'`, s.ids, settle); err != nil {
		return fmt.Errorf("begin another look: %w", err)
	}
	return recordAll(ctx, tx, "erasure", done)
}

// spellings are the patterns of an address as it may stand in texts: as it is, in addresses of pages, and in JSON that is kept as it
// was sent, where an & is written otherwise.
func spellings(address string) []string {
	forms := []string{address, url.QueryEscape(address), strings.ReplaceAll(address, "&", `\u0026`)}
	for i, form := range forms {
		forms[i] = regexp.QuoteMeta(form)
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// mention is a pattern for one of several texts where it is no part of a longer address. In JSON what stands before may be the end of
// an escaped line break, in addresses of pages that of an escaped character.
func mention(forms []string) string {
	return `(?:(?<![A-Za-z0-9._+-])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))(?:` + strings.Join(forms, "|") + `)(?![A-Za-z0-9-]|\.[A-Za-z0-9])`
}
