package deployment

import (
	"cmp"
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// taken refuses a Deployment that another Canary holds.
func (t *target) taken(owner string) error {
	holder := t.user.Annotations[cluster.HeldAnnotation]
	if holder == "" || owner == "" || holder == owner {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.TargetTaken, Field: "spec.target", Text: fmt.Sprintf("%s is held by Canary %s", t.origin(), holder),
		Remedy: "delete that one first; if it is long gone, remove the annotation " + cluster.HeldAnnotation,
	}
}

// applyStable holds the user's Deployment, and lets it roll only while what it would roll out is what is ordered.
//
// Once nothing but the ordered revision is asked for, nothing is left to roll, and it is paused again, whether all of it is
// ready or not: a paused Deployment goes on replacing and scaling the pods it has.
func (d *Deployments) applyStable(ctx context.Context, t *target, o workload.PoolOrder, template *Template, all workload.Order) error {
	d.tellOfOthers(ctx, t)
	switch {
	case t.alone(o.Revision):
		return d.hold(ctx, t, all.Owner, true, t.restored(o.Revision))
	case t.rolls() == o.Revision || t.described() == o.Revision:
		return d.hold(ctx, t, all.Owner, false, t.promoted(o.Revision))
	}
	if err := d.hold(ctx, t, all.Owner, true, t.spec.Config); err != nil {
		return err
	}
	return d.steer(ctx, t, o.Revision, template, all.Keep)
}

// restored is the note that the template of a held Deployment must carry: that of the set it runs, unless the template is
// another one by now.
func (t *target) restored(rev plan.Revision) string {
	for _, s := range t.sets {
		if t.revision(s) == rev && s.template.Digest == t.spec.Digest && s.template.Config != "" {
			return s.template.Config
		}
	}
	return t.spec.Config
}

// promoted is the note that the template must carry to roll out the ordered revision. A template that already means it, by
// its note or by what the Deployment was adopted with, stays as it is.
func (t *target) promoted(rev plan.Revision) string {
	_, based := t.user.Annotations[cluster.ConfigAnnotation]
	known := based || !t.held() || t.spec.Config != ""
	if !t.refers() || known && t.rolls() == rev {
		return t.spec.Config
	}
	return config.Digest(t.current)
}

// hold writes the fields that serin owns of the user's Deployment, if they are not so already. It unpauses only the template
// that was read: should another one have come since, the write is refused, and the change wakes the controller.
func (d *Deployments) hold(ctx context.Context, t *target, owner string, paused bool, note string) error {
	if owner == "" {
		owner = cluster.Manager
	}
	annotations := map[string]any{cluster.HeldAnnotation: owner}
	base, based := t.user.Annotations[cluster.ConfigAnnotation]
	if !based && !t.held() && t.refers() {
		base, based = config.Digest(t.current), true
	}
	if based {
		annotations[cluster.ConfigAnnotation] = base
	}
	have := t.user.Annotations
	if have[cluster.HeldAnnotation] == owner && t.user.Spec.Paused == paused && note == t.spec.Config && (!based || have[cluster.ConfigAnnotation] == base) {
		return nil
	}
	u := t.part(annotations, note)
	_ = unstructured.SetNestedField(u.Object, paused, "spec", "paused") // spec is a map, if it is there
	if !paused {
		u.SetResourceVersion(t.user.ResourceVersion)
	}
	err := d.send(ctx, u, client.ForceOwnership)
	switch {
	case apierrors.IsConflict(err) && !paused:
		return nil
	case err != nil:
		return fmt.Errorf("hold %s: %w", t.origin(), err)
	}
	d.log.Info("deployment held", "deployment", t.key.Object(), "paused", paused)
	return nil
}

// part is the part of the user's Deployment that serin owns.
func (t *target) part(annotations map[string]any, note string) *unstructured.Unstructured {
	metadata := map[string]any{"name": t.key.Name, "namespace": t.key.Namespace}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	part := map[string]any{"apiVersion": "apps/v1", "kind": Kind, "metadata": metadata}
	if note != "" {
		note := map[string]any{cluster.ConfigAnnotation: note}
		part["spec"] = map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": note}}}
	}
	return &unstructured.Unstructured{Object: part}
}

// tellOfOthers says once who has unpaused a Deployment that is held: while serin lets it roll, serin answers for that.
func (d *Deployments) tellOfOthers(ctx context.Context, t *target) {
	if !t.held() || t.user.Spec.Paused {
		return
	}
	w := d.writers(ctx, t)
	if !w.known || w.paused == cluster.Manager {
		return
	}
	by := cmp.Or(w.paused, w.last, "somebody")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[t.key.String()] != by {
		d.told[t.key.String()] = by
		d.log.Warn("a Deployment that serin holds was unpaused; it is paused again", "deployment", t.key.Object(), "by", by)
	}
}
