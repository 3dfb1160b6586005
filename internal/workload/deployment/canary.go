package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/workload"
)

// scaleManager writes the replicas of serin's Deployments. It is another than the manager of the rest, so that an autoscaler
// can take the field over: a field that its only manager no longer applies would fall back to one replica.
const scaleManager = "serin-scale"

// copiesAnnotation lists the copies of configuration that were made for a canary; they are deleted with it.
const copiesAnnotation = "serin.dev/copies"

// applyCanary makes serin's Deployment, with what stands before and above it, as ordered. None ordered, none stays.
func (d *Deployments) applyCanary(ctx context.Context, t *target, o workload.PoolOrder, template *Template, all workload.Order) error {
	if o.Replicas == 0 {
		return d.endCanary(ctx, t, all.Keep)
	}
	services, err := d.services(ctx, t.key.Namespace)
	if err != nil {
		return err
	}
	if err := d.applyService(ctx, t, o.Revision, services, all.Mingled); err != nil {
		return err
	}
	own := t.beside(o, template)
	if !all.Mingled {
		keepApart(own, t.user.Spec.Selector, services)
	}
	if err := d.applyDeployment(ctx, t, own, template); err != nil {
		return err
	}
	scaled, err := d.applyScaler(ctx, t, o, all.Mingled)
	if err != nil {
		return err
	}
	return d.scale(ctx, t, o.Replicas, scaled, all.Keep)
}

// beside is the Deployment that runs a revision beside the user's, with stable's labels. It has no replicas, see
// scaleManager.
func (t *target) beside(o workload.PoolOrder, template *Template) *appsv1.Deployment {
	pods := *template.Pod.DeepCopy()
	config.Rename(&pods.Spec, config.Copies(t.key, template.Config))
	if pods.Labels == nil {
		pods.Labels = map[string]string{}
	}
	maps.Copy(pods.Labels, t.labels(o.Revision))
	history := int32(0)
	surge, unavailable := t.surge(o.Replicas), intstr.FromInt32(0)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: Kind},
		ObjectMeta: t.meta(o.Revision),
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: ownSelector(t.key)}, Template: pods,
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
			},
			MinReadySeconds: t.user.Spec.MinReadySeconds, ProgressDeadlineSeconds: t.user.Spec.ProgressDeadlineSeconds,
			RevisionHistoryLimit: &history,
		},
	}
}

// surge is the user's, where that lets anything happen though nothing may be unavailable.
func (t *target) surge(replicas int) intstr.IntOrString {
	if r := t.user.Spec.Strategy.RollingUpdate; r != nil && r.MaxSurge != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxSurge, replicas, true); err == nil && n > 0 {
			return *r.MaxSurge
		}
	}
	return intstr.FromInt32(1)
}

// applyDeployment makes the Deployment, and first the copies of configuration that its pods read.
func (d *Deployments) applyDeployment(ctx context.Context, t *target, own *appsv1.Deployment, template *Template) error {
	copies := copiesOf(t.canary)
	for _, s := range template.Config {
		if c := (config.Ref{Kind: s.Kind, Name: s.Copy(t.key)}); !slices.Contains(copies, c) {
			copies = append(copies, c)
		}
	}
	if len(copies) > 0 {
		data, err := json.Marshal(copies)
		if err != nil {
			return fmt.Errorf("encode copies of configuration: %w", err)
		}
		metav1.SetMetaDataAnnotation(&own.ObjectMeta, copiesAnnotation, string(data))
	}
	if t.canary == nil || t.canary.Labels[cluster.RevisionLabel] != own.Labels[cluster.RevisionLabel] {
		if err := d.config.Keep(ctx, t.owner(), t.key, template.Config); err != nil {
			return err
		}
	}
	var there client.Object
	if t.canary != nil {
		there = t.canary
	}
	return d.applyOwn(ctx, own, there)
}

func copiesOf(own *appsv1.Deployment) []config.Ref {
	var copies []config.Ref
	if own != nil {
		// What cannot be read goes with the user's Deployment at the latest.
		_ = json.Unmarshal([]byte(own.Annotations[copiesAnnotation]), &copies)
	}
	return copies
}

// endCanary lets serin's Deployment go, as soon as no instance of it is kept.
func (d *Deployments) endCanary(ctx context.Context, t *target, keep map[string]bool) error {
	if err := d.endScaler(ctx, t.key); err != nil {
		return err
	}
	if t.canary != nil {
		left, err := d.shrink(ctx, t, 0, keep)
		if err != nil || left > 0 {
			return err
		}
		if err := d.config.Drop(ctx, t.key.Namespace, copiesOf(t.canary)); err != nil {
			return err
		}
		if err := d.deleteOwn(ctx, t.canary); err != nil {
			return err
		}
	}
	return d.endService(ctx, t.key)
}

// scale asks for as many replicas as are ordered. One that an autoscaler looks after is only ever raised.
func (d *Deployments) scale(ctx context.Context, t *target, n int, scaled bool, keep map[string]bool) error {
	now := 1 // what a Deployment has that was just made
	if t.canary != nil && t.canary.Spec.Replicas != nil {
		now = int(*t.canary.Spec.Replicas)
	}
	if n < now && !scaled {
		_, err := d.shrink(ctx, t, n, keep)
		return err
	}
	if err := d.stayAll(ctx, t, n); err != nil {
		return err
	}
	return d.patchReplicas(ctx, t, n, max(n, now))
}

// patchReplicas notes how many replicas are ordered and asks for as many as there shall be now.
func (d *Deployments) patchReplicas(ctx context.Context, t *target, ordered, now int) error {
	note := strconv.Itoa(ordered)
	if c := t.canary; c != nil && c.Annotations[cluster.ReplicasAnnotation] == note && c.Spec.Replicas != nil && int(*c.Spec.Replicas) == now {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{cluster.ReplicasAnnotation: note}},
		"spec":     map[string]any{"replicas": now},
	})
	if err != nil {
		return fmt.Errorf("encode replicas: %w", err)
	}
	own := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: t.meta("").Name, Namespace: t.key.Namespace}}
	if err := d.a.Patch(ctx, own, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(scaleManager)); err != nil {
		return fmt.Errorf("scale %s to %d: %w", strings.Join([]string{own.Namespace, own.Name}, "/"), now, err)
	}
	return nil
}
