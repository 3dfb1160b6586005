package daemonset

import (
	"context"
	"fmt"

	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// Eject lets go of a DaemonSet. Where its template is not the settled revision, the settled one is put in its place first,
// for without OnDelete Kubernetes would roll out what was held back.
func (d *DaemonSets) Eject(ctx context.Context, name string, settled plan.Revision) error {
	t, err := d.read(ctx, name)
	if missing(err) {
		return nil
	}
	if err == nil {
		err = d.eject(ctx, t, settled)
	}
	if err != nil {
		return fmt.Errorf("eject %s: %w", name, err)
	}
	return nil
}

func (d *DaemonSets) eject(ctx context.Context, t *target, settled plan.Revision) error {
	w := t.workload()
	if !w.Held() {
		return nil
	}
	if settled != "" && settled != t.template {
		selector, err := t.selector()
		if err != nil {
			return err
		}
		template, err := held.Find(ctx, d.Access, t.set, selector, settled)
		if err != nil {
			return err
		}
		if err := held.Put(ctx, d.Access, w, *template, settled); err != nil {
			return err
		}
	}
	return w.Release(ctx, d.Access)
}
