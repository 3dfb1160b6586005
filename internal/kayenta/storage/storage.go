package storage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// ErrNotFound is wrapped by errors about an object that is not there.
var ErrNotFound = errors.New("not found")

// ErrExists is wrapped by errors about an id that is taken.
var ErrExists = errors.New("already exists")

// ErrInvalid is wrapped by errors about ids and file names that no store could keep, and objects that are too large.
var ErrInvalid = errors.New("cannot be stored")

// Limit bounds one object, in bytes.
const Limit = 64 << 20

// A Kind is one group of objects, named as Kayenta names its folders.
type Kind string

// The kinds.
const (
	Configs         Kind = "canary_config"
	Results         Kind = "canary_archive"
	MetricSets      Kind = "metrics"
	MetricSetPairs  Kind = "metric_pairs"
	AnalysisResults Kind = "standalone_canary_archive"
)

// File is what an object of this kind is called where nobody gives it another name.
func (k Kind) File(id string) string {
	switch k {
	case MetricSets:
		return "metric_sets.json"
	case MetricSetPairs:
		return "metric_set_pairs.json"
	}
	return id + ".json"
}

// An Object is one that is there.
type Object struct {
	ID      string
	File    string
	Version string // changes whenever the object does
	Updated time.Time
}

// A Store keeps objects. It is safe for use by several goroutines.
type Store interface {
	// Create writes an object whose id must be free.
	Create(ctx context.Context, k Kind, id, file string, data []byte) error
	// Put writes an object, or replaces it; one of the same id under another file name is gone afterwards.
	Put(ctx context.Context, k Kind, id, file string, data []byte) error
	// Get reads an object.
	Get(ctx context.Context, k Kind, id string) ([]byte, error)
	// Delete removes an object.
	Delete(ctx context.Context, k Kind, id string) error
	// List tells what is there, ordered by id.
	List(ctx context.Context, k Kind) ([]Object, error)
	// Close lets go of the store.
	Close() error
}

// Ids and file names become parts of paths and keys. Ids are mostly UUIDs; old configs are called by their users.
var (
	goodID   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}$`)
	goodFile = regexp.MustCompile(`^[A-Za-z0-9_,-][A-Za-z0-9_.,:-]{0,249}$`)
)

// CheckID refuses an id that could not be a part of a path.
func CheckID(id string) error {
	if !goodID.MatchString(id) {
		return fmt.Errorf("id %.40q: %w: want letters, digits, and _ . : - within", id, ErrInvalid)
	}
	return nil
}

// Check refuses what no store keeps.
func Check(id, file string, data []byte) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if !goodFile.MatchString(file) {
		return fmt.Errorf("file %.40q: %w: want letters, digits, and _ . , : - within", file, ErrInvalid)
	}
	if len(data) > Limit {
		return fmt.Errorf("%d bytes: %w: the limit is %d", len(data), ErrInvalid, Limit)
	}
	return nil
}
