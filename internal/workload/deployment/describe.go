package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Describe reads what the Deployment asks for now.
func (d *Deployments) Describe(ctx context.Context, name string) (workload.Description, error) {
	t, err := d.read(ctx, name, d.a)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: %w", name, err)
	}
	if p := d.unfit(ctx, t); p != nil {
		return workload.Description{}, p
	}
	template, err := d.templates.text(t.user, t.current)
	if err != nil {
		return workload.Description{}, fmt.Errorf("describe %s: encode template: %w", name, err)
	}
	return workload.Description{Replicas: max(1, t.replicas()), Revision: t.described(), Template: template, Origin: t.origin()}, nil
}

// plain is the template without serin's own note.
func plain(t corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	t = *t.DeepCopy()
	delete(t.Annotations, cluster.ConfigAnnotation)
	return t
}

func decode(raw json.RawMessage) (*Template, error) {
	t := &Template{}
	if err := plan.Decode(raw, t); err != nil {
		return nil, err
	}
	if len(t.Pod.Spec.Containers) == 0 {
		return nil, errors.New("pod.spec.containers: at least one is needed")
	}
	return t, nil
}

// unfit says why the Deployment cannot be released in place.
func (d *Deployments) unfit(ctx context.Context, t *target) *cluster.Problem {
	problem := func(text, remedy string) *cluster.Problem {
		return &cluster.Problem{Reason: cluster.TargetUnfit, Text: t.origin() + " " + text, Remedy: remedy, Field: "spec.target"}
	}
	if t.user.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return problem("has the strategy Recreate, so that promotion would end every pod of stable before one of the new revision serves",
			"use RollingUpdate")
	}
	if t.user.Spec.Paused && !t.held() {
		return problem("is paused"+by(d.writers(ctx, t).paused), "resume it (kubectl rollout resume); serin pauses it itself")
	}
	selector, err := metav1.LabelSelectorAsSelector(t.user.Spec.Selector)
	if err != nil {
		return problem("has a selector that cannot be read: "+err.Error(), "")
	}
	if selector.Matches(labels.Set(apart(t.user, nil))) {
		return problem(fmt.Sprintf("selects its pods by %q, which no other value of a label escapes", selector),
			"give it a selector with matchLabels, which needs a new Deployment")
	}
	return nil
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + name
}
