package deployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/announced"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// Observe reads what runs of the target. A Deployment that is not there runs nothing.
func (d *Deployments) Observe(ctx context.Context, name string) ([]plan.Pool, error) {
	t, err := d.readAll(ctx, name, d.a)
	if problem := (*cluster.Problem)(nil); errors.As(err, &problem) && problem.Reason == cluster.TargetNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", name, err)
	}
	d.a.Pods.Expect(ctx, t.key.Namespace, canarySelector(t.key))
	stable, err := d.seeStable(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", name, err)
	}
	canary, found, err := d.seeCanary(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", name, err)
	}
	if !found {
		d.announced.Forget(t.key.Namespace, stable.Service, t.key.Beside(string(plan.Canary)))
		return []plan.Pool{stable}, nil
	}
	return []plan.Pool{canary, stable}, nil
}

func (d *Deployments) seeStable(ctx context.Context, t *target) (plan.Pool, error) {
	p := plan.Pool{Name: stablePool, Revision: t.asked(), Wanted: t.replicas(), Endpoints: []plan.Endpoint{}}
	pods, err := d.stablePods(ctx, t)
	if err != nil {
		return p, err
	}
	revisions := map[string]plan.Revision{}
	for _, s := range t.sets {
		revisions[string(s.uid)] = t.revision(s)
	}
	if p.Service, err = d.service(ctx, t.user); err != nil {
		return p, err
	}
	apart, err := d.own(ctx, t.key, &corev1.Service{})
	if err != nil {
		return p, err
	}
	var fresh map[types.UID]bool
	if apart { // traffic may come back here
		if fresh, err = d.fresh(ctx, t, p.Service, pods); err != nil {
			return p, err
		}
	}
	count(&p, pods, fresh, func(o *corev1.Pod) bool { return revisions[string(pod.Owner(o))] == p.Revision })
	if p.Ready < p.Wanted {
		p.Trouble = cmp.Or(trouble(t.user, pods), announced.Trouble(p.Service, len(fresh)))
	}
	return p, nil
}

// fresh are the pods that routers may not know yet which send requests to a Service; nobody where there is none.
func (d *Deployments) fresh(ctx context.Context, t *target, service string, pods []*corev1.Pod) (map[types.UID]bool, error) {
	if service == "" {
		return nil, nil
	}
	return d.announced.Fresh(ctx, types.NamespacedName{Namespace: t.key.Namespace, Name: service}, pods)
}

// stablePods are those of the user's Deployment; a canary that is mingled with them carries the same labels.
func (d *Deployments) stablePods(ctx context.Context, t *target) ([]*corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(t.user.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("read selector: %w", err)
	}
	all, err := d.a.Pods.List(ctx, t.key.Namespace, selector)
	if err != nil {
		return nil, err
	}
	pods := t.owned(all)
	if len(pods) < len(foreign(all)) { // of a set that is newer than what is remembered, perhaps
		d.sets.forget(t.user)
		if t.sets, err = d.setsOf(ctx, t.user); err != nil {
			return nil, err
		}
		pods = t.owned(all)
	}
	return pods, nil
}

func (t *target) owned(pods []*corev1.Pod) []*corev1.Pod {
	ours := map[string]bool{}
	for _, s := range t.sets {
		ours[string(s.uid)] = true
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return !ours[string(pod.Owner(p))] })
}

// foreign are the pods that serin has not made.
func foreign(pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return p.Labels[cluster.TargetLabel] != "" })
}

// seeCanary reads serin's Deployment, or what pods are left of one.
func (d *Deployments) seeCanary(ctx context.Context, t *target) (plan.Pool, bool, error) {
	p := plan.Pool{Name: canaryPool, Endpoints: []plan.Endpoint{}}
	pods, err := d.canaryPods(ctx, t.key)
	if err != nil || t.canary == nil && len(pods) == 0 {
		return p, false, err
	}
	if t.canary == nil {
		p.Revision = plan.Revision(pods[0].Labels[cluster.RevisionLabel])
		count(&p, pods, nil, never)
		p.Ready, p.Endpoints = 0, []plan.Endpoint{} // nobody looks after them any more
		return p, p.Running > 0, nil
	}
	p.Revision = plan.Revision(t.canary.Labels[cluster.RevisionLabel])
	p.Wanted = ordered(t.canary)
	own := &corev1.Service{}
	apart, err := d.own(ctx, t.key, own)
	if err != nil {
		return p, false, err
	}
	fresh, err := d.fresh(ctx, t, own.Name, pods)
	if err != nil {
		return p, false, err
	}
	count(&p, pods, fresh, func(o *corev1.Pod) bool { return o.Labels[cluster.RevisionLabel] == string(p.Revision) })
	if p.Wanted == 0 {
		p.Ready, p.Updated, p.Endpoints = 0, 0, []plan.Endpoint{}
	}
	if p.Ready < p.Wanted || p.Updated < p.Wanted {
		p.Trouble = cmp.Or(trouble(t.canary, pods), announced.Trouble(own.Name, len(fresh)))
	}
	if apart && own.DeletionTimestamp == nil {
		p.Service = own.Name
	}
	return p, true, nil
}

func never(*corev1.Pod) bool { return false }

func (d *Deployments) canaryPods(ctx context.Context, key cluster.Key) ([]*corev1.Pod, error) {
	return d.a.Pods.List(ctx, key.Namespace, canarySelector(key))
}

func canarySelector(key cluster.Key) k8slabels.Selector {
	return k8slabels.SelectorFromSet(ownSelector(key))
}

// ownSelector selects the canary's pods, of whichever revision.
func ownSelector(key cluster.Key) map[string]string {
	return map[string]string{cluster.TargetLabel: key.Label(), cluster.TrackLabel: string(plan.Canary)}
}

// ordered is how many replicas serin wants of its Deployment; an autoscaler may have made it more.
func ordered(own *appsv1.Deployment) int {
	if n, err := strconv.Atoi(own.Annotations[cluster.ReplicasAnnotation]); err == nil {
		return n
	}
	return 1
}

// count fills in the numbers of a pool. Pods that are leaving, or have to, run and serve nothing new; fresh ones do not yet.
func count(p *plan.Pool, pods []*corev1.Pod, fresh map[types.UID]bool, updated func(*corev1.Pod) bool) {
	for _, o := range pods {
		if !pod.Exists(o) {
			continue
		}
		p.Running++
		if !pod.Serves(o) || leaving(o) || fresh[o.UID] {
			continue
		}
		p.Ready++
		if updated(o) {
			p.Updated++
		}
		p.Endpoints = append(p.Endpoints, pod.Endpoint(o))
	}
}

// trouble says why a Deployment is short of ready pods.
func trouble(d *appsv1.Deployment, pods []*corev1.Pod) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return "pods cannot be made: " + c.Message
		}
	}
	return pod.Trouble(pods)
}
