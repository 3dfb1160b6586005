package daemonset

import (
	"cmp"
	"context"
	"maps"

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
const Kind = "DaemonSet"

var kind = batch.Kind{Name: Kind, New: func() batch.Set { return &set{&appsv1.DaemonSet{}} }, List: list}

// Driver describes this workload to the catalog.
var Driver = batch.Driver(kind)

// New releases DaemonSets of the cluster that env reaches.
func New(env workload.Env) *batch.Sets { return batch.New(env, kind) }

// list lists the DaemonSets of a namespace. They are shared: change nothing in them.
func list(ctx context.Context, a *cluster.Access, namespace string) ([]batch.Set, error) {
	var found appsv1.DaemonSetList
	err := a.List(ctx, &found, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	var sets []batch.Set
	for i := range found.Items {
		sets = append(sets, &set{&found.Items[i]})
	}
	return sets, err
}

// A set is a DaemonSet.
type set struct{ *appsv1.DaemonSet }

func (s *set) Object() client.Object             { return s.DaemonSet }
func (s *set) Template() *corev1.PodTemplateSpec { return &s.Spec.Template }
func (s *set) Selector() *metav1.LabelSelector   { return s.Spec.Selector }
func (s *set) Owned(manager string) (any, error) {
	return appsac.ExtractDaemonSet(s.DaemonSet, manager)
}
func (s *set) Current() string               { return "" }
func (s *set) Unfit() *cluster.Problem       { return nil }
func (s *set) Instance(p *corev1.Pod) string { return p.Name }

// Holds is so as soon as serin holds it.
func (s *set) Holds() bool { return true }

// Full is the number of nodes that want a pod.
func (s *set) Full() int { return int(s.Status.DesiredNumberScheduled) }

// Compare goes by node.
func (s *set) Compare(a, b *corev1.Pod) int {
	return cmp.Or(cmp.Compare(a.Spec.NodeName, b.Spec.NodeName), cmp.Compare(a.Name, b.Name))
}

// Share asks each revision for the pods that were not told to go; what then is missing comes as what the template says.
func (s *set) Share(template, _ plan.Revision, staying map[plan.Revision]int) map[plan.Revision]int {
	share, left := maps.Clone(staying), s.Full()
	for _, n := range staying {
		left -= n
	}
	share[template] += max(0, left)
	return share
}

// Fields is the update strategy.
func (s *set) Fields(batch.Move) (map[string]any, bool) {
	onDelete := appsv1.OnDeleteDaemonSetStrategyType
	return map[string]any{"updateStrategy": map[string]any{"type": string(onDelete)}}, s.Spec.UpdateStrategy.Type == onDelete
}

// Decide finds the next move.
func (s *set) Decide(seen batch.Sight, want map[plan.Revision]int, keep map[string]bool) batch.Move {
	f := facts{Sight: seen, full: s.Full(), unavailable: 1, settled: s.Status.ObservedGeneration == s.Generation}
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, f.full, true); err == nil {
			f.unavailable = max(1, n)
		}
	}
	return decide(f, want, keep)
}
