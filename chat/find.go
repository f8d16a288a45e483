package chat

import (
	"context"
	"fmt"
	"sync"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// names finds contacts by what people call them. It is built when it is asked
// and dropped when a contact changes.
type names struct {
	mu      sync.Mutex
	version uint64 // counts drops, guarded by mu
	index   *nameIndex
}

// nameIndex keeps three ways to call somebody apart, in order of trust. What a
// contact calls itself is none of them: anybody may take any name.
type nameIndex struct {
	petname, full, bare map[string][]named
	// claimed has those whose handle was not checked yet, by full handle and
	// by bare name: whoever asks for one has it checked first.
	claimed map[string][]identity.AccountID
}

type named struct {
	account identity.AccountID
	handle  identity.Handle
}

func (n *names) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.version++
	n.index = nil
}

func (c *Chat) nameIndex() (*nameIndex, error) {
	c.names.mu.Lock()
	ix, version := c.names.index, c.names.version
	c.names.mu.Unlock()
	if ix != nil {
		return ix, nil
	}
	ix, err := c.readNames()
	if err != nil {
		return nil, err
	}
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	if c.names.version == version {
		c.names.index = ix
	}
	return ix, nil
}

func (c *Chat) readNames() (*nameIndex, error) {
	ix := &nameIndex{map[string][]named{}, map[string][]named{}, map[string][]named{}, map[string][]identity.AccountID{}}
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, r *contactRec) error {
			ix.add(identity.AccountID(tail), r)
			return nil
		})
	})
	return ix, err
}

func (ix *nameIndex) add(id identity.AccountID, r *contactRec) {
	n := named{account: id}
	if h, err := identity.ParseHandle(r.Handle); err == nil && r.Proved {
		n.handle = h
		ix.full[r.Handle] = append(ix.full[r.Handle], n)
		ix.bare[h.Name] = append(ix.bare[h.Name], n)
	} else if err == nil {
		ix.claimed[r.Handle] = append(ix.claimed[r.Handle], id)
		ix.claimed[h.Name] = append(ix.claimed[h.Name], id)
	}
	if r.Petname != "" {
		ix.petname[r.Petname] = append(ix.petname[r.Petname], n)
	}
}

// find finds the account of a contact. ErrNotFound when there is none, an
// *AmbiguousError when there are several.
func (c *Chat) find(ref string) (identity.AccountID, error) {
	if id, err := identity.ParseAccountID(ref); err == nil {
		return id, nil
	}
	ix, err := c.nameIndex()
	if err != nil {
		return identity.AccountID{}, err
	}
	if claimed := ix.claimed[ref]; len(claimed) > 0 {
		if ix, err = c.proveNow(claimed); err != nil {
			return identity.AccountID{}, err
		}
	}
	return ix.find(ref)
}

// provedAtOnce is how many unchecked claims of one name are checked for
// somebody who waits; each takes a good part of a second.
const provedAtOnce = 4

// proveNow checks the handles of contacts that are in line for it.
func (c *Chat) proveNow(claimed []identity.AccountID) (*nameIndex, error) {
	for _, id := range claimed[:min(len(claimed), provedAtOnce)] {
		if err := c.proveHandle(context.Background(), id); err != nil {
			return nil, err
		}
	}
	return c.nameIndex()
}

func (ix *nameIndex) find(ref string) (identity.AccountID, error) {
	for _, by := range []map[string][]named{ix.petname, ix.full, ix.bare} {
		switch found := by[ref]; len(found) {
		case 0:
		case 1:
			return found[0].account, nil
		default:
			return identity.AccountID{}, ambiguousContacts(ref, found)
		}
	}
	return identity.AccountID{}, fmt.Errorf("%w: no such contact", ErrNotFound)
}

func ambiguousContacts(ref string, found []named) error {
	e := &AmbiguousError{Name: ref}
	for _, n := range found {
		e.Claimants = append(e.Claimants, Claimant{Handle: n.handle, Account: n.account, Pinned: true})
		e.Handles = append(e.Handles, n.handle)
	}
	return e
}
