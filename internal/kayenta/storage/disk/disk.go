// Package disk keeps objects in one bbolt file. Each write is one transaction, on disk before it returns: a process that is
// killed at any instruction finds the old object or the new one. bbolt keeps other processes out with a lock.
package disk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"serin.dev/serin/internal/kayenta/storage"
)

// format numbers what is in the file. A newer one is refused.
const format = 1

var (
	meta      = []byte("meta")
	formatKey = []byte("format")
)

// A Store is one open file: a bucket per kind, in it a bucket of heads and one of bodies, so that a listing reads no bodies.
type Store struct {
	db  *bbolt.DB
	now func() time.Time
}

var _ storage.Store = (*Store)(nil)

// A head is what is known of an object without reading it.
type head struct {
	File    string    `json:"file"`
	Version uint64    `json:"version"`
	Updated time.Time `json:"updated"`
}

var (
	heads  = []byte("heads")
	bodies = []byte("bodies")
)

// Open opens the file, and makes it where there is none. It waits at most a second for another process to let go.
func Open(path string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make directory of %s: %w", path, err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by another serin", path)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w; it is left as it is: move it away to start anew", path, err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return prepare(tx, path) }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db, now}, nil
}

func prepare(tx *bbolt.Tx, path string) error {
	b, err := tx.CreateBucketIfNotExists(meta)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", path, err)
	}
	written := b.Get(formatKey)
	if written == nil {
		return b.Put(formatKey, binary.BigEndian.AppendUint32(nil, format))
	}
	if n := binary.BigEndian.Uint32(append(make([]byte, 4), written...)[len(written):]); n > format {
		return fmt.Errorf("%s has format %d, this serin knows up to %d; it is left as it is: use the newer serin that wrote it", path, n, format)
	}
	return nil
}

// Close lets go of the file.
func (s *Store) Close() error { return s.db.Close() }

// Create implements storage.Store.
func (s *Store) Create(_ context.Context, k storage.Kind, id, file string, data []byte) error {
	return s.write(k, id, file, data, true)
}

// Put implements storage.Store.
func (s *Store) Put(_ context.Context, k storage.Kind, id, file string, data []byte) error {
	return s.write(k, id, file, data, false)
}

func (s *Store) write(k storage.Kind, id, file string, data []byte, mustBeNew bool) error {
	if err := storage.Check(id, file, data); err != nil {
		return fmt.Errorf("write %s %s: %w", k, id, err)
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		kind, err := tx.CreateBucketIfNotExists([]byte(k))
		if err != nil {
			return err
		}
		known, err := kind.CreateBucketIfNotExists(heads)
		if err != nil {
			return err
		}
		full, err := kind.CreateBucketIfNotExists(bodies)
		if err != nil {
			return err
		}
		if mustBeNew && known.Get([]byte(id)) != nil {
			return storage.ErrExists
		}
		version, err := kind.NextSequence()
		if err != nil {
			return err
		}
		text, err := json.Marshal(head{file, version, s.now().UTC()})
		if err != nil {
			return err
		}
		return errors.Join(known.Put([]byte(id), text), full.Put([]byte(id), data))
	})
	if err != nil {
		return fmt.Errorf("write %s %s: %w", k, id, err)
	}
	return nil
}

// Get implements storage.Store.
func (s *Store) Get(_ context.Context, k storage.Kind, id string) (data []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		full := within(tx, k, bodies)
		if full == nil || id == "" {
			return storage.ErrNotFound
		}
		found := full.Get([]byte(id))
		if found == nil {
			return storage.ErrNotFound
		}
		data = append([]byte{}, found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", k, id, err)
	}
	return data, nil
}

// Delete implements storage.Store.
func (s *Store) Delete(_ context.Context, k storage.Kind, id string) error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		known, full := within(tx, k, heads), within(tx, k, bodies)
		if known == nil || full == nil || id == "" || known.Get([]byte(id)) == nil {
			return storage.ErrNotFound
		}
		return errors.Join(known.Delete([]byte(id)), full.Delete([]byte(id)))
	})
	if err != nil {
		return fmt.Errorf("delete %s %s: %w", k, id, err)
	}
	return nil
}

// List implements storage.Store.
func (s *Store) List(_ context.Context, k storage.Kind) (all []storage.Object, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		known := within(tx, k, heads)
		if known == nil {
			return nil
		}
		return known.ForEach(func(id, text []byte) error {
			var h head
			if err := json.Unmarshal(text, &h); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			all = append(all, storage.Object{ID: string(id), File: h.File, Version: strconv.FormatUint(h.Version, 10), Updated: h.Updated})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", k, err)
	}
	return all, nil
}

func within(tx *bbolt.Tx, k storage.Kind, part []byte) *bbolt.Bucket {
	kind := tx.Bucket([]byte(k))
	if kind == nil {
		return nil
	}
	return kind.Bucket(part)
}
