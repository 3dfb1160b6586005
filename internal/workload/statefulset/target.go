package statefulset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A target is what one call has read of a StatefulSet.
type target struct {
	key   cluster.Key
	set   *appsv1.StatefulSet
	asked *held.Asked // what the user asked for, while another template stands in its place

	update  plan.Revision // of the template
	current plan.Revision // what Kubernetes gives to pods below the partition
	members []member      // pods, by ordinal
}

// A member is one pod of the set.
type member struct {
	pod      *corev1.Pod
	ordinal  int
	revision plan.Revision
	leaving  bool // has to go, and is kept
	going    bool // was told to go
}

// serves reports whether requests may be sent to it.
func (m member) serves() bool { return !m.going && pod.Serves(m.pod) }

// instance is the name of the pod and of its incarnation, for names of pods are used again: "db-0@3f6a91".
func (m member) instance() string {
	id := strings.ReplaceAll(string(m.pod.UID), "-", "")
	return m.pod.Name + "@" + id[:min(6, len(id))]
}

// read reads the target without its pods.
func (s *StatefulSets) read(ctx context.Context, name string) (*target, error) {
	key, err := cluster.ParseKey(name)
	if err != nil {
		return nil, err
	}
	t := &target{key: key, set: &appsv1.StatefulSet{}}
	if err := s.Get(ctx, key.Object(), t.set); err != nil {
		return nil, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "create it, or name another target")
	}
	if t.set.DeletionTimestamp != nil {
		return nil, &cluster.Problem{Reason: cluster.TargetNotFound, Text: t.origin() + " is being deleted", Field: "spec.target"}
	}
	if t.update, err = held.Revision(t.set, t.set.Spec.Template); err != nil {
		return nil, err
	}
	t.asked = held.ReadAsked(t.set, t.update)
	t.current, err = s.revision(ctx, t, t.set.Status.CurrentRevision)
	return t, err
}

// revision is the one that Kubernetes means by a name. The template itself needs no looking up, where it is known to be
// meant.
func (s *StatefulSets) revision(ctx context.Context, t *target, name string) (plan.Revision, error) {
	if name == "" || name == t.set.Status.UpdateRevision && t.set.Status.ObservedGeneration == t.set.Generation {
		return t.update, nil
	}
	return s.memo.Revision(ctx, t.set, name)
}

// readPods reads the target's pods.
func (s *StatefulSets) readPods(ctx context.Context, name string, t *target) error {
	selector, err := t.selector()
	if err != nil {
		return fmt.Errorf("read selector of %s: %w", t.origin(), err)
	}
	all, err := s.Pods.List(ctx, t.key.Namespace, selector)
	if err != nil {
		return err
	}
	for _, p := range all {
		if pod.Owner(p) != t.set.UID {
			continue
		}
		m := member{pod: p, ordinal: ordinal(p.Name)}
		m.leaving, m.going = s.departures.Of(name, p)
		if m.revision, err = s.revision(ctx, t, p.Labels[appsv1.ControllerRevisionHashLabelKey]); err != nil {
			return err
		}
		t.members = append(t.members, m)
	}
	slices.SortFunc(t.members, func(a, b member) int { return a.ordinal - b.ordinal })
	return nil
}

// ordinal is the number at the end of a pod's name.
func ordinal(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}

func (t *target) origin() string { return Kind + " " + t.key.Object().String() }

func (t *target) replicas() int {
	if t.set.Spec.Replicas == nil {
		return 1
	}
	return int(*t.set.Spec.Replicas)
}

// start is the ordinal of the first pod.
func (t *target) start() int {
	if t.set.Spec.Ordinals == nil {
		return 0
	}
	return int(t.set.Spec.Ordinals.Start)
}

// partition is how many pods are held back from the template.
func (t *target) partition() int {
	if r := t.set.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		return int(*r.Partition)
	}
	return 0
}

// selector selects the target's pods and ControllerRevisions.
func (t *target) selector() (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(t.set.Spec.Selector)
}

// Describe reads what the StatefulSet asks for now.
func (s *StatefulSets) Describe(ctx context.Context, name string) (workload.Description, error) {
	t, err := s.read(ctx, name)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	if kind := t.set.Spec.UpdateStrategy.Type; kind != appsv1.RollingUpdateStatefulSetStrategyType {
		return workload.Description{}, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: "spec.target", Remedy: "set spec.updateStrategy.type to RollingUpdate",
			Text: fmt.Sprintf("%s has the update strategy %s, so that Kubernetes replaces no pods", t.origin(), kind),
		}
	}
	template, revision := t.set.Spec.Template, t.update
	if t.asked != nil {
		template, revision = t.asked.Template, t.asked.Revision
	}
	data, err := json.Marshal(template)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: encode template: %w", name, err)
	}
	return workload.Description{Replicas: max(1, t.replicas()), Revision: revision, Template: data, Origin: t.origin()}, nil
}

// missing reports whether an error says that there is no such target.
func missing(err error) bool {
	var p *cluster.Problem
	return errors.As(err, &p) && p.Reason == cluster.TargetNotFound
}

// workload is the StatefulSet as a workload that is held.
func (t *target) workload() held.Workload {
	return held.Workload{
		Object: t.set, Kind: Kind,
		Template: func() corev1.PodTemplateSpec { return t.set.Spec.Template },
		Owned:    func(manager string) (any, error) { return appsac.ExtractStatefulSet(t.set, manager) },
	}
}
