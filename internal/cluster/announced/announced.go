package announced

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/pod"
)

// spread is how long the news of a pod in an EndpointSlice may take to reach every data plane.
const spread = 2 * time.Second

// Between two questions about the same pods: Kubernetes names pods within a moment, and one that is slow must not be slowed down.
const (
	soonest = 250 * time.Millisecond
	latest  = 8 * time.Second
)

// Rule is what asking for EndpointSlices needs to be allowed.
var Rule = rbacv1.PolicyRule{APIGroups: []string{discoveryv1.GroupName}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}}

// Pods remembers since when the EndpointSlices of Services name pods. It is safe for use by several goroutines.
type Pods struct {
	a *cluster.Access

	mu       sync.Mutex
	services map[types.NamespacedName]memory
}

// A memory is what is known of one Service's pods.
type memory struct {
	since map[types.UID]time.Time // of those that are named
	vain  map[types.UID]bool      // those that were asked for in vain,
	again time.Time               // when to ask for them again,
	pause time.Duration           // and how long that is after the last time
}

// New remembers nothing yet.
func New(a *cluster.Access) *Pods {
	return &Pods{a: a, services: map[types.NamespacedName]memory{}}
}

// Fresh are those of a Service's pods which serve, and which data planes may not know. The API server is asked as long as there
// are pods that it has not named. A serin that begins anew has not seen when pods were named, and takes it that those were
// at once which are by now: pods that serve for long are not fresh again.
func (p *Pods) Fresh(ctx context.Context, service types.NamespacedName, pods []*corev1.Pod) (map[types.UID]bool, error) {
	p.mu.Lock()
	last, watched := p.services[service]
	p.mu.Unlock()
	pods = slices.DeleteFunc(slices.Clone(pods), func(o *corev1.Pod) bool { return !pod.Serves(o) })
	now, known := p.a.Now(), last.of(pods)
	if known.asks(pods, now) {
		named, err := p.named(ctx, service)
		if err != nil {
			return nil, err
		}
		for _, o := range pods {
			if _, ok := known.since[o.UID]; ok || !named[o.UID] {
				continue
			}
			if known.since[o.UID] = now; !watched {
				known.since[o.UID] = pod.ReadySince(o)
			}
		}
		known.wait(pods, now)
	}
	p.mu.Lock()
	p.services[service] = known
	p.mu.Unlock()
	return known.fresh(pods, now), nil
}

// of is what is still known of these pods: all others are gone.
func (m memory) of(pods []*corev1.Pod) memory {
	n := memory{since: map[types.UID]time.Time{}, vain: map[types.UID]bool{}, again: m.again, pause: m.pause}
	for _, o := range pods {
		if at, ok := m.since[o.UID]; ok {
			n.since[o.UID] = at
		}
		if m.vain[o.UID] {
			n.vain[o.UID] = true
		}
	}
	return n
}

// asks reports whether it is time to ask: at once about a pod that was not asked for yet.
func (m memory) asks(pods []*corev1.Pod, now time.Time) bool {
	return slices.ContainsFunc(pods, func(o *corev1.Pod) bool {
		_, named := m.since[o.UID]
		return !named && (!m.vain[o.UID] || !now.Before(m.again))
	})
}

// wait notes which pods were asked for in vain, and when to ask for them again: later each time.
func (m *memory) wait(pods []*corev1.Pod, now time.Time) {
	waits := len(m.vain) > 0
	clear(m.vain)
	for _, o := range pods {
		if _, named := m.since[o.UID]; !named {
			m.vain[o.UID] = true
		}
	}
	if m.pause *= 2; !waits {
		m.pause = soonest
	}
	m.pause = min(m.pause, latest)
	m.again = now.Add(m.pause)
}

func (m memory) fresh(pods []*corev1.Pod, now time.Time) map[types.UID]bool {
	fresh := map[types.UID]bool{}
	for _, o := range pods {
		if at, ok := m.since[o.UID]; !ok || now.Sub(at) < spread {
			fresh[o.UID] = true
		}
	}
	return fresh
}

// Trouble says what a Service waits for that has so many fresh pods; "" where it has none.
func Trouble(service string, fresh int) string {
	if fresh == 0 {
		return ""
	}
	return fmt.Sprintf("routers do not know yet that %d of the pods of Service %s are ready", fresh, service)
}

// Forget drops what is remembered of Services.
func (p *Pods) Forget(namespace string, services ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range services {
		delete(p.services, types.NamespacedName{Namespace: namespace, Name: name})
	}
}

// named are the pods that the EndpointSlices of a Service name as ready.
func (p *Pods) named(ctx context.Context, service types.NamespacedName) (map[types.UID]bool, error) {
	var all discoveryv1.EndpointSliceList
	of := client.MatchingLabels{discoveryv1.LabelServiceName: service.Name}
	if err := p.a.Live.List(ctx, &all, client.InNamespace(service.Namespace), of); err != nil {
		return nil, fmt.Errorf("list EndpointSlices of Service %s: %w", service, err)
	}
	named := map[types.UID]bool{}
	for _, s := range all.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				named[e.TargetRef.UID] = true
			}
		}
	}
	return named, nil
}
