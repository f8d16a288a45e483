package daemon

import (
	"slices"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// page cuts the part of a whole list that p asks for: the newest when it names
// no cursor. key gives the cursor of an element.
func page[T any](all []T, p api.Page, key func(T) string) ([]T, api.Cursors, error) {
	if err := p.Check(); err != nil {
		return nil, api.Cursors{}, err
	}
	from, to := max(0, len(all)-p.Size()), len(all)
	if cursor := p.Before + p.After; cursor != "" {
		at := slices.IndexFunc(all, func(t T) bool { return key(t) == cursor })
		switch {
		case at < 0:
			return nil, api.Cursors{}, api.Errorf(api.KindNotFound, "the list has no such cursor any more").
				WithHint("begin again without a cursor")
		case p.Before != "":
			from, to = max(0, at-p.Size()), at
		default:
			from, to = at+1, min(len(all), at+1+p.Size())
		}
	}
	var c api.Cursors
	if from > 0 && from < to {
		c.Before = key(all[from])
	}
	if to < len(all) && from < to {
		c.After = key(all[to-1])
	}
	return all[from:to], c, nil
}
