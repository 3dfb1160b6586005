package hands

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Objects are those of some kinds that a back end has its hands on. What is kept in memory can be lost: it saves a look at the
// cluster, or keeps an old one from being believed. Nothing of what users write may get lost on the way, so there are no types.
type Objects struct {
	a     *cluster.Access
	holds func(o *unstructured.Unstructured, target string) bool
	kinds []schema.GroupVersionKind

	mu    sync.Mutex
	wrote map[id]*unstructured.Unstructured // newer than what the caches may still say
	known map[string]place                  // of targets
}

type id struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// A place is where a target is at home.
type place struct {
	id      id
	resting bool // nobody has hands on it there, nor anywhere else
}

// New knows nothing yet. holds tells whether an object says that a target has its hands on it.
func New(a *cluster.Access, holds func(*unstructured.Unstructured, string) bool, kinds ...schema.GroupVersionKind) *Objects {
	return &Objects{a: a, holds: holds, kinds: kinds, wrote: map[id]*unstructured.Unstructured{}, known: map[string]place{}}
}

// Empty is an object of a kind and a name, and nothing else.
func Empty(kind schema.GroupVersionKind, name types.NamespacedName) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	o.SetNamespace(name.Namespace)
	o.SetName(name.Name)
	return o
}

// Title says which object it is, for people.
func Title(o client.Object) string {
	return fmt.Sprintf("%s %s", o.GetObjectKind().GroupVersionKind().Kind, client.ObjectKeyFromObject(o))
}

func idOf(o *unstructured.Unstructured) id {
	return id{o.GroupVersionKind(), client.ObjectKeyFromObject(o)}
}

// Get reads an object: the cache's, or the one last written here while the cache lags behind it.
func (s *Objects) Get(ctx context.Context, kind schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	return s.get(ctx, id{kind, name})
}

func (s *Objects) get(ctx context.Context, at id) (*unstructured.Unstructured, error) {
	o := Empty(at.kind, at.name)
	err := s.a.Get(ctx, at.name, o)
	s.mu.Lock()
	last := s.wrote[at]
	s.mu.Unlock()
	if last == nil || err != nil && !apierrors.IsNotFound(err) {
		return o, err
	}
	if err != nil { // not there any more, or not there yet
		err = s.a.Live.Get(ctx, at.name, o)
	} else if older(o, last) {
		return last.DeepCopy(), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrote[at] == last {
		delete(s.wrote, at)
	}
	return o, err
}

func older(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order < 0
}

// Store writes an object that was read, or a new one. After a conflict the next Get knows what others have written.
func (s *Objects) Store(ctx context.Context, o *unstructured.Unstructured) error {
	write := func() error { return s.a.Update(ctx, o, client.FieldOwner(cluster.TrafficManager)) }
	if o.GetResourceVersion() == "" {
		write = func() error { return s.a.Create(ctx, o, client.FieldOwner(cluster.TrafficManager)) }
	}
	err := write()
	if conflict(err) {
		s.catchUp(ctx, idOf(o))
	}
	if err != nil {
		return Refused(err, o)
	}
	s.Wrote(o)
	return nil
}

// Refused says what became of a write. What the API server finds wrong with the object is the user's to mend.
func Refused(err error, o *unstructured.Unstructured) error {
	if apierrors.IsInvalid(err) {
		return &cluster.Problem{Reason: cluster.RouteUnfit, Text: err.Error(), Remedy: "change the route, its settings, or the step"}
	}
	return fmt.Errorf("write %s: %w", Title(o), err)
}

// catchUp reads past the cache what others have written, so that the next try is not made on the same old object.
func (s *Objects) catchUp(ctx context.Context, at id) {
	o := Empty(at.kind, at.name)
	if err := s.a.Live.Get(ctx, at.name, o); err == nil {
		s.Wrote(o)
	}
}

// Wrote keeps an object as it was written until the cache has it.
func (s *Objects) Wrote(o *unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote[idOf(o)] = o.DeepCopy()
}

// Again tries what reads and writes an object once more when somebody else has written it in between: gateways report on routes
// just when these have changed.
func Again(try func() error) error {
	const tries = 4
	err := try()
	for n := 1; n < tries && conflict(err); n++ {
		err = try()
	}
	return err
}

func conflict(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// Holding finds the object that a target has its hands on; nil where there is none. The options narrow the list that is searched
// where nobody remembers.
func (s *Objects) Holding(ctx context.Context, target string, narrow ...client.ListOption) (*unstructured.Unstructured, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, nil // nothing on a cluster is called so
	}
	s.mu.Lock()
	home, known := s.known[target]
	s.mu.Unlock()
	if known {
		o, err := s.get(ctx, home.id)
		if err == nil && s.holds(o, target) {
			return o, nil
		}
		if home.resting || client.IgnoreNotFound(err) != nil {
			return nil, client.IgnoreNotFound(err)
		}
	}
	for _, kind := range s.kinds {
		if o, err := s.search(ctx, kind, target, append(narrow, client.InNamespace(key.Namespace))); o != nil || err != nil {
			return o, err
		}
	}
	return nil, nil
}

func (s *Objects) search(ctx context.Context, kind schema.GroupVersionKind, target string, narrow []client.ListOption) (*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := s.a.List(ctx, list, narrow...); err != nil {
		if meta.IsNoMatchError(err) {
			return nil, nil // there can be none
		}
		return nil, fmt.Errorf("list %ss for %s: %w", kind.Kind, target, err)
	}
	for i := range list.Items {
		o, err := s.get(ctx, id{kind, client.ObjectKeyFromObject(&list.Items[i])}) // the list may lag behind
		if err == nil && s.holds(o, target) {
			s.Remember(target, o, false)
			return o, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Remember notes where a target is at home, and whether it rests there: then nobody has hands on it anywhere.
func (s *Objects) Remember(target string, o *unstructured.Unstructured, resting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[target] = place{idOf(o), resting}
}

// Home reads the object where a target was last at home, hands or not; nil where nobody remembers.
func (s *Objects) Home(ctx context.Context, target string) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	home, known := s.known[target]
	s.mu.Unlock()
	if !known {
		return nil, nil
	}
	return s.get(ctx, home.id)
}

// Forget drops what is remembered of a target.
func (s *Objects) Forget(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, target)
}
