// Package disk keeps releases in one bbolt file: each write is one transaction, synced to disk before it returns, so that
// a process killed at any instruction finds either the old record or the new one (ADR 0004). bbolt keeps other processes
// out with a file lock.
//
// A file that is damaged, or was written by a newer serin, is refused by name and left as it is.
package disk

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"serin.dev/serin/internal/releases"
)

// The buckets of the file. order keeps release names in the order they began.
var (
	meta     = []byte("meta")
	targets  = []byte("targets")
	kept     = []byte("releases")
	statuses = []byte("statuses")
	order    = []byte("order")

	formatKey = []byte("format")
)

// A Store is one open file.
type Store struct {
	db   *bbolt.DB
	path string
}

var _ releases.Store = (*Store)(nil)

// Open opens the file, and makes it where there is none. It waits at most a second for another process to let go.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make directory of state file %s: %w", path, err)
	}
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// openFile turns bbolt's answers, and its panics on damaged pages, into words about the file. Pages beyond the end of a file
// that was cut off are memory that cannot be read; such a fault is to be a panic like any other.
func openFile(path string) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("state file %s is damaged (%v); it is left as it is: move it away to start anew", path, p)
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("state file %s is in use by another serin", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("state file %s is damaged or no state file (%w); it is left as it is: move it away to start anew", path, err)
	case err != nil:
		return nil, fmt.Errorf("open state file %s: %w", path, err)
	}
	if err := check(db); err != nil {
		return nil, errors.Join(fmt.Errorf("state file %s is damaged (%w); it is left as it is: move it away to start anew", path, err), db.Close())
	}
	return db, nil
}

// check walks all pages once: damage is found before anything is written, not in the middle of a release. The walk is done by
// a goroutine of bbolt's, where no fault can be caught, so the file must first be known to hold all its pages.
func check(db *bbolt.DB) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return db.View(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(db.Path()); err != nil || info.Size() < tx.Size() {
			return errors.Join(err, fmt.Errorf("it is cut off, %d bytes are needed", tx.Size()))
		}
		var first error
		for err := range tx.Check() {
			if first == nil {
				first = err
			}
		}
		return first
	})
}

// prepare refuses a newer format and makes missing buckets.
func (s *Store) prepare() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{meta, targets, kept, statuses, order} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return fmt.Errorf("prepare state file %s: %w", s.path, err)
			}
		}
		written := tx.Bucket(meta).Get(formatKey)
		if written == nil {
			return tx.Bucket(meta).Put(formatKey, binary.BigEndian.AppendUint32(nil, releases.Format))
		}
		if len(written) != 4 {
			return fmt.Errorf("state file %s has no readable format number; it is left as it is", s.path)
		}
		if n := binary.BigEndian.Uint32(written); n > releases.Format {
			return fmt.Errorf("state file %s has format %d, this serin knows up to %d; it is left as it is: use the newer serin that wrote it", s.path, n, releases.Format)
		}
		return nil
	})
}

// Close lets go of the file.
func (s *Store) Close() error { return s.db.Close() }

// Targets implements releases.Store.
func (s *Store) Targets() (all []releases.Target, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(targets).ForEach(func(key, data []byte) error {
			t, err := decode[releases.Target](data, "target", string(key))
			all = append(all, t)
			return err
		})
	})
	return all, err
}

// Target implements releases.Store.
func (s *Store) Target(key string) (t releases.Target, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		t, err = get[releases.Target](tx, targets, "target", key)
		return err
	})
	return t, err
}

// Begin implements releases.Store.
func (s *Store) Begin(r releases.Release, change func(*releases.Target) error) error {
	return s.update("begin release "+r.Name, func(tx *bbolt.Tx) error {
		if tx.Bucket(kept).Get([]byte(r.Name)) != nil {
			return errors.New("the name is taken")
		}
		t, err := get[releases.Target](tx, targets, "target", r.Target)
		if errors.Is(err, releases.ErrNotFound) {
			t, err = releases.Target{Key: r.Target}, nil
		}
		if err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		n, err := tx.Bucket(order).NextSequence()
		if err != nil {
			return err
		}
		return errors.Join(
			put(tx, targets, r.Target, t),
			put(tx, kept, r.Name, r),
			put(tx, statuses, r.Name, releases.Status{}),
			tx.Bucket(order).Put(binary.BigEndian.AppendUint64(nil, n), []byte(r.Name)),
		)
	})
}

// ChangeTarget implements releases.Store.
func (s *Store) ChangeTarget(key string, change func(*releases.Target) error) error {
	return s.update("write target "+key, func(tx *bbolt.Tx) error {
		t, err := get[releases.Target](tx, targets, "target", key)
		if err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		return put(tx, targets, key, t)
	})
}

// Release implements releases.Store.
func (s *Store) Release(name string) (r releases.Release, status releases.Status, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if r, err = get[releases.Release](tx, kept, "release", name); err != nil {
			return err
		}
		status, err = get[releases.Status](tx, statuses, "status", name)
		return err
	})
	return r, status, err
}

// Releases implements releases.Store.
func (s *Store) Releases() (names []string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(order).ForEach(func(_, name []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}

// Change implements releases.Store.
func (s *Store) Change(name string, change func(*releases.Status) error) error {
	return s.update("write status of "+name, func(tx *bbolt.Tx) error {
		status, err := get[releases.Status](tx, statuses, "status", name)
		if err != nil {
			return err
		}
		if err := change(&status); err != nil {
			return err
		}
		return put(tx, statuses, name, status)
	})
}

// Conclude implements releases.Store.
func (s *Store) Conclude(name string, change func(*releases.Status, *releases.Target) error) error {
	return s.update("conclude "+name, func(tx *bbolt.Tx) error {
		r, err := get[releases.Release](tx, kept, "release", name)
		if err != nil {
			return err
		}
		status, err := get[releases.Status](tx, statuses, "status", name)
		if err != nil {
			return err
		}
		t, err := get[releases.Target](tx, targets, "target", r.Target)
		if err != nil {
			return err
		}
		if err := change(&status, &t); err != nil {
			return err
		}
		return errors.Join(put(tx, statuses, name, status), put(tx, targets, r.Target, t))
	})
}

// Forget implements releases.Store.
func (s *Store) Forget(name string) error {
	return s.update("forget "+name, func(tx *bbolt.Tx) error {
		c := tx.Bucket(order).Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			if string(value) == name {
				if err := c.Delete(); err != nil {
					return err
				}
				break
			}
		}
		return errors.Join(tx.Bucket(kept).Delete([]byte(name)), tx.Bucket(statuses).Delete([]byte(name)))
	})
}

// update runs a transaction. What the caller's change says against it is returned as it is.
func (s *Store) update(what string, do func(*bbolt.Tx) error) error {
	var refused error
	err := s.db.Update(func(tx *bbolt.Tx) error {
		refused = do(tx)
		return refused
	})
	if refused != nil || err == nil {
		return refused
	}
	return fmt.Errorf("%s: %w", what, err)
}

func get[T any](tx *bbolt.Tx, bucket []byte, what, key string) (T, error) {
	data := tx.Bucket(bucket).Get([]byte(key))
	if data == nil {
		var none T
		return none, fmt.Errorf("%s %s: %w", what, key, releases.ErrNotFound)
	}
	return decode[T](data, what, key)
}

func decode[T any](data []byte, what, key string) (v T, err error) {
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("decode %s %s: %w", what, key, err)
	}
	return v, nil
}

func put(tx *bbolt.Tx, bucket []byte, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	return tx.Bucket(bucket).Put([]byte(key), data)
}
