package client

import "iter"

// pages are the items of a list, page after page from cursor on. The first
// error is the last thing given.
func pages[T any](cursor string, page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next := cursor
		for {
			items, after, err := page(next)
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
			if after == "" || after == next {
				return
			}
			next = after
		}
	}
}
