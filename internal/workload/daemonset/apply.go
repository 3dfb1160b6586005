package daemonset

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Apply makes the next move towards the order; nothing is sent where there is none to make.
func (d *DaemonSets) Apply(ctx context.Context, name string, o workload.Order) error {
	if err := d.apply(ctx, name, o); err != nil {
		return fmt.Errorf("apply to %s: %w", name, err)
	}
	return nil
}

func (d *DaemonSets) apply(ctx context.Context, name string, o workload.Order) error {
	want, templates, err := wanted(o)
	if err != nil {
		return err
	}
	t, err := d.read(ctx, name)
	if err != nil {
		return err
	}
	w := t.workload()
	if err := w.Taken(o.Owner); err != nil {
		return err
	}
	if err := d.readPods(ctx, name, t); err != nil {
		return err
	}
	m := decide(t.facts(), want, o.Keep)
	d.departures.Refresh(name, pods(t.members), pods(m.leave))
	note := t.asked
	if m.put != "" && (note == nil || note.Revision != m.put) {
		note = held.Asking(t.asked, t.template, m.put, t.set.Spec.Template)
	}
	onDelete := appsv1.OnDeleteDaemonSetStrategyType
	spec := map[string]any{"updateStrategy": map[string]any{"type": string(onDelete)}}
	if err := w.Hold(ctx, d.Access, o.Owner, note, spec, t.set.Spec.UpdateStrategy.Type == onDelete); err != nil {
		return err
	}
	if m.put != "" {
		d.log.Info("put template", "target", name, "revision", m.put, "instead", t.template)
		if len(templates[m.put].Spec.Containers) == 0 {
			return fmt.Errorf("the order does not say what revision %s is", m.put)
		}
		return held.Put(ctx, d.Access, w, templates[m.put], m.put)
	}
	return d.departures.Send(ctx, name, pods(m.remove))
}

// wanted reads an order: how many pods of each revision, and what each revision is.
func wanted(o workload.Order) (map[plan.Revision]int, map[plan.Revision]corev1.PodTemplateSpec, error) {
	want, templates := map[plan.Revision]int{}, map[plan.Revision]corev1.PodTemplateSpec{}
	for _, p := range o.Pools {
		if _, twice := want[p.Revision]; twice {
			return nil, nil, fmt.Errorf("pool %s is ordered twice", p.Pool)
		}
		if p.Replicas < 0 {
			return nil, nil, fmt.Errorf("pool %s cannot have %d replicas", p.Pool, p.Replicas)
		}
		want[p.Revision] = p.Replicas
		if len(p.Template) == 0 { // of a revision that somebody else began; it can only go
			continue
		}
		t, err := decode(p.Template)
		if err != nil {
			return nil, nil, fmt.Errorf("template of pool %s: %w", p.Pool, err)
		}
		templates[p.Revision] = t
	}
	return want, templates, nil
}

func (t *target) facts() facts {
	f := facts{
		full: t.full(), unavailable: 1, template: t.template, settled: t.set.Status.ObservedGeneration == t.set.Generation, members: t.members,
	}
	if r := t.set.Spec.UpdateStrategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, f.full, true); err == nil {
			f.unavailable = max(1, n)
		}
	}
	return f
}

func pods(members []member) []*corev1.Pod {
	var all []*corev1.Pod
	for _, m := range members {
		all = append(all, m.pod)
	}
	return all
}
