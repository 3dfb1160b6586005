package deployment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// numberAnnotation is where the Deployment's controller counts its revisions.
const numberAnnotation = "deployment.kubernetes.io/revision"

// A set is a ReplicaSet of a Deployment, as far as anybody asks.
type set struct {
	name     string
	uid      types.UID
	number   int // counts up with every rollout
	replicas int // asked for
	template pod.Template
	refers   bool // the template names ConfigMaps or Secrets
}

// A setsMemo remembers the ReplicaSets of Deployments until these change: every change of a set that matters here shows
// in the status of its Deployment sooner or later. So ReplicaSets, of which a cluster has ten times as many as Deployments,
// are not cached.
type setsMemo struct {
	mu    sync.Mutex
	known map[types.UID]*knownSets
	swept time.Time
}

type knownSets struct {
	version string // of the Deployment
	sets    []set
	asked   time.Time
}

// forgotten is how long sets are remembered that nobody asks for.
const forgotten = 10 * time.Minute

func newSetsMemo() *setsMemo { return &setsMemo{known: map[types.UID]*knownSets{}} }

func (m *setsMemo) find(d *appsv1.Deployment, now time.Time) ([]set, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[d.UID]
	if k == nil || k.version != d.ResourceVersion {
		return nil, false
	}
	k.asked = now
	return k.sets, true
}

func (m *setsMemo) keep(d *appsv1.Deployment, sets []set, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[d.UID] = &knownSets{d.ResourceVersion, sets, now}
	if now.Sub(m.swept) < time.Minute {
		return
	}
	m.swept = now
	for uid, k := range m.known {
		if now.Sub(k.asked) > forgotten {
			delete(m.known, uid)
		}
	}
}

func (m *setsMemo) forget(d *appsv1.Deployment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, d.UID)
}

// setsOf lists the Deployment's ReplicaSets, newest first.
func (d *Deployments) setsOf(ctx context.Context, of *appsv1.Deployment) ([]set, error) {
	if sets, ok := d.sets.find(of, d.a.Now()); ok {
		return sets, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(of.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("read selector of Deployment %s: %w", client.ObjectKeyFromObject(of), err)
	}
	list := &appsv1.ReplicaSetList{}
	if err := d.a.Live.List(ctx, list, client.InNamespace(of.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list ReplicaSets of Deployment %s: %w", client.ObjectKeyFromObject(of), err)
	}
	var sets []set
	for i := range list.Items {
		if rs := &list.Items[i]; metav1.IsControlledBy(rs, of) {
			s, err := newSet(rs, of.Name)
			if err != nil {
				return nil, err
			}
			sets = append(sets, s)
		}
	}
	slices.SortFunc(sets, func(a, b set) int { return cmp.Or(cmp.Compare(b.number, a.number), cmp.Compare(a.name, b.name)) })
	d.sets.keep(of, sets, d.a.Now())
	return sets, nil
}

func newSet(rs *appsv1.ReplicaSet, main string) (set, error) {
	s := set{name: rs.Name, uid: rs.UID, refers: len(config.Refs(rs.Spec.Template.Spec)) > 0}
	s.number, _ = strconv.Atoi(rs.Annotations[numberAnnotation]) // 0 before the controller has counted it
	if rs.Spec.Replicas != nil {
		s.replicas = int(*rs.Spec.Replicas)
	}
	var err error
	s.template, err = pod.Read(rs.Spec.Template, main)
	return s, err
}

// runs are the sets that are asked to have pods.
func (t *target) runs() []set {
	return slices.DeleteFunc(slices.Clone(t.sets), func(s set) bool { return s.replicas == 0 })
}

func (t *target) revision(s set) plan.Revision { return t.noted(s.template, s.refers) }

// latest is the set that a paused Deployment without pods would fill: its template's, or else the newest.
func (t *target) latest() (set, bool) {
	for _, s := range t.sets {
		if t.revision(s) == t.rolls() {
			return s, true
		}
	}
	if len(t.sets) == 0 {
		return set{}, false
	}
	return t.sets[0], true
}

// asked is the revision that stable's pods are asked to be of: the template's while it rolls, and while it is held that of
// the pods there are.
func (t *target) asked() plan.Revision {
	running := t.runs()
	if !t.user.Spec.Paused || len(t.sets) == 0 {
		return t.rolls()
	}
	if len(running) == 0 {
		s, _ := t.latest()
		return t.revision(s)
	}
	most := slices.MaxFunc(running, func(a, b set) int {
		return cmp.Or(cmp.Compare(a.replicas, b.replicas), cmp.Compare(a.number, b.number))
	})
	return t.revision(most)
}

// alone reports whether nothing but the revision is asked to run, so that nothing is left to roll.
func (t *target) alone(rev plan.Revision) bool {
	running := t.runs()
	if len(running) == 0 {
		s, ok := t.latest()
		return ok && t.replicas() == 0 && t.revision(s) == rev
	}
	return len(running) == 1 && t.revision(running[0]) == rev && (t.user.Spec.Paused || running[0].replicas >= t.replicas())
}

// labels are on all that serin makes for the canary.
func (t *target) labels(rev plan.Revision) map[string]string {
	return map[string]string{
		cluster.TargetLabel: t.key.Label(), cluster.TrackLabel: string(plan.Canary), cluster.RevisionLabel: string(rev),
	}
}
