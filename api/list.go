package api

import "encoding/json"

// List is a slice whose nil is written as [], never as null, so that no client
// has to tell "empty" from "absent".
type List[T any] []T

// MarshalJSON writes the elements, and [] for nil.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// Page limits of every list method.
const (
	DefaultPage = 50  // items when limit is left out
	MaxPage     = 500 // the largest limit
)

// Page is the part of the parameters that every list method shares. Lists are
// in order of time, newest last.
type Page struct {
	Limit  int    `json:"limit,omitempty" doc:"how many at most, 1 to 500; 50 when left out"`
	Before string `json:"before,omitempty" doc:"a cursor of an earlier answer: the page that ends before it"`
	After  string `json:"after,omitempty" doc:"a cursor of an earlier answer: the page that begins after it"`
}

// Check returns an error of kind invalid when the page asks for what no list gives.
func (p Page) Check() error {
	if p.Limit < 0 || p.Limit > MaxPage {
		return invalidField("limit", "must be between 1 and %d, not %d", MaxPage, p.Limit)
	}
	if p.Before != "" && p.After != "" {
		return invalidField("after", "cannot be given together with before")
	}
	return nil
}

// Size returns the limit to use.
func (p Page) Size() int {
	if p.Limit == 0 {
		return DefaultPage
	}
	return p.Limit
}

// Cursors are the part of the result that every list method shares.
type Cursors struct {
	Before string `json:"before,omitempty" doc:"pass as before for the page of older ones; absent when there are none"`
	After  string `json:"after,omitempty" doc:"pass as after for the page of newer ones; absent when there are none"`
}

// Once is embedded in the parameters of every method that changes something.
type Once struct {
	ClientID string `json:"clientId,omitempty" doc:"any string up to 64 bytes: the same one again returns the first answer, so a call can be retried safely"`
}

// MaxClientID is the longest clientId, in bytes.
const MaxClientID = 64

// OnceID returns the clientId of the call, or "".
func (o Once) OnceID() string { return o.ClientID }

func (o Once) checkOnce() error {
	if len(o.ClientID) > MaxClientID {
		return invalidField("clientId", "must be at most %d bytes, not %d", MaxClientID, len(o.ClientID))
	}
	return nil
}

// Empty is the parameters of a method that takes none and the result of one
// that has nothing to say: {}.
type Empty struct{}
