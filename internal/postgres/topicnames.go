package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// topicNames remembers the slugs of topics, which never change once given out.
type topicNames struct {
	mu    sync.RWMutex
	slugs map[int32]string
}

// topicSlugs are the slugs of topics' ids; one that no longer exists is left out.
func (db *DB) topicSlugs(ctx context.Context, ids []int32) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	slugs := make([]string, 0, len(ids))
	for _, id := range ids {
		slug, err := db.topicSlug(ctx, id)
		if err != nil {
			return nil, err
		}
		if slug != "" {
			slugs = append(slugs, slug)
		}
	}
	return slugs, nil
}

// topicSlug is the slug of a topic's id, "" if there is no such topic.
func (db *DB) topicSlug(ctx context.Context, id int32) (string, error) {
	db.topics.mu.RLock()
	slug, ok := db.topics.slugs[id]
	db.topics.mu.RUnlock()
	if ok {
		return slug, nil
	}
	rows, err := db.pool.Query(ctx, `SELECT id, slug FROM topic`)
	if err != nil {
		return "", translate(err, "read the topics")
	}
	slugs := make(map[int32]string)
	var each int32
	if _, err := pgx.ForEachRow(rows, []any{&each, &slug}, func() error { slugs[each] = slug; return nil }); err != nil {
		return "", translate(err, "read the topics")
	}
	db.topics.mu.Lock()
	defer db.topics.mu.Unlock()
	db.topics.slugs = slugs
	return slugs[id], nil
}
