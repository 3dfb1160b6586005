package objects

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// object returns a Release as it is now: what was written last, the cache, or the API server. The cache holds releases that
// are under way only (see Cached), so that nothing there is no proof. One that is over is changed by nobody but us: what was
// written last is what the API server has, and needs no asking in each round of the aftermath.
func (s *Store) object(ctx context.Context, name string, fresh bool) (*Release, error) {
	key, err := parse(name)
	if err != nil {
		return nil, err
	}
	if !fresh {
		cached := &Release{}
		err := s.access.Get(ctx, key, cached, client.UnsafeDisableDeepCopy) // nobody changes an object that was read
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get Release %s: %w", name, err)
		}
		if o, found, sure := s.releases.newest(key, cached, err == nil); found && (sure || over(o)) {
			return o, nil
		}
	}
	live := &Release{}
	if err := s.access.Live.Get(ctx, key, live); apierrors.IsNotFound(err) {
		s.releases.forget(key)
		return nil, fmt.Errorf("release %s: %w", name, releases.ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("get Release %s: %w", name, err)
	}
	o, found, _ := s.releases.newest(key, live, true)
	if !found {
		return nil, fmt.Errorf("release %s: %w", name, releases.ErrNotFound) // deleted here, and on its way out
	}
	return o, nil
}

// begun returns a release that counts: its target's record knows it.
func (s *Store) begun(ctx context.Context, name string, fresh bool) (o *Release, r releases.Release, status releases.Status, err error) {
	if o, err = s.object(ctx, name, fresh); err != nil {
		return nil, r, status, err
	}
	canary, err := s.canary(ctx, types.NamespacedName{Namespace: o.Namespace, Name: o.Spec.Canary}, false)
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(o, canary) {
		return nil, r, status, fmt.Errorf("release %s: its Canary is gone: %w", name, releases.ErrNotFound)
	}
	if err != nil {
		return nil, r, status, err
	}
	t, _, err := s.record(canary)
	if err != nil {
		return nil, r, status, err
	}
	if int64(t.Number) < o.Spec.Number {
		return nil, r, status, fmt.Errorf("release %s has not begun: %w", name, releases.ErrNotFound)
	}
	r, status, err = s.words(o)
	return o, r, status, err
}

// words are what a Release says. Of one that is under way they are remembered: it is read several times in every round.
func (s *Store) words(o *Release) (r releases.Release, status releases.Status, err error) {
	if over(o) {
		s.specs.Forget(o.UID)
		s.statuses.Forget(o.UID)
		return words(o)
	}
	const always = "1" // a spec has one version: the API server refuses another
	if r, err = s.specs.Of(o.UID, always, func() (releases.Release, error) { return spec(o) }); err != nil {
		return r, status, err
	}
	status, err = s.statuses.Of(o.UID, o.ResourceVersion, func() (releases.Status, error) { return stands(o) })
	return r, apart(status), err
}

// apart is a status that may be changed while others read the one it came from: what was written down is never changed in
// place, but the lists and maps of it grow.
func apart(s releases.Status) releases.Status {
	at := &s.Position
	at.Passed, at.Dark, at.Granted = maps.Clone(at.Passed), maps.Clone(at.Dark), maps.Clone(at.Granted)
	s.Acts, s.Log = slices.Clip(s.Acts), slices.Clip(s.Log)
	s.Outbox, s.Evidence = slices.Clone(s.Outbox), maps.Clone(s.Evidence)
	return s
}

func words(o *Release) (r releases.Release, s releases.Status, err error) {
	if r, err = spec(o); err != nil {
		return r, s, err
	}
	s, err = stands(o)
	return r, s, err
}

func spec(o *Release) (releases.Release, error) {
	var record releaseRecord
	if err := unpack(o.Spec.Record, &record); err != nil {
		return releases.Release{}, fmt.Errorf("read Release %s/%s: %w", o.Namespace, o.Name, err)
	}
	return record.Release, nil
}

// stands is where a Release stands.
func stands(o *Release) (releases.Status, error) {
	var record statusRecord
	if len(o.Status.Record) == 0 {
		return record.Status, nil
	}
	if err := unpack(o.Status.Record, &record); err != nil {
		return record.Status, fmt.Errorf("read the status of Release %s/%s: %w", o.Namespace, o.Name, err)
	}
	return record.Status, nil
}

// make makes the Release of a Canary. One that was left behind by a beginning that never came to its end is taken over where
// it says the same, and replaced where it does not.
func (s *Store) make(ctx context.Context, canary *Canary, r releases.Release) error {
	o, err := newRelease(canary, r)
	if err != nil {
		return err
	}
	err = s.access.Create(ctx, o, client.FieldOwner(cluster.Manager))
	if !apierrors.IsAlreadyExists(err) {
		if err == nil {
			s.releases.put(o)
		}
		return err
	}
	left := &Release{}
	if err := s.access.Live.Get(ctx, client.ObjectKeyFromObject(o), left); err != nil {
		return fmt.Errorf("get the Release of that name: %w", err)
	}
	now, err := s.canary(ctx, client.ObjectKeyFromObject(canary), true)
	if err != nil {
		return missing(err)
	}
	t, _, err := record(now)
	if err != nil {
		return err
	}
	if t.Number >= r.Number { // another process was faster, and the cache has not heard of it
		return taken(t.Number)
	}
	if !metav1.IsControlledBy(left, now) {
		return fmt.Errorf("a Release of that name belongs to an earlier Canary %s; it is being removed, or remove it yourself", canary.Name)
	}
	if untouched(left, r) {
		s.releases.put(left)
		return nil
	}
	if err := s.access.Delete(ctx, left, exactly(left)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove the Release of that name, which never began: %w", err)
	}
	if o, err = newRelease(canary, r); err != nil {
		return err
	}
	if err := s.access.Create(ctx, o, client.FieldOwner(cluster.Manager)); err != nil {
		return err
	}
	s.releases.put(o)
	return nil
}

func newRelease(canary *Canary, r releases.Release) (*Release, error) {
	record, err := pack(r)
	if err != nil {
		return nil, err
	}
	name, err := parse(r.Name)
	if err != nil {
		return nil, err
	}
	owner := metav1.NewControllerRef(canary, v1alpha1.GroupVersion.WithKind(v1alpha1.KindCanary))
	owner.BlockOwnerDeletion = new(bool) // nobody has to wait for history
	return &Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, OwnerReferences: []metav1.OwnerReference{*owner}},
		Spec: v1alpha1.ReleaseSpec{
			Canary: canary.Name, Target: r.Target, Number: int64(r.Number), From: string(r.Plan.Stable), To: string(r.Plan.Canary), Record: record,
		},
	}, nil
}

// untouched reports whether a Release that never began says the same as another but for its time.
func untouched(left *Release, r releases.Release) bool {
	old, status, err := words(left)
	if err != nil || len(status.Log) > 0 || status.Position.Phase != "" {
		return false
	}
	old.Created = r.Created
	a, err := json.Marshal(old)
	b, err2 := json.Marshal(r)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// tell writes the status of a release, unless it is as before.
func (s *Store) tell(ctx context.Context, o *Release, r releases.Release, before []byte, status releases.Status) error {
	after, err := json.Marshal(status)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	told, err := statusOf(r, status)
	if err != nil {
		return fmt.Errorf("write the status of release %s: %w", r.Name, err)
	}
	now := &Release{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name}}
	if err := s.patch(ctx, now, o.ResourceVersion, told); err != nil {
		return fmt.Errorf("write the status of release %s: %w", r.Name, missing(err))
	}
	s.releases.put(now)
	return nil
}

// remove deletes a Release.
func (s *Store) remove(ctx context.Context, name string) error {
	key, err := parse(name)
	if err != nil {
		return err
	}
	o := &Release{}
	if err := s.access.Live.Get(ctx, key, o); err != nil {
		return client.IgnoreNotFound(err)
	}
	if err := s.access.Delete(ctx, o, exactly(o)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Release %s: %w", name, err)
	}
	s.releases.bury(o)
	return nil
}

// exactly deletes this object, not one of the same name that was made since.
func exactly(o client.Object) client.DeleteOption {
	return client.Preconditions{UID: new(o.GetUID())}
}

// Releases implements releases.Store. Names are all that is asked for: the objects stay where they are.
func (s *Store) Releases() ([]string, error) {
	ctx, cancel := bounded()
	defer cancel()
	begun := map[types.NamespacedName]int{}
	canaries, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range canaries {
		t, _, err := record(c)
		if err != nil {
			return nil, err
		}
		begun[client.ObjectKeyFromObject(c)] = t.Number
	}
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	type place struct {
		canary types.NamespacedName
		number int
	}
	var places []place
	for _, n := range names {
		canary, number, ok := numbered(n.Name)
		p := place{types.NamespacedName{Namespace: n.Namespace, Name: canary}, number}
		if ok && number <= begun[p.canary] {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if c := strings.Compare(a.canary.String(), b.canary.String()); c != 0 {
			return c
		}
		return a.number - b.number
	})
	var all []string
	for _, p := range places {
		all = append(all, releases.Name(p.canary.String(), p.number))
	}
	return all, nil
}

// names lists the Releases of the cluster, without those that were deleted here.
func (s *Store) names(ctx context.Context) (names []types.NamespacedName, err error) {
	const page = 500
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindRelease + "List"))
	for {
		if err := s.access.Live.List(ctx, list, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return nil, fmt.Errorf("list Releases: %w", err)
		}
		for _, o := range list.Items {
			key := types.NamespacedName{Namespace: o.Namespace, Name: o.Name}
			if _, found, _ := s.releases.newest(key, &Release{ObjectMeta: o.ObjectMeta}, true); found {
				names = append(names, key)
			}
		}
		if list.Continue == "" {
			return names, nil
		}
	}
}

// over reports whether a Release is at its end, as its status says it for people.
func over(o *Release) bool { return plan.Phase(o.Status.Phase).Over() }

// missing turns the API server's word for what is not there into the store's.
func missing(err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: %w", releases.ErrNotFound, err)
	}
	return err
}
