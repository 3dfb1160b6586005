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

// Rule is what asking for EndpointSlices needs to be allowed.
var Rule = rbacv1.PolicyRule{APIGroups: []string{discoveryv1.GroupName}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}}

// Pods remembers since when the EndpointSlices of Services name pods. It is safe for use by several goroutines.
type Pods struct {
	a *cluster.Access

	mu    sync.Mutex
	since map[types.NamespacedName]map[types.UID]time.Time // by Service
}

// New remembers nothing yet.
func New(a *cluster.Access) *Pods {
	return &Pods{a: a, since: map[types.NamespacedName]map[types.UID]time.Time{}}
}

// Fresh are those of a Service's pods which serve, and which data planes may not know. The API server is asked as long as there
// are pods that it has not named. A serin that begins anew has not seen when pods were named, and takes it that those were
// at once which are by now: pods that serve for long are not fresh again.
func (p *Pods) Fresh(ctx context.Context, service types.NamespacedName, pods []*corev1.Pod) (map[types.UID]bool, error) {
	since, watched := p.remembered(service, pods)
	named, err := p.named(ctx, service, pods, since)
	if err != nil {
		return nil, err
	}
	for _, o := range pods {
		switch {
		case !pod.Serves(o) || !named[o.UID]:
		case watched:
			since[o.UID] = p.a.Now()
		default:
			since[o.UID] = pod.ReadySince(o)
		}
	}
	p.mu.Lock()
	p.since[service] = since
	p.mu.Unlock()

	fresh := map[types.UID]bool{}
	for _, o := range pods {
		if at, ok := since[o.UID]; pod.Serves(o) && (!ok || p.a.Now().Sub(at) < spread) {
			fresh[o.UID] = true
		}
	}
	return fresh, nil
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
		delete(p.since, types.NamespacedName{Namespace: namespace, Name: name})
	}
}

// remembered is what is known of these pods, all others are gone; and whether anything was asked about the Service before.
func (p *Pods) remembered(service types.NamespacedName, pods []*corev1.Pod) (since map[types.UID]time.Time, watched bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, watched := p.since[service]
	since = map[types.UID]time.Time{}
	for _, o := range pods {
		if at, ok := last[o.UID]; ok && pod.Serves(o) {
			since[o.UID] = at
		}
	}
	return since, watched
}

// named asks which pods the EndpointSlices of a Service name as ready, if there is one of which that is not known; and
// leaves out those of which it is.
func (p *Pods) named(ctx context.Context, service types.NamespacedName, pods []*corev1.Pod, known map[types.UID]time.Time) (map[types.UID]bool, error) {
	if !slices.ContainsFunc(pods, func(o *corev1.Pod) bool { _, ok := known[o.UID]; return !ok && pod.Serves(o) }) {
		return nil, nil
	}
	var all discoveryv1.EndpointSliceList
	of := client.MatchingLabels{discoveryv1.LabelServiceName: service.Name}
	if err := p.a.Live.List(ctx, &all, client.InNamespace(service.Namespace), of); err != nil {
		return nil, fmt.Errorf("list EndpointSlices of Service %s: %w", service, err)
	}
	named := map[types.UID]bool{}
	for _, s := range all.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef == nil || e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			if _, ok := known[e.TargetRef.UID]; !ok {
				named[e.TargetRef.UID] = true
			}
		}
	}
	return named, nil
}
