package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/releases"
)

// A Store keeps releases as objects of a cluster. It is the only writer of what it keeps.
type Store struct {
	access   *cluster.Access
	indexed  bool
	locks    locks
	canaries *overlay[*Canary]
	releases *overlay[*Release]
	records  *cluster.Memo[releases.Target]  // that Canaries keep
	specs    *cluster.Memo[releases.Release] // of Releases under way
	statuses *cluster.Memo[releases.Status]  // of Releases under way

	mu    sync.Mutex
	homes map[string]types.NamespacedName // by key of a target: the Canary that keeps its record, as far as it is known
}

var _ releases.Store = (*Store)(nil)

// New returns the store of a cluster.
func New(a *cluster.Access) *Store {
	return &Store{
		access: a, canaries: newOverlay[*Canary](), releases: newOverlay[*Release](),
		records: cluster.NewMemo[releases.Target](), specs: cluster.NewMemo[releases.Release](), statuses: cluster.NewMemo[releases.Status](),
		homes: map[string]types.NamespacedName{},
	}
}

// patience bounds each call to the store.
const patience = 10 * time.Second

func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// Targets implements releases.Store.
func (s *Store) Targets() ([]releases.Target, error) {
	ctx, cancel := bounded()
	defer cancel()
	return s.targets(ctx)
}

// Target implements releases.Store.
func (s *Store) Target(key string) (releases.Target, error) {
	ctx, cancel := bounded()
	defer cancel()
	_, t, err := s.read(ctx, key, false)
	return t, err
}

// Begin implements releases.Store. The Release is made first, the record, which makes it count, second: a Release that the
// record does not know has never begun, and the next beginning takes it over or replaces it.
func (s *Store) Begin(r releases.Release, change func(*releases.Target) error) error {
	ctx, cancel := bounded()
	defer cancel()
	defer s.locks.lock("target " + r.Target)()
	owner, err := parse(r.Canary)
	if err != nil {
		return fmt.Errorf("begin release %s: %w", r.Name, err)
	}
	made := false
	if err := s.twice(func(fresh bool) error {
		canary, t, err := s.beginning(ctx, r, owner, fresh)
		if err != nil {
			return err
		}
		before := t.Number
		if err := change(&t); err != nil {
			return err
		}
		if before >= r.Number {
			return taken(before)
		}
		if !made {
			if err := s.make(ctx, canary, r); err != nil {
				return err
			}
			made = true
		}
		return s.keep(ctx, canary, t)
	}); err != nil {
		return fmt.Errorf("begin release %s: %w", r.Name, err)
	}
	return nil
}

func taken(begun int) error {
	return fmt.Errorf("the name is taken: its Canary has begun %d releases", begun)
}

// ChangeTarget implements releases.Store.
func (s *Store) ChangeTarget(key string, change func(*releases.Target) error) error {
	ctx, cancel := bounded()
	defer cancel()
	defer s.locks.lock("target " + key)()
	return s.twice(func(fresh bool) error {
		canary, t, err := s.read(ctx, key, fresh)
		if err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		return s.keep(ctx, canary, t)
	})
}

// Release implements releases.Store.
func (s *Store) Release(name string) (releases.Release, releases.Status, error) {
	ctx, cancel := bounded()
	defer cancel()
	_, r, status, err := s.begun(ctx, name, false)
	return r, status, err
}

// Change implements releases.Store. What changes nothing writes nothing.
func (s *Store) Change(name string, change func(*releases.Status) error) error {
	ctx, cancel := bounded()
	defer cancel()
	defer s.locks.lock("release " + name)()
	return s.twice(func(fresh bool) error {
		o, r, status, err := s.begun(ctx, name, fresh)
		if err != nil {
			return err
		}
		before, err := json.Marshal(status)
		if err != nil {
			return err
		}
		if err := change(&status); err != nil {
			return err
		}
		return s.tell(ctx, o, r, before, status)
	})
}

// Conclude implements releases.Store. The status is written first: from then on the release is over, and whoever reads its
// target finds the books closed, also when the second write never came (see closed).
func (s *Store) Conclude(name string, change func(*releases.Status, *releases.Target) error) error {
	ctx, cancel := bounded()
	defer cancel()
	defer s.locks.lock("release " + name)()
	_, r, before, err := s.begun(ctx, name, false)
	if err != nil {
		return err
	}
	defer s.locks.lock("target " + r.Target)()
	var canary *Canary
	var t releases.Target
	if err := s.twice(func(fresh bool) error { // both are worked out before anything is written
		o, r, status, err := s.begun(ctx, name, fresh)
		if err != nil {
			return err
		}
		if canary, t, err = s.read(ctx, r.Target, fresh); err != nil {
			return err
		}
		if before, err = copied(status); err != nil {
			return err
		}
		old, err := json.Marshal(status)
		if err != nil {
			return err
		}
		if err := change(&status, &t); err != nil {
			return err
		}
		return s.tell(ctx, o, r, old, status)
	}); err != nil {
		return err
	}
	return s.twice(func(fresh bool) error {
		if fresh {
			if canary, t, err = s.read(ctx, r.Target, true); err != nil {
				return err
			}
			scratch, err := copied(before)
			if err != nil {
				return err
			}
			if err := change(&scratch, &t); err != nil {
				return err
			}
		}
		return s.keep(ctx, canary, t)
	})
}

// Forget implements releases.Store.
func (s *Store) Forget(name string) error {
	ctx, cancel := bounded()
	defer cancel()
	defer s.locks.lock("release " + name)()
	return s.remove(ctx, name)
}

// Close implements releases.Store. Nothing is kept here that is not on the cluster.
func (s *Store) Close() error { return nil }

// twice does something with what is known, and once more with what the API server has where that was out of date.
func (s *Store) twice(do func(fresh bool) error) error {
	err := do(false)
	if apierrors.IsConflict(err) {
		err = do(true)
	}
	return err
}

// patch writes the status of an object, and nothing else of it, if the object is still the version that was read.
func (s *Store) patch(ctx context.Context, into client.Object, version string, status any) error {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	body, err := json.Marshal([]operation{{"replace", "/metadata/resourceVersion", version}, {"add", "/status", status}})
	if err != nil {
		return err
	}
	return s.access.Status().Patch(ctx, into, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(cluster.Manager))
}

func copied(s releases.Status) (out releases.Status, err error) {
	data, err := json.Marshal(s)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(data, &out)
}
