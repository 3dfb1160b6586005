package batch

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Apply makes the next move towards the order; nothing is sent where there is none to make.
func (s *Sets) Apply(ctx context.Context, name string, o workload.Order) error {
	if err := s.apply(ctx, name, o); err != nil {
		return fmt.Errorf("apply to %s: %w", name, err)
	}
	return nil
}

func (s *Sets) apply(ctx context.Context, name string, o workload.Order) error {
	ordered, err := readOrder(o)
	if err != nil {
		return err
	}
	t, err := s.read(ctx, name)
	if err != nil {
		return err
	}
	if err := t.workload().Taken(o.Owner); err != nil {
		return err
	}
	if err := s.readPods(ctx, name, t); err != nil {
		return err
	}
	sight := t.sight(ordered.want)
	m := t.set.Decide(sight, ordered.want, o.Keep)
	s.departures.Refresh(name, pods(t.members), pods(m.Leave))
	next, err := t.next(m, ordered)
	if err != nil {
		return err
	}
	adopted := t.adopt()
	copies, err := s.keep(ctx, t, ordered, adopted, next)
	if err != nil {
		return err
	}
	asked, err := t.note(next, sight.Rest)
	if err != nil {
		return err
	}
	if err := s.hold(ctx, t, o.Owner, m, adopted, copies, asked); err != nil {
		return err
	}
	if next != nil {
		s.log.Info("put template", "target", name, "revision", m.Put, "instead", t.template.revision)
		if err := held.Put(ctx, s.Access, t.workload(), *next); err != nil {
			return err
		}
	}
	return s.departures.Send(ctx, name, pods(m.Remove))
}

// An order is how many pods of each revision are wanted, and what each revision is.
type order struct {
	want      map[plan.Revision]int
	templates map[plan.Revision]Template
}

func readOrder(o workload.Order) (order, error) {
	r := order{map[plan.Revision]int{}, map[plan.Revision]Template{}}
	for _, p := range o.Pools {
		if _, twice := r.want[p.Revision]; twice {
			return r, fmt.Errorf("pool %s is ordered twice", p.Pool)
		}
		if p.Replicas < 0 {
			return r, fmt.Errorf("pool %s cannot have %d replicas", p.Pool, p.Replicas)
		}
		r.want[p.Revision] = p.Replicas
		if len(p.Template) == 0 { // of a revision that somebody else began; it can only go
			continue
		}
		t, err := decode(p.Template)
		if err != nil {
			return r, fmt.Errorf("template of pool %s: %w", p.Pool, err)
		}
		r.templates[p.Revision] = t
	}
	return r, nil
}

// next is the template that a move puts into the spec; nil where the present one stays.
func (t *target) next(m Move, o order) (*corev1.PodTemplateSpec, error) {
	if m.Put == "" {
		return nil, nil
	}
	if m.HandBack {
		return &t.wish.Pod, nil
	}
	template, known := o.templates[m.Put]
	if !known {
		return nil, fmt.Errorf("the order does not say what revision %s is", m.Put)
	}
	fixed := held.Fixed(t.key, template.Pod, template.Config)
	return &fixed, nil
}

// note is what has to be noted of the template that is asked for, once next stands in the spec.
func (t *target) note(next *corev1.PodTemplateSpec, rest bool) (*held.Asked, error) {
	if next == nil {
		switch {
		case t.instead():
			return t.asked, nil
		case rest || !t.insisted():
			return nil, nil
		}
		again := *t.asked
		again.Again = true
		return &again, nil
	}
	form, err := held.ReadForm(t.key, *next)
	if err != nil {
		return nil, err
	}
	if form.ID == t.wish.ID && t.asked != nil {
		back := *t.asked
		back.Back = true
		return &back, nil // it is forgotten once what is asked for stands there
	}
	return &held.Asked{Form: t.wish.ID, Instead: form.ID, Was: t.template.ID, Template: t.wish.Pod}, nil
}

// hold notes what serin has to know of the set, and owns the fields that hold it.
func (s *Sets) hold(ctx context.Context, t *target, owner string, m Move, adopted *adopted, copies string, asked *held.Asked) error {
	if owner == "" {
		owner = cluster.Manager
	}
	notes := map[string]string{cluster.HeldAnnotation: owner, cluster.ConfigAnnotation: adopted.note(), held.CopiesAnnotation: copies}
	if asked != nil {
		text, err := asked.Text()
		if err != nil {
			return fmt.Errorf("note what is asked of %s: %w", t.workload().Origin(), err)
		}
		notes[held.AskedAnnotation] = text
	}
	spec, so := t.set.Fields(m)
	return t.workload().Hold(ctx, s.Access, notes, spec, so)
}

func pods(members []Member) []*corev1.Pod {
	var all []*corev1.Pod
	for _, m := range members {
		all = append(all, m.Pod)
	}
	return all
}
