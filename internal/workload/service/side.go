package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// A side is what stands behind one Service.
type side struct {
	revision plan.Revision // "": nothing stands there
	size     int           // pods it is asked to have
	old      int           // of its pods, those that are not yet of the revision
	pods     []*corev1.Pod
	fresh    map[types.UID]bool // of its pods, those that routers may not know yet
}

// A rollout is how far a workload is with its template.
type rollout struct{ size, old int }

// side reads what stands behind a Service.
func (p *Pairs) side(ctx context.Context, namespace, name string) (side, error) {
	var s corev1.Service
	if err := p.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s); err != nil {
		return side{}, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "create it, or name another Service")
	}
	if len(s.Spec.Selector) == 0 {
		return side{}, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Text: fmt.Sprintf("Service %s/%s selects no pods", namespace, name),
			Remedy: "name Services with a selector",
		}
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	pods, err := p.Pods.List(ctx, namespace, selector)
	if err != nil {
		return side{}, err
	}
	pods = slices.DeleteFunc(slices.Clone(pods), func(o *corev1.Pod) bool { return !pod.Exists(o) })
	found, err := p.workloads(ctx, namespace, selector)
	if err != nil {
		return side{}, err
	}
	return sum(found, pods)
}

// workloads are those whose pods a Service selects.
func (p *Pairs) workloads(ctx context.Context, namespace string, selector labels.Selector) ([]client.Object, error) {
	var found []client.Object
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &appsv1.StatefulSetList{}, &appsv1.DaemonSetList{}} {
		if err := p.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list workloads in namespace %s: %w", namespace, err)
		}
		for _, o := range items(list) {
			if t, _ := behind(o); t != nil && o.GetDeletionTimestamp() == nil && selector.Matches(labels.Set(t.Labels)) {
				found = append(found, o)
			}
		}
	}
	return found, nil
}

func items(list client.ObjectList) (all []client.Object) {
	switch l := list.(type) {
	case *appsv1.DeploymentList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	case *appsv1.StatefulSetList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	case *appsv1.DaemonSetList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	}
	return all
}

// behind is the pod template of a workload, and how far it is with it; nil of anything else.
func behind(o client.Object) (*corev1.PodTemplateSpec, rollout) {
	switch w := o.(type) {
	case *appsv1.Deployment:
		return &w.Spec.Template, measure(or1(w.Spec.Replicas), w.Status.Replicas, w.Status.UpdatedReplicas, w.Status.ObservedGeneration == w.Generation)
	case *appsv1.StatefulSet:
		return &w.Spec.Template, measure(or1(w.Spec.Replicas), w.Status.Replicas, w.Status.UpdatedReplicas, w.Status.ObservedGeneration == w.Generation)
	case *appsv1.DaemonSet:
		return &w.Spec.Template, measure(w.Status.DesiredNumberScheduled, w.Status.CurrentNumberScheduled, w.Status.UpdatedNumberScheduled, w.Status.ObservedGeneration == w.Generation)
	}
	return nil, rollout{}
}

func or1(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// measure counts pods of an older template; as long as its controller does not know the template, all of them may be.
func measure(size, running, updated int32, known bool) rollout {
	if !known {
		return rollout{int(size), int(running)}
	}
	return rollout{int(size), int(max(0, running-updated))}
}

// sum makes one side of all that stands behind a Service.
func sum(found []client.Object, pods []*corev1.Pod) (side, error) {
	s := side{pods: pods}
	var revisions []string
	for _, o := range found {
		template, r := behind(o)
		if r.size == 0 {
			continue
		}
		read, err := pod.Read(*template, o.GetName())
		if err != nil {
			return s, err
		}
		s.size += r.size
		s.old += r.old
		revisions = append(revisions, string(read.Revision("")))
	}
	slices.Sort(revisions)
	switch revisions = slices.Compact(revisions); {
	case len(revisions) == 1:
		s.revision = plan.Revision(revisions[0])
	case len(revisions) > 1:
		s.revision = digest(revisions)
	default:
		s.revision, s.size = byImages(pods), len(pods)
	}
	return s, nil
}

// byImages is the revision of pods whose controller serin does not know.
func byImages(pods []*corev1.Pod) plan.Revision {
	var images []string
	for _, p := range pods {
		if !pod.Serves(p) {
			continue
		}
		for _, c := range p.Spec.Containers {
			images = append(images, c.Name+"="+c.Image)
		}
	}
	if len(images) == 0 {
		return ""
	}
	slices.Sort(images)
	return digest(slices.Compact(images))
}

func digest(texts []string) plan.Revision {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return plan.Revision(hex.EncodeToString(sum[:4]))
}
