package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/idset"
	"github.com/presswork/presswork/internal/publication"
)

// Reach is who publications were expanded for, a bit for each reader: of a page that is next to nothing to write and to read, while
// the ledger has a row for each of its readers. What a reader got lately is at most that.

const writeReach = `
INSERT INTO reach (publication_id, n, after, channels, members)
SELECT $1, b.n, $2, $3, b.members FROM unnest($4::integer[], $5::bytea[]) AS b (n, members)`

// noteReach writes down whom a page is expanded for, on so many channels. What passes caps does not count.
func noteReach(ctx context.Context, tx pgx.Tx, page *publication.Page, channels int) error {
	if channels == 0 || page.Publication.Priority == publication.Critical || page.Publication.Type == publication.Transactional {
		return nil
	}
	var numbers []int64
	var members [][]byte
	for _, one := range byBlock(column(page.Readers, func(r publication.Reader) int64 { return r.ID })) {
		var b idset.Block
		for _, id := range one.ids {
			_, place := idset.BlockOf(id)
			b.Set(place)
		}
		numbers, members = append(numbers, one.n), append(members, b.Encode())
	}
	if len(numbers) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, writeReach, page.Publication.ID, page.Cursor, channels, numbers, members)
	return err
}

// blockIDs are some ids of one block, the first being the first-th of all.
type blockIDs struct {
	n     int64
	first int
	ids   []int64
}

// byBlock are ids, which are in order, by their blocks.
func byBlock(ids []int64) (list []blockIDs) {
	for from := 0; from < len(ids); {
		n, _ := idset.BlockOf(ids[from])
		to := from
		for to < len(ids) && ids[to] < (n+1)*idset.BlockSize {
			to++
		}
		list = append(list, blockIDs{n, from, ids[from:to]})
		from = to
	}
	return list
}

const readReach = `
SELECT publication_id, n, channels, members FROM reach WHERE publication_id = ANY($1) AND n = ANY($2::integer[])`

// fewInBlock is from how few readers in each of their blocks on it is less work to ask the ledger for each of them.
const fewInBlock = 4

// near are those of some readers, in order, who may have got so much that a message on every channel would be too much, by one of
// the caps at least.
func (a asked) near(ctx context.Context, tx pgx.Tx, ids []int64) ([]int64, error) {
	blocks := byBlock(ids)
	if len(blocks)*fewInBlock > len(ids) {
		return ids, nil
	}
	rows, err := tx.Query(ctx, readReach, a.publications, column(blocks, func(b blockIDs) int64 { return b.n }))
	if err != nil {
		return nil, err
	}
	// Of each reader, how many they got at most that count for each of the caps.
	most := make([]int32, len(ids)*len(a.room))
	var id, n int64
	var channels int32
	var members []byte
	if _, err = pgx.ForEachRow(rows, []any{&id, &n, &channels, &members}, func() error {
		of, err := idset.DecodeBlock(members)
		if err != nil {
			return err
		}
		i, _ := slices.BinarySearchFunc(blocks, n, func(b blockIDs, n int64) int { return int(b.n - n) })
		p, _ := slices.BinarySearch(a.publications, id)
		for j, reader := range blocks[i].ids {
			if _, place := idset.BlockOf(reader); of.Has(place) {
				a.add(most[(blocks[i].first+j)*len(a.room):], a.caps[p], channels)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var list []int64
	for i, reader := range ids {
		if a.exceeded(most[i*len(a.room) : (i+1)*len(a.room)]) {
			list = append(list, reader)
		}
	}
	return list, nil
}

// add adds messages to what a reader got, for some caps.
func (a asked) add(got []int32, caps int64, messages int32) {
	for i := range a.room {
		if caps&(1<<i) != 0 {
			got[i] += messages
		}
	}
}

// exceeded reports whether a reader who got any has no room for a message on every channel.
func (a asked) exceeded(got []int32) bool {
	for i, n := range got {
		if n > 0 && n > a.room[i] {
			return true
		}
	}
	return false
}
