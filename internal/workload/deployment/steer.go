package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// steer brings a held Deployment, whose template is another one, to the ordered revision by its ReplicaSets: somebody has
// rolled it past serin, or has changed the template while a promotion was under way, which then finishes first.
//
// The controller of Deployments fills a paused one up: the only set with pods to its full size, and among several the
// largest to the size with surge. So it is enough to end the others, as far as the user's own strategy allows.
func (d *Deployments) steer(ctx context.Context, t *target, rev plan.Revision, template *Template, keep map[string]bool) error {
	if t.replicas() == 0 {
		return nil // there is nothing to take back, and what is filled is emptied again
	}
	i := slices.IndexFunc(t.sets, func(s set) bool { return t.revision(s) == rev })
	if i < 0 {
		return d.insert(ctx, t, rev, template)
	}
	pods, err := d.stablePods(ctx, t)
	if err != nil {
		return err
	}
	next := steps(t, t.sets[i], pods, keep)
	for _, s := range next {
		if err := d.size(ctx, t, s.name, s.replicas); err != nil {
			return err
		}
	}
	if len(next) > 0 {
		d.log.Warn("another template came in between; its pods are taken back", "deployment", t.key.Object(), "ordered", rev, "template", t.described())
		d.sets.forget(t.user)
	}
	return nil
}

// insert makes the ReplicaSet that the controller would have made of the ordered template, had another template not come
// before it saw this one. It begins with nothing.
func (d *Deployments) insert(ctx context.Context, t *target, rev plan.Revision, template *Template) error {
	if template == nil {
		return &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Remedy: "give it back the template of " + string(rev),
			Text: fmt.Sprintf("%s asks for %s and is to run %s, whose template is not known any more", t.origin(), t.described(), rev),
		}
	}
	pods := *template.Pod.DeepCopy()
	if note := config.Digest(template.Config); note != "" {
		metav1.SetMetaDataAnnotation(&pods.ObjectMeta, cluster.ConfigAnnotation, note)
	}
	hash := string(rev[strings.LastIndex(string(rev), "-")+1:])
	metav1.SetMetaDataLabel(&pods.ObjectMeta, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	none, controls := int32(0), true
	owner := t.owner()
	owner.Controller, owner.BlockOwnerDeletion = &controls, &controls
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: cluster.Key{Name: t.key.Name}.Beside(hash), Namespace: t.key.Namespace,
			Labels: pods.Labels, OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &none, MinReadySeconds: t.user.Spec.MinReadySeconds, Template: pods,
			Selector: metav1.AddLabelToSelector(t.user.Spec.Selector.DeepCopy(), appsv1.DefaultDeploymentUniqueLabelKey, hash),
		},
	}
	d.sets.forget(t.user)
	if err := d.a.Create(ctx, rs, client.FieldOwner(cluster.Manager)); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("make ReplicaSet %s/%s of the ordered template: %w", rs.Namespace, rs.Name, err)
	}
	return nil
}

// steps says which sets get another size now, on the way to the ordered one alone.
func steps(t *target, want set, pods []*corev1.Pod, keep map[string]bool) []set {
	ready, busy, all := map[types.UID]int{}, map[types.UID]bool{}, 0
	for _, p := range pods {
		if pod.Serves(p) {
			ready[pod.Owner(p)]++
			all++
		}
		busy[pod.Owner(p)] = busy[pod.Owner(p)] || keep[p.Name]
	}
	if want.replicas == 0 {
		want.replicas = 1 // the only set with pods is the one that gets all of them
		return []set{want}
	}
	spare := all - t.needed()
	var next []set
	for _, s := range t.runs() {
		if s.uid == want.uid || busy[s.uid] && ready[s.uid] > spare {
			continue
		}
		spare -= ready[s.uid]
		s.replicas = 0
		next = append(next, s)
	}
	if len(next) > 0 || spare <= 0 {
		return next
	}
	return trade(t, want, spare)
}

// trade moves some replicas where none of the others can end as a whole: what the largest set loses, the controller gives
// to the largest, and what is too many it takes from there.
func trade(t *target, want set, spare int) []set {
	most := want
	for _, s := range t.runs() {
		if s.uid != want.uid && (most.uid == want.uid || s.replicas > most.replicas) {
			most = s
		}
	}
	switch {
	case most.uid == want.uid:
		return nil
	case want.replicas > most.replicas:
		most.replicas -= min(spare, most.replicas)
		return []set{most}
	}
	want.replicas += min(spare, most.replicas-want.replicas+1)
	return []set{want}
}

// needed is how many pods the user's strategy keeps available.
func (t *target) needed() int {
	n := t.replicas()
	r := t.user.Spec.Strategy.RollingUpdate
	if r == nil || r.MaxUnavailable == nil {
		return n
	}
	lacking, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, n, false)
	if err != nil {
		return n
	}
	return n - lacking
}

// size gives a ReplicaSet another number of replicas.
func (d *Deployments) size(ctx context.Context, t *target, name string, n int) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]int{"replicas": n}})
	if err != nil {
		return fmt.Errorf("encode replicas: %w", err)
	}
	rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: t.key.Namespace}}
	if err := d.a.Patch(ctx, rs, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(scaleManager)); err != nil {
		return fmt.Errorf("scale ReplicaSet %s/%s to %d: %w", t.key.Namespace, name, n, err)
	}
	return nil
}
