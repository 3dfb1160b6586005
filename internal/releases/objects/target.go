package objects

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/releases"
)

// canary returns a Canary as it is now.
func (s *Store) canary(ctx context.Context, name types.NamespacedName, fresh bool) (*Canary, error) {
	if !fresh {
		cached := &Canary{}
		err := s.access.Get(ctx, name, cached, client.UnsafeDisableDeepCopy) // nobody changes an object that was read
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get Canary %s: %w", name, err)
		}
		if c, found, sure := s.canaries.newest(name, cached, err == nil); sure && found {
			return c, nil
		} else if sure {
			return nil, fmt.Errorf("get Canary %s: %w", name, err)
		}
	}
	live := &Canary{}
	if err := s.access.Live.Get(ctx, name, live); err != nil {
		if apierrors.IsNotFound(err) {
			s.canaries.forget(name)
		}
		return nil, fmt.Errorf("get Canary %s: %w", name, err)
	}
	return live, nil
}

// read returns the record of a target, books closed.
func (s *Store) read(ctx context.Context, key string, fresh bool) (*Canary, releases.Target, error) {
	c, t, err := s.keeper(ctx, key, fresh)
	if err != nil {
		return nil, t, err
	}
	t, err = s.closed(ctx, t)
	return c, t, err
}

// keeper finds the Canary that keeps the record of a target: where it was last time, else by the index.
func (s *Store) keeper(ctx context.Context, key string, fresh bool) (*Canary, releases.Target, error) {
	s.mu.Lock()
	home, known := s.homes[key]
	s.mu.Unlock()
	if known {
		c, err := s.canary(ctx, home, fresh)
		if err == nil {
			if t, ok, err := s.record(c); err != nil || ok && t.Key == key {
				return c, t, err
			}
		} else if !apierrors.IsNotFound(err) {
			return nil, releases.Target{}, err
		}
	}
	all, err := s.naming(ctx, key)
	if err != nil {
		return nil, releases.Target{}, err
	}
	for _, c := range all { // oldest first
		t, ok, err := record(c)
		if err != nil {
			return nil, t, err
		}
		if !ok || t.Key != key {
			continue
		}
		if fresh {
			if c, err = s.canary(ctx, client.ObjectKeyFromObject(c), true); err != nil {
				return nil, t, missing(err)
			}
			if t, _, err = record(c); err != nil {
				return nil, t, err
			}
		}
		s.settle(key, c)
		return c, t, nil
	}
	return nil, releases.Target{}, fmt.Errorf("target %s: %w", key, releases.ErrNotFound)
}

// settle remembers where the record of a target is.
func (s *Store) settle(key string, c *Canary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.homes[key] = client.ObjectKeyFromObject(c)
}

// naming lists the Canaries that may keep the record of a target, oldest first.
func (s *Store) naming(ctx context.Context, key string) ([]*Canary, error) {
	k, err := cluster.ParseKey(key)
	if err != nil {
		return nil, nil // no target of a cluster: nobody keeps it
	}
	options := []client.ListOption{client.InNamespace(k.Namespace)}
	if s.indexed {
		options = append(options, client.MatchingFields{TargetIndex: key})
	}
	return s.list(ctx, options...)
}

// all lists all Canaries, oldest first.
func (s *Store) all(ctx context.Context) ([]*Canary, error) { return s.list(ctx) }

// list lists Canaries as they are now. One that the cache lacks is read when it is asked for by name.
func (s *Store) list(ctx context.Context, options ...client.ListOption) ([]*Canary, error) {
	var list CanaryList
	if err := s.access.List(ctx, &list, options...); err != nil {
		return nil, fmt.Errorf("list Canaries: %w", err)
	}
	var all []*Canary
	for i := range list.Items {
		c := &list.Items[i]
		if newest, found, _ := s.canaries.newest(client.ObjectKeyFromObject(c), c, true); found {
			all = append(all, newest)
		}
	}
	slices.SortFunc(all, func(a, b *Canary) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return all, nil
}

// targets lists the records of all targets by key. Where two Canaries keep one for the same target, the older counts.
func (s *Store) targets(ctx context.Context) ([]releases.Target, error) {
	canaries, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var all []releases.Target
	for _, c := range canaries {
		t, ok, err := record(c)
		if err != nil {
			return nil, err
		}
		if !ok || seen[t.Key] {
			continue
		}
		if t, err = s.closed(ctx, t); err != nil {
			return nil, err
		}
		seen[t.Key] = true
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b releases.Target) int { return cmp.Compare(a.Key, b.Key) })
	return all, nil
}

// closed closes the books on a release that is over and whose end the record has not heard of: the process died between the
// two writes of Conclude. The repair is in memory; the next write of the record makes it last.
func (s *Store) closed(ctx context.Context, t releases.Target) (releases.Target, error) {
	if t.Latest == "" || t.Closed(t.Latest) {
		return t, nil
	}
	o, err := s.object(ctx, t.Latest, false)
	if errors.Is(err, releases.ErrNotFound) || err == nil && !over(o) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	r, status, err := s.words(o)
	if err != nil {
		return t, err
	}
	t.Close(r, status.Position)
	return t, nil
}

// beginning returns the Canary that a new release belongs to and the record of its target, which may be a new one.
func (s *Store) beginning(ctx context.Context, r releases.Release, owner types.NamespacedName, fresh bool) (*Canary, releases.Target, error) {
	c, t, err := s.read(ctx, r.Target, fresh)
	if err == nil && client.ObjectKeyFromObject(c) != owner {
		return nil, t, fmt.Errorf("target %s is owned by Canary %s", r.Target, t.Owner)
	}
	if err == nil || !errors.Is(err, releases.ErrNotFound) {
		return c, t, err
	}
	if c, err = s.canary(ctx, owner, fresh); err != nil {
		return nil, t, missing(err)
	}
	if t, ok, err := record(c); err != nil || ok {
		return nil, t, cmp.Or(err, fmt.Errorf("Canary %s keeps the record of %s already", owner, t.Key))
	}
	return c, releases.Target{Key: r.Target}, nil
}

// keep writes the record of a target, unless it is as before.
func (s *Store) keep(ctx context.Context, c *Canary, t releases.Target) error {
	packed, err := pack(targetRecord{releases.Format, t})
	if err != nil {
		return fmt.Errorf("write the record of target %s: %w", t.Key, err)
	}
	if old, ok, err := s.record(c); err == nil && ok {
		if before, err := pack(targetRecord{releases.Format, old}); err == nil && bytes.Equal(before, packed) {
			return nil
		}
	}
	status := *c.Status.DeepCopy()
	status.Record = packed
	if err := s.write(ctx, c, status); err != nil {
		return fmt.Errorf("write the record of target %s: %w", t.Key, err)
	}
	s.settle(t.Key, c)
	return nil
}

// write writes the status of a Canary.
func (s *Store) write(ctx context.Context, c *Canary, status v1alpha1.CanaryStatus) error {
	now := &Canary{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}}
	if err := s.patch(ctx, now, c.ResourceVersion, status); err != nil {
		return missing(err)
	}
	s.canaries.put(now)
	return nil
}

// Noted tells the store of a Canary that was written past it, as the API server answered: the next write of the record is one of
// that version.
func (s *Store) Noted(c *Canary) { s.canaries.put(c.DeepCopy()) }

// Report changes what a Canary's status says to people ("shop/checkout"); the record beside it stays as it is. change gets
// the status and the generation of the spec; what it leaves as it was is not written.
func (s *Store) Report(ctx context.Context, canary string, change func(before v1alpha1.CanaryStatus, generation int64) v1alpha1.CanaryStatus) error {
	name, err := parse(canary)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.canary(ctx, name, false)
	if err != nil {
		return missing(err)
	}
	defer s.locks.lock("target " + s.keeps(c))() // the record stands in the same object
	return s.twice(func(fresh bool) error {
		c, err := s.canary(ctx, name, fresh)
		if err != nil {
			return missing(err)
		}
		before := c.Status
		before.Record = nil
		status := change(*before.DeepCopy(), c.Generation)
		if same, err := alike(before, status); same || err != nil {
			return err
		}
		status.Record = c.Status.Record
		if err := s.write(ctx, c, status); err != nil {
			return fmt.Errorf("write the status of Canary %s: %w", canary, err)
		}
		return nil
	})
}

// alike reports whether two statuses say the same to people.
func alike(a, b v1alpha1.CanaryStatus) (bool, error) {
	a.Record, b.Record = nil, nil
	before, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	after, err := json.Marshal(b)
	return err == nil && bytes.Equal(before, after), err
}

// keeps is the key of the target whose record a Canary keeps, or would.
func (s *Store) keeps(c *Canary) string {
	if t, ok, err := s.record(c); err == nil && ok {
		return t.Key
	}
	return append(targetsOf(c), "")[0]
}

// record is the record that a Canary keeps, remembered: it is read several times in every round.
func (s *Store) record(c *Canary) (releases.Target, bool, error) {
	t, err := s.records.Of(c.UID, c.ResourceVersion, func() (releases.Target, error) {
		t, _, err := record(c)
		return t, err
	})
	t.History = slices.Clip(t.History) // grows, and is not changed in place
	return t, t.Key != "", err
}

// record reads the record that a Canary keeps; ok is false when it keeps none yet.
func record(c *Canary) (t releases.Target, ok bool, err error) {
	if len(c.Status.Record) == 0 {
		return t, false, nil
	}
	var r targetRecord
	if err := unpack(c.Status.Record, &r); err != nil {
		return t, false, fmt.Errorf("read the record of Canary %s/%s: %w", c.Namespace, c.Name, err)
	}
	return r.Target, r.Key != "", nil
}
