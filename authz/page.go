package authz

import "time"

// Page asks for part of a list ordered by creation, oldest first. The zero
// Page asks for the first 100 rows.
type Page struct {
	Limit int // 1 to 500; 0 means 100
	// After is the position of the last row seen; zero for the beginning.
	After Position
}

// Position is a place in a list: the row's creation time and id.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Rows is the limit that applies.
func (p Page) Rows() int {
	switch {
	case p.Limit <= 0:
		return 100
	case p.Limit > 500:
		return 500
	}
	return p.Limit
}
