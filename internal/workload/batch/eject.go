package batch

import (
	"context"
	"fmt"
	"slices"

	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// Eject lets go of a set. Where its template is not the one that pods of the settled revision are made from, that one is put
// in its place first, for without serin's hold Kubernetes would roll out the other. So no pod is replaced, and the copies of
// configuration that pods read stay, and go with the set.
func (s *Sets) Eject(ctx context.Context, name string, settled plan.Revision) error {
	t, err := s.read(ctx, name)
	if missing(err) {
		return nil
	}
	if err == nil && t.workload().Held() {
		err = s.eject(ctx, name, t, settled)
	}
	if err != nil {
		return fmt.Errorf("eject %s: %w", name, err)
	}
	return nil
}

func (s *Sets) eject(ctx context.Context, name string, t *target, settled plan.Revision) error {
	if err := s.readPods(ctx, name, t); err != nil {
		return err
	}
	if settled != "" {
		if err := s.settle(ctx, t, settled); err != nil {
			return err
		}
	}
	if _, err := s.collect(ctx, t, nil); err != nil {
		return err
	}
	return t.workload().Release(ctx, s.Access)
}

// settle puts the template into the spec that pods of the settled revision are made from.
func (s *Sets) settle(ctx context.Context, t *target, settled plan.Revision) error {
	runs := slices.IndexFunc(t.members, func(m Member) bool { return m.Revision == settled && !m.Going })
	if runs < 0 && t.template.revision == settled || runs >= 0 && t.members[runs].form.ID == t.template.ID {
		return nil
	}
	selector, err := t.selector()
	if err != nil {
		return err
	}
	template, err := held.Find(ctx, s.Access, t.workload(), selector, settled, func(f held.Form) (bool, error) {
		if runs >= 0 {
			return f.ID == t.members[runs].form.ID, nil
		}
		seen, err := s.see(ctx, t, f)
		return seen.revision == settled, err
	})
	if err != nil {
		return err
	}
	return held.Put(ctx, s.Access, t.workload(), *template)
}
