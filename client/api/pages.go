package api

import (
	"cmp"
	"iter"
)

// maxPage is how many items a page has at most.
const maxPage = 200

// pages ranges over a list, page after page, beginning at a cursor ("" is the beginning). The largest pages are asked
// for unless limit says how large. get reads one page and the cursor of the next, "" at the end.
func pages[T any](cursor string, limit int, get func(cursor string, limit int) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for at := cursor; ; {
			items, next, err := get(at, cmp.Or(limit, maxPage))
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			at = next
		}
	}
}
