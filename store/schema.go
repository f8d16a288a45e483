package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Migration is one step of a schema. Run may use many updates and views, and
// may be run again after a crash in the middle of it: it must then find its way.
type Migration struct {
	Name string // for people
	Run  func(ctx context.Context, db *DB) error
}

// Tables of the store itself; spec/storage.md#tables.
var (
	tableMeta  = Table{ID: 0x01, Name: "meta"}
	tableEvent = Table{ID: 0x02, Name: "event"}

	keySchema  = tableMeta.Key(Uint(1)) // 4 bytes: 1 + the number of migrations run
	keySettled = tableMeta.Key(Uint(2)) // 8 bytes: newest settled segment; only in Badger
	keyFloor   = tableMeta.Key(Uint(3)) // 8 bytes: newest trimmed event
	keyBallast = Table{ID: 0x0f, Name: "ballast"}.Key(Uint(0))
)

// migrate brings the folder to the schema of this release.
func (db *DB) migrate(ctx context.Context, steps []Migration, fresh bool) error {
	have, err := db.schema()
	want := uint32(len(steps) + 1)
	switch {
	case errors.Is(err, ErrNotFound) && fresh:
		return db.setSchema(ctx, want)
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("no schema version: %w", ErrCorrupt)
	case err != nil:
		return err
	case have > want:
		return fmt.Errorf("schema %d, this release knows %d: %w", have, want, ErrNewerSchema)
	}
	for ; have < want; have++ {
		step := steps[have-1]
		if err := step.Run(ctx, db); err != nil {
			return fmt.Errorf("migration %d (%s): %w", have, step.Name, err)
		}
		if err := db.setSchema(ctx, have+1); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) schema() (version uint32, err error) {
	err = db.View(func(tx *Tx) error {
		b, err := tx.Get(keySchema)
		if err != nil {
			return err
		}
		if len(b) != 4 || binary.BigEndian.Uint32(b) == 0 {
			return fmt.Errorf("schema version: %w", ErrCorrupt)
		}
		version = binary.BigEndian.Uint32(b)
		return nil
	})
	return version, err
}

func (db *DB) setSchema(ctx context.Context, version uint32) error {
	return db.Update(ctx, func(tx *Tx) error {
		tx.Set(keySchema, binary.BigEndian.AppendUint32(nil, version))
		return nil
	})
}

// number reads an 8-byte record, 0 when absent.
func (tx *Tx) number(k Key) (uint64, error) {
	b, err := tx.Get(k)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, fmt.Errorf("number record: %w", ErrCorrupt)
	}
	return binary.BigEndian.Uint64(b), nil
}
