package client

import "iter"

// Collect is the first items of a list, at most limit of them; 0: all. With an error it is what was read before.
//
//	newest, err := client.Collect(c.Publications(ctx, api.ListPublicationsParams{}), 20)
func Collect[T any](list iter.Seq2[T, error], limit int) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return all, err
		}
		if all = append(all, item); len(all) == limit {
			break
		}
	}
	return all, nil
}

// Last shows each item of a list, and returns the last. With an error it is the last before that.
//
//	end, err := client.Last(c.Follow(ctx, id), display.Show)
func Last[T any](list iter.Seq2[T, error], show func(T)) (T, error) {
	var last T
	for item, err := range list {
		if err != nil {
			return last, err
		}
		last = item
		show(item)
	}
	return last, nil
}
