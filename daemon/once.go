package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// answerTable keeps the answers to calls with a clientId, by method and id.
var answerTable = store.Table{ID: 0x60, Name: "answer"}

// answerLife is how long a client may repeat a call and get the first answer.
const answerLife = 24 * time.Hour

// identified is what the parameters of every changing method are.
type identified interface{ OnceID() string }

// once makes a handler that answers a repeated clientId with the first answer
// (spec/api.md#conventions). Only successes are remembered: a call that failed
// changed nothing, and may succeed when it is repeated.
func once[P identified, R any](d *Daemon, name string, fn func(context.Context, P) (R, error)) handler {
	return method(func(ctx context.Context, p P) (r R, err error) {
		u := d.open.Load()
		if p.OnceID() == "" || u == nil {
			return fn(ctx, p)
		}
		key := answerTable.Key(store.Secret(name + "\x00" + p.OnceID()))
		unlock := d.answers.lock(name + "\x00" + p.OnceID())
		defer unlock()
		if err := recall(u.db, key, &r); !errors.Is(err, store.ErrNotFound) {
			return r, err
		}
		if r, err = fn(ctx, p); err != nil {
			return r, err
		}
		return r, remember(ctx, u.db, key, r)
	})
}

func recall(db *store.DB, key store.Key, to any) error {
	return db.View(func(tx *store.Tx) error {
		b, err := tx.Get(key)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, to)
	})
}

// remember keeps an answer. The change itself is done by then, so a store that
// has just been locked is no reason to say that the call failed.
func remember(ctx context.Context, db *store.DB, key store.Key, answer any) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		tx.SetTTL(key, b, answerLife)
		return nil
	})
	if errors.Is(err, store.ErrClosed) {
		return nil
	}
	return err
}

// keyedMutex is a mutex for each key, which exists while somebody holds or
// wants it. The zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	held map[string]*heldKey
}

type heldKey struct {
	sync.Mutex
	users int
}

func (m *keyedMutex) lock(key string) (unlock func()) {
	m.mu.Lock()
	if m.held == nil {
		m.held = map[string]*heldKey{}
	}
	k := m.held[key]
	if k == nil {
		k = &heldKey{}
		m.held[key] = k
	}
	k.users++
	m.mu.Unlock()
	k.Lock()
	return func() {
		k.Unlock()
		m.mu.Lock()
		defer m.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(m.held, key)
		}
	}
}
