package statefulset

import (
	"context"
	"fmt"

	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// Eject lets go of a StatefulSet. Where its template is not the settled revision, the settled one is put in its place first,
// for without the partition Kubernetes would roll out what was held back.
func (s *StatefulSets) Eject(ctx context.Context, name string, settled plan.Revision) error {
	t, err := s.read(ctx, name)
	if missing(err) {
		return nil
	}
	if err == nil {
		err = s.eject(ctx, t, settled)
	}
	if err != nil {
		return fmt.Errorf("eject %s: %w", name, err)
	}
	return nil
}

func (s *StatefulSets) eject(ctx context.Context, t *target, settled plan.Revision) error {
	w := t.workload()
	if !w.Held() {
		return nil
	}
	if settled != "" && settled != t.update {
		selector, err := t.selector()
		if err != nil {
			return err
		}
		template, err := held.Find(ctx, s.Access, t.set, selector, settled)
		if err != nil {
			return err
		}
		if err := held.Put(ctx, s.Access, w, *template, settled); err != nil {
			return err
		}
	}
	return w.Release(ctx, s.Access)
}
