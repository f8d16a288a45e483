package chat

import (
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
	ix := &nameIndex{map[string][]named{}, map[string][]named{}, map[string][]named{}}
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
	if r.Proved {
		n.handle, _ = identity.ParseHandle(r.Handle)
		ix.full[r.Handle] = append(ix.full[r.Handle], n)
		ix.bare[n.handle.Name] = append(ix.bare[n.handle.Name], n)
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
