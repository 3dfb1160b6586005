package daemonset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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

// A target is what one call has read of a DaemonSet.
type target struct {
	key      cluster.Key
	set      *appsv1.DaemonSet
	asked    *held.Asked // what the user asked for, while another template stands in its place
	template plan.Revision
	members  []member // pods, by node
}

// A member is one pod of the set.
type member struct {
	pod      *corev1.Pod
	revision plan.Revision
	leaving  bool // has to go, and is kept
	going    bool // was told to go
}

// serves reports whether requests may be sent to it.
func (m member) serves() bool { return !m.going && pod.Serves(m.pod) }

// read reads the target without its pods.
func (d *DaemonSets) read(ctx context.Context, name string) (*target, error) {
	key, err := cluster.ParseKey(name)
	if err != nil {
		return nil, err
	}
	t := &target{key: key, set: &appsv1.DaemonSet{}}
	if err := d.Get(ctx, key.Object(), t.set); err != nil {
		return nil, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "create it, or name another target")
	}
	if t.set.DeletionTimestamp != nil {
		return nil, &cluster.Problem{Reason: cluster.TargetNotFound, Text: t.workload().Origin() + " is being deleted", Field: "spec.target"}
	}
	if t.template, err = held.Revision(t.set, t.set.Spec.Template); err != nil {
		return nil, err
	}
	t.asked = held.ReadAsked(t.set, t.template)
	return t, nil
}

// readPods reads the target's pods.
func (d *DaemonSets) readPods(ctx context.Context, name string, t *target) error {
	selector, err := t.selector()
	if err != nil {
		return fmt.Errorf("read selector of %s: %w", t.workload().Origin(), err)
	}
	all, err := d.Pods.List(ctx, t.key.Namespace, selector)
	if err != nil {
		return err
	}
	for _, p := range all {
		if pod.Owner(p) != t.set.UID || !pod.Exists(p) {
			continue
		}
		m := member{pod: p}
		m.leaving, m.going = d.departures.Of(name, p)
		revision := t.set.Name + "-" + p.Labels[appsv1.ControllerRevisionHashLabelKey]
		if m.revision, err = d.memo.Revision(ctx, t.set, revision); err != nil {
			return err
		}
		t.members = append(t.members, m)
	}
	slices.SortFunc(t.members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.pod.Spec.NodeName, b.pod.Spec.NodeName), cmp.Compare(a.pod.Name, b.pod.Name))
	})
	return nil
}

// full is the number of nodes that want a pod.
func (t *target) full() int { return int(t.set.Status.DesiredNumberScheduled) }

// selector selects the target's pods and ControllerRevisions.
func (t *target) selector() (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(t.set.Spec.Selector)
}

// workload is the DaemonSet as a workload that is held.
func (t *target) workload() held.Workload {
	return held.Workload{
		Object: t.set, Kind: Kind,
		Template: func() corev1.PodTemplateSpec { return t.set.Spec.Template },
		Owned:    func(manager string) (any, error) { return appsac.ExtractDaemonSet(t.set, manager) },
	}
}

// missing reports whether an error says that there is no such target.
func missing(err error) bool {
	var p *cluster.Problem
	return errors.As(err, &p) && p.Reason == cluster.TargetNotFound
}

// Describe reads what the DaemonSet asks for now.
func (d *DaemonSets) Describe(ctx context.Context, name string) (workload.Description, error) {
	t, err := d.read(ctx, name)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	template, revision := t.set.Spec.Template, t.template
	if t.asked != nil {
		template, revision = t.asked.Template, t.asked.Revision
	}
	data, err := json.Marshal(template)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: encode template: %w", name, err)
	}
	return workload.Description{Replicas: max(1, t.full()), Revision: revision, Template: data, Origin: t.workload().Origin()}, nil
}
