package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
	"serin.dev/serin/internal/workload"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A reading is what a generation of a Canary says.
type reading struct {
	draft compile.Draft
	notes compile.Notes
}

// read understands a Canary as a file of that one object would be understood. A generation is read once.
func (c *Canaries) read(canary *objects.Canary) (compile.Draft, compile.Notes) {
	r, _ := c.readings.Of(canary.UID, generation(canary), func() (reading, error) { // whatever is wrong is in the notes
		d, notes := c.understand(canary)
		return reading{d, slices.Clip(notes)}, nil
	})
	return r.draft, r.notes
}

// generation counts up with every change of the spec.
func generation(canary *objects.Canary) string { return strconv.FormatInt(canary.Generation, 10) }

func (c *Canaries) understand(canary *objects.Canary) (compile.Draft, compile.Notes) {
	text, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindCanary,
		"metadata": map[string]string{"name": canary.Name, "namespace": canary.Namespace},
		"spec":     canary.Spec,
	})
	if err != nil {
		var notes compile.Notes
		notes.Refuse(plan.Origin{Object: objectName(canary)}, "the object cannot be read: %v", err)
		return compile.Draft{}, notes
	}
	drafts, notes := native.Read(objectName(canary), text, c.Known)
	if notes.Err() || len(drafts) != 1 {
		return compile.Draft{}, notes
	}
	d := drafts[0]
	d.Name, d.Target.Namespace = keyOf(canary).String(), canary.Namespace
	return d, notes
}

func objectName(canary *objects.Canary) string { return "Canary " + keyOf(canary).String() }

// describe completes a draft with what its target asks for now, and refuses the second Canary of a target.
func (c *Canaries) describe(ctx context.Context, canary *objects.Canary, d *compile.Draft) error {
	if err := c.alone(ctx, canary, *d); err != nil {
		return err
	}
	w, ok := c.Workloads[d.Target.Kind].(workload.Describer)
	if !ok {
		return &cluster.Problem{Reason: cluster.TargetUnfit, Field: "spec.target.kind", Text: fmt.Sprintf("a %s is released on a single machine, not on a cluster", d.Target.Kind)}
	}
	found, err := c.described(ctx, w, *d)
	if err != nil {
		return fmt.Errorf("describe %s: %w", d.Target.Key(), err)
	}
	d.Target.Replicas, d.Target.Revision, d.Target.Template = max(1, found.Replicas), found.Revision, found.Template
	if found.Unfinished {
		c.watchful.touch(keyOf(canary)) // it does not sleep before that is done
	}
	return nil
}

// try compiles a draft as its next release will be, so that what it could not be is said now and not in the middle of it.
func (c *Canaries) try(canary *objects.Canary, d compile.Draft) compile.Notes {
	version := fmt.Sprintf("%s %s %d", generation(canary), d.Target.Revision, d.Target.Replicas)
	notes, _ := c.tried.Of(canary.UID, version, func() (compile.Notes, error) { // as above
		_, notes := compile.Compile(d, "previous", c.Known.Abilities(d))
		return slices.Clip(notes), nil
	})
	return notes
}

// A pairing workload has two halves, and describes the one that is not stable.
type pairing interface {
	DescribePair(ctx context.Context, target, canary string, stable json.RawMessage) (workload.Description, error)
}

// described is what the target asks for now.
func (c *Canaries) described(ctx context.Context, w workload.Describer, d compile.Draft) (workload.Description, error) {
	two, ok := w.(pairing)
	if !ok || d.Target.Canary == "" {
		return w.Describe(ctx, d.Target.Key())
	}
	var stable json.RawMessage
	t, err := c.Store.Target(d.Target.Key())
	if err == nil && t.Stable != "" {
		latest, _, err := c.Store.Release(t.Latest)
		if err != nil {
			return workload.Description{}, fmt.Errorf("read what is stable: %w", err)
		}
		stable = latest.Templates[t.Stable]
	} else if err != nil && !errors.Is(err, releases.ErrNotFound) {
		return workload.Description{}, err
	}
	return two.DescribePair(ctx, d.Target.Key(), d.Target.Canary, stable)
}

// alone refuses the Canary whose target another one has had for longer.
func (c *Canaries) alone(ctx context.Context, canary *objects.Canary, d compile.Draft) error {
	var all objects.CanaryList
	options := []client.ListOption{client.InNamespace(canary.Namespace), ofTarget(d.Target.Key()), client.UnsafeDisableDeepCopy} // they are only read
	if err := c.Access.List(ctx, &all, options...); err != nil {
		return fmt.Errorf("list the Canaries of %s: %w", d.Target.Key(), err)
	}
	if other := rival(all.Items, canary, d.Target.Key()); other != nil {
		return &cluster.Problem{
			Reason: cluster.TargetTaken, Field: "spec.target", Text: fmt.Sprintf("target %s is owned by %s", d.Target.Key(), objectName(other)),
			Remedy: "delete one of the two",
		}
	}
	return nil
}

// rival finds another Canary that has had the target for longer.
func rival(all []objects.Canary, canary *objects.Canary, target string) *objects.Canary {
	for i := range all {
		if other := &all[i]; other.UID != canary.UID && targetOf(other) == target && older(other, canary) {
			return other
		}
	}
	return nil
}

// ofTarget selects the Canaries that name a target, or keep its record.
func ofTarget(key string) client.ListOption { return client.MatchingFields{objects.TargetIndex: key} }

// targetOf is the key of the target that a Canary names, understood or not.
func targetOf(canary *objects.Canary) string {
	var spec struct{ Target v1alpha1.TargetRef }
	if json.Unmarshal(canary.Spec, &spec) != nil {
		return ""
	}
	return cluster.Key{Kind: spec.Target.Kind, Namespace: canary.Namespace, Name: spec.Target.Name}.String()
}

func older(a, b *objects.Canary) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.UID < b.UID
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

// kindOf is the kind of a target's key.
func kindOf(target string) string {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return ""
	}
	return key.Kind
}
