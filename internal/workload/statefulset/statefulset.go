package statefulset

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/batch"
)

// Kind is the word users write as a target's kind.
const Kind = "StatefulSet"

var kind = batch.Kind{Name: Kind, New: func() batch.Set { return &set{&appsv1.StatefulSet{}} }, List: list}

// Driver describes this workload to the catalog.
var Driver = batch.Driver(kind)

// New releases StatefulSets of the cluster that env reaches.
func New(env workload.Env) *batch.Sets { return batch.New(env, kind) }

// list lists the StatefulSets of a namespace. They are shared: change nothing in them.
func list(ctx context.Context, a *cluster.Access, namespace string) ([]batch.Set, error) {
	var found appsv1.StatefulSetList
	err := a.List(ctx, &found, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	var sets []batch.Set
	for i := range found.Items {
		sets = append(sets, &set{&found.Items[i]})
	}
	return sets, err
}

// A set is a StatefulSet.
type set struct{ *appsv1.StatefulSet }

func (s *set) Object() client.Object             { return s.StatefulSet }
func (s *set) Template() *corev1.PodTemplateSpec { return &s.Spec.Template }
func (s *set) Selector() *metav1.LabelSelector   { return s.Spec.Selector }
func (s *set) Owned(manager string) (any, error) {
	return appsac.ExtractStatefulSet(s.StatefulSet, manager)
}
func (s *set) Current() string              { return s.Status.CurrentRevision }
func (s *set) Compare(a, b *corev1.Pod) int { return ordinal(a) - ordinal(b) }

// Full is the number of replicas.
func (s *set) Full() int {
	if s.Spec.Replicas == nil {
		return 1
	}
	return int(*s.Spec.Replicas)
}

// Unfit says why it cannot be released; nil where it can.
func (s *set) Unfit() *cluster.Problem {
	kind := s.Spec.UpdateStrategy.Type
	if kind == appsv1.RollingUpdateStatefulSetStrategyType {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.TargetUnfit, Field: "spec.target", Remedy: "set spec.updateStrategy.type to RollingUpdate",
		Text: fmt.Sprintf("%s %s/%s has the update strategy %s, so that Kubernetes replaces no pods", Kind, s.Namespace, s.Name, kind),
	}
}

// Instance is the name of the pod and of its incarnation, for names of pods are used again: "db-0@3f6a91".
func (s *set) Instance(p *corev1.Pod) string {
	id := strings.ReplaceAll(string(p.UID), "-", "")
	return p.Name + "@" + id[:min(6, len(id))]
}

// ordinal is the number at the end of a pod's name.
func ordinal(p *corev1.Pod) int {
	n, err := strconv.Atoi(p.Name[strings.LastIndex(p.Name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}

// partition is how many pods are held back from the template.
func (s *set) partition() int {
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		return int(*r.Partition)
	}
	return 0
}

// Holds reports whether the template is held back from all pods.
func (s *set) Holds() bool { return s.partition() == beyond }

// start is the ordinal of the first pod.
func (s *set) start() int {
	if s.Spec.Ordinals == nil {
		return 0
	}
	return int(s.Spec.Ordinals.Start)
}

// Share leaves for the current revision what no other is asked for, or has too many of.
func (s *set) Share(update, current plan.Revision, staying map[plan.Revision]int) map[plan.Revision]int {
	share, left := map[plan.Revision]int{}, s.Full()
	if update != current {
		share[update] = min(left, max(staying[update], s.Full()-s.partition()))
		left -= share[update]
	}
	for r, n := range staying {
		if r != update && r != current {
			share[r] = min(left, n)
			left -= share[r]
		}
	}
	share[current] = left
	return share
}

// Fields is the partition.
func (s *set) Fields(m batch.Move) (map[string]any, bool) {
	partition := map[string]any{"partition": int64(m.Partition)}
	return map[string]any{"updateStrategy": map[string]any{"rollingUpdate": partition}}, s.partition() == m.Partition
}

// Decide finds the next move.
func (s *set) Decide(seen batch.Sight, want map[plan.Revision]int, keep map[string]bool) batch.Move {
	f := facts{
		Sight: seen, replicas: s.Full(), start: s.start(), partition: s.partition(), unavailable: 1,
		ordered: s.Spec.PodManagementPolicy != appsv1.ParallelPodManagement,
		settled: s.Status.ObservedGeneration == s.Generation,
	}
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, f.replicas, false); err == nil {
			f.unavailable = max(1, n)
		}
	}
	return decide(f, want, keep)
}
