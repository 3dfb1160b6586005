package deployment

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// NotSettled is the reason of a problem: letting go of the Deployment would roll out a template that was not promoted.
const NotSettled = "NotSettled"

// Eject lets go of the Deployment. What serin owns of it is given up, so that it is paused no more unless somebody else wants
// it paused; the note on its template stays, for without it every pod would be replaced.
func (d *Deployments) Eject(ctx context.Context, name string, settled plan.Revision) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error { // Kubernetes writes its status all the time
		return d.eject(ctx, name, settled)
	})
}

func (d *Deployments) eject(ctx context.Context, name string, settled plan.Revision) error {
	t, err := d.readAll(ctx, name, d.a.Live) // what is let go is what is there now, not what a cache remembers
	if problem := (*cluster.Problem)(nil); errors.As(err, &problem) && problem.Reason == cluster.TargetNotFound {
		return nil // what serin has made beside it goes with it
	}
	if err != nil {
		return fmt.Errorf("eject %s: %w", name, err)
	}
	if settled == "" {
		settled = t.asked()
	}
	if t.held() {
		if rev := t.rolls(); rev != settled {
			return t.unsettled(rev, settled)
		}
		if err := d.release(ctx, t); err != nil {
			return fmt.Errorf("eject %s: %w", name, err)
		}
	}
	if err := d.endCanary(ctx, t, nil); err != nil {
		return fmt.Errorf("eject %s: %w", name, err)
	}
	return nil
}

func (t *target) unsettled(rev, settled plan.Revision) error {
	return &cluster.Problem{
		Reason: NotSettled, Field: "spec.target",
		Text:   fmt.Sprintf("%s asks for %s and runs %s; letting go of it would roll out what was not promoted", t.origin(), rev, settled),
		Remedy: fmt.Sprintf("put the template of %s back where it comes from (Git), or promote %s, and eject again", settled, rev),
	}
}

// release gives up all fields of the user's Deployment but the note on its template.
func (d *Deployments) release(ctx context.Context, t *target) error {
	u := t.part(nil, t.spec.Config)
	u.SetResourceVersion(t.user.ResourceVersion) // it is this template that may roll, and no other
	if err := d.send(ctx, u, client.ForceOwnership); err != nil {
		return fmt.Errorf("release %s: %w", t.origin(), err)
	}
	d.log.Info("deployment released", "deployment", t.key.Object())
	return nil
}
