package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/pod"
)

// costAnnotation tells a ReplicaSet which pods to end first: those with the lowest cost.
const costAnnotation = "controller.kubernetes.io/pod-deletion-cost"

// The costs of pods that have to go: the free ones at once, the kept ones when they are not kept any more.
const (
	free = -2
	kept = -1
)

// leaving reports whether serin has marked a pod to go, so that it is offered to no router any more.
func leaving(p *corev1.Pod) bool {
	cost, err := strconv.Atoi(p.Annotations[costAnnotation])
	return err == nil && (cost == free || cost == kept)
}

// shrink ends pods of the canary until n are left, and says how many are. Pods that are not ready go first, then the
// youngest; of these, a pod that is kept stays and is offered no more.
func (d *Deployments) shrink(ctx context.Context, t *target, n int, keep map[string]bool) (int, error) {
	going, err := d.going(ctx, t, n)
	if err != nil {
		return 0, err
	}
	left := n
	for _, p := range going {
		cost := free
		if keep[p.Name] {
			cost = kept
			left++
		}
		if n == 0 && left == 0 {
			continue // all of them go: no need to say which go first
		}
		if err := d.mark(ctx, p, strconv.Itoa(cost)); err != nil {
			return 0, err
		}
	}
	if left == 0 {
		return 0, nil // the Deployment itself goes
	}
	return left, d.patchReplicas(ctx, t, n, left)
}

// alive are the pods that nobody has ended.
func alive(pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil || !pod.Exists(p) })
}

// going lists the pods that are too many, in the order in which they go.
func (d *Deployments) going(ctx context.Context, t *target, n int) ([]*corev1.Pod, error) {
	pods, err := d.canaryPods(ctx, t.key)
	if err != nil {
		return nil, err
	}
	pods = alive(pods)
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int {
		if x, y := pod.Serves(a), pod.Serves(b); x != y {
			if y {
				return -1
			}
			return 1
		}
		if leaving(a) != leaving(b) { // a choice once made stays
			if leaving(a) {
				return -1
			}
			return 1
		}
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	return pods[:max(0, len(pods)-n)], nil
}

// stayAll takes back the marks of pods that were to go, once so many are wanted that all may stay.
func (d *Deployments) stayAll(ctx context.Context, t *target, n int) error {
	if t.canary == nil {
		return nil
	}
	pods, err := d.canaryPods(ctx, t.key)
	if err != nil {
		return err
	}
	pods = alive(pods)
	if len(pods) > n {
		return nil // some are about to go
	}
	for _, p := range pods {
		if leaving(p) {
			if err := d.mark(ctx, p, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark notes the cost of a pod; "" takes the note away.
func (d *Deployments) mark(ctx context.Context, p *corev1.Pod, cost string) error {
	if p.Annotations[costAnnotation] == cost {
		return nil
	}
	var value any = cost
	if cost == "" {
		value = nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{costAnnotation: value}}})
	if err != nil {
		return fmt.Errorf("encode cost of a pod: %w", err)
	}
	o := &corev1.Pod{}
	o.Name, o.Namespace = p.Name, p.Namespace
	err = d.a.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(scaleManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("mark pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	return nil
}
