package statefulset

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Apply makes the next move towards the order; nothing is sent where there is none to make.
func (s *StatefulSets) Apply(ctx context.Context, name string, o workload.Order) error {
	if err := s.apply(ctx, name, o); err != nil {
		return fmt.Errorf("apply to %s: %w", name, err)
	}
	return nil
}

func (s *StatefulSets) apply(ctx context.Context, name string, o workload.Order) error {
	want, templates, err := wanted(o)
	if err != nil {
		return err
	}
	t, err := s.read(ctx, name)
	if err != nil {
		return err
	}
	w := t.workload()
	if err := w.Taken(o.Owner); err != nil {
		return err
	}
	if err := s.readPods(ctx, name, t); err != nil {
		return err
	}
	m := decide(t.facts(), want, o.Keep)
	s.departures.Refresh(name, pods(t.members), pods(m.leave))
	note := t.asked
	if m.put != "" && !m.handBack {
		note = held.Asking(t.asked, t.update, m.put, t.set.Spec.Template)
	}
	spec := map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"partition": int64(m.partition)}}}
	if err := w.Hold(ctx, s.Access, o.Owner, note, spec, t.partition() == m.partition); err != nil {
		return err
	}
	if err := s.put(ctx, t, m, templates); err != nil {
		return err
	}
	return s.departures.Send(ctx, name, pods(m.remove))
}

func pods(members []member) []*corev1.Pod {
	var all []*corev1.Pod
	for _, m := range members {
		all = append(all, m.pod)
	}
	return all
}

// wanted reads an order: how many pods of each revision, and what each revision is.
func wanted(o workload.Order) (map[plan.Revision]int, map[plan.Revision]corev1.PodTemplateSpec, error) {
	want, templates := map[plan.Revision]int{}, map[plan.Revision]corev1.PodTemplateSpec{}
	for _, p := range o.Pools {
		if _, twice := templates[p.Revision]; twice {
			return nil, nil, fmt.Errorf("pool %s is ordered twice", p.Pool)
		}
		if p.Replicas < 0 {
			return nil, nil, fmt.Errorf("pool %s cannot have %d replicas", p.Pool, p.Replicas)
		}
		if len(p.Template) == 0 { // of a revision that somebody else began; it can only go
			templates[p.Revision] = corev1.PodTemplateSpec{}
		} else {
			t, err := decode(p.Template)
			if err != nil {
				return nil, nil, fmt.Errorf("template of pool %s: %w", p.Pool, err)
			}
			templates[p.Revision] = t
		}
		want[p.Revision] = p.Replicas
	}
	return want, templates, nil
}

func (t *target) facts() facts {
	f := facts{
		replicas: t.replicas(), start: t.start(), partition: t.partition(), unavailable: 1, update: t.update, current: t.current,
		ordered: t.set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement,
		settled: t.set.Status.ObservedGeneration == t.set.Generation, members: t.members,
	}
	if t.asked != nil {
		f.asked = t.asked.Revision
	}
	if r := t.set.Spec.UpdateStrategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, f.replicas, false); err == nil {
			f.unavailable = max(1, n)
		}
	}
	return f
}

// put puts another template in the place of the present one.
func (s *StatefulSets) put(ctx context.Context, t *target, m move, templates map[plan.Revision]corev1.PodTemplateSpec) error {
	if m.put == "" {
		return nil
	}
	template := templates[m.put]
	if m.handBack {
		template = t.asked.Template
	}
	if len(template.Spec.Containers) == 0 {
		return errors.New("the order does not say what revision " + string(m.put) + " is")
	}
	s.log.Info("put template", "target", t.key.String(), "revision", m.put, "instead", t.update)
	return held.Put(ctx, s.Access, t.workload(), template, m.put)
}
