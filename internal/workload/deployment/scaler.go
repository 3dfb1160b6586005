package deployment

import (
	"context"
	"fmt"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// scaledObject is the autoscaler of KEDA, where the cluster has it.
var scaledObject = schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}

// applyScaler gives the canary an autoscaler of its own where the user's Deployment has one, and reports whether it has.
// Mingled it has none, see the package.
func (d *Deployments) applyScaler(ctx context.Context, t *target, o workload.PoolOrder, mingled bool) (bool, error) {
	if mingled {
		return false, d.endScaler(ctx, t.key)
	}
	hpa, err := d.userHPA(ctx, t.key)
	if err != nil {
		return false, err
	}
	if hpa != nil {
		own := &autoscalingv2.HorizontalPodAutoscaler{}
		if _, err := d.own(ctx, t.key, own); err != nil {
			return false, err
		}
		return true, d.applyOwn(ctx, t.deriveHPA(hpa, o), own)
	}
	scaled, err := d.userScaledObject(ctx, t.key)
	if err != nil {
		return false, err
	}
	if scaled != nil {
		own, err := d.ownScaledObject(ctx, t.key)
		if err != nil {
			return false, err
		}
		return true, d.applyContent(ctx, t.deriveScaledObject(scaled, o).Object, own)
	}
	return false, d.endScaler(ctx, t.key)
}

// userHPA finds the user's autoscaler of the Deployment; one that KEDA has made is KEDA's. It is shared: change nothing in it.
func (d *Deployments) userHPA(ctx context.Context, key cluster.Key) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	list := &autoscalingv2.HorizontalPodAutoscalerList{}
	if err := d.a.List(ctx, list, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list autoscalers of namespace %s: %w", key.Namespace, err)
	}
	for i := range list.Items {
		h := &list.Items[i]
		owner := metav1.GetControllerOf(h)
		if scales(h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name, key) && (owner == nil || owner.Kind != scaledObject.Kind) {
			return h, nil
		}
	}
	return nil, nil
}

func scales(kind, name string, key cluster.Key) bool {
	return (kind == Kind || kind == "") && name == key.Name
}

// deriveHPA is the user's autoscaler for the canary: it holds what is ordered, and grows beyond it by no more than the
// user's may beyond the size of stable.
func (t *target) deriveHPA(of *autoscalingv2.HorizontalPodAutoscaler, o workload.PoolOrder) *autoscalingv2.HorizontalPodAutoscaler {
	least := int32(o.Replicas)
	own := &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: t.meta(o.Revision),
		Spec:       *of.Spec.DeepCopy(),
	}
	own.Spec.ScaleTargetRef.Name = own.Name
	own.Spec.MinReplicas, own.Spec.MaxReplicas = &least, int32(most(int(of.Spec.MaxReplicas), o.Replicas, t.replicas()))
	return own
}

// most is the upper bound of a canary with n replicas beside stable of the given size.
func most(bound, n, size int) int {
	size = max(1, size)
	return max(n, (bound*n+size-1)/size)
}

// deriveScaledObject is the same for KEDA. Its annotations stay with the user's: a pause is not meant for the canary, which
// never has fewer replicas than are ordered.
func (t *target) deriveScaledObject(of *unstructured.Unstructured, o workload.PoolOrder) *unstructured.Unstructured {
	const unbounded = 100 // what KEDA takes without a bound
	spec, _, _ := unstructured.NestedMap(of.Object, "spec")
	bound, found, _ := unstructured.NestedInt64(spec, "maxReplicaCount")
	if !found {
		bound = unbounded
	}
	delete(spec, "idleReplicaCount")
	own := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	own.SetGroupVersionKind(scaledObject)
	m := t.meta(o.Revision)
	own.SetName(m.Name)
	own.SetNamespace(m.Namespace)
	own.SetLabels(m.Labels)
	own.SetOwnerReferences(m.OwnerReferences)
	set := func(value any, path ...string) { _ = unstructured.SetNestedField(own.Object, value, path...) } // the fields above are maps
	set(m.Name, "spec", "scaleTargetRef", "name")
	set(int64(o.Replicas), "spec", "minReplicaCount")
	set(int64(most(int(bound), o.Replicas, t.replicas())), "spec", "maxReplicaCount")
	unstructured.RemoveNestedField(own.Object, "spec", "advanced", "horizontalPodAutoscalerConfig", "name")
	return own
}

// A scaledKind remembers whether the cluster knows KEDA.
type scaledKind struct {
	mu    sync.Mutex
	known bool
	asked time.Time
}

// askAgain is how long a cluster is taken to be without KEDA, once it was.
const askAgain = 10 * time.Minute

func (d *Deployments) hasKEDA() (bool, error) {
	k := d.scaled
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known || !k.asked.IsZero() && d.a.Now().Sub(k.asked) < askAgain {
		return k.known, nil
	}
	_, err := d.a.RESTMapper().RESTMapping(scaledObject.GroupKind(), scaledObject.Version)
	if err != nil && !meta.IsNoMatchError(err) {
		return false, fmt.Errorf("ask whether the cluster knows ScaledObjects: %w", err)
	}
	k.known, k.asked = err == nil, d.a.Now()
	return k.known, nil
}

func (d *Deployments) userScaledObject(ctx context.Context, key cluster.Key) (*unstructured.Unstructured, error) {
	if known, err := d.hasKEDA(); !known {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(scaledObject.GroupVersion().WithKind(scaledObject.Kind + "List"))
	if err := d.a.List(ctx, list, client.InNamespace(key.Namespace)); err != nil {
		return nil, fmt.Errorf("list ScaledObjects of namespace %s: %w", key.Namespace, err)
	}
	for i := range list.Items {
		kind, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "scaleTargetRef", "name")
		if scales(kind, name, key) {
			return &list.Items[i], nil
		}
	}
	return nil, nil
}

// ownScaledObject reads serin's own; it is empty where there is none.
func (d *Deployments) ownScaledObject(ctx context.Context, key cluster.Key) (*unstructured.Unstructured, error) {
	own := &unstructured.Unstructured{}
	own.SetGroupVersionKind(scaledObject)
	err := d.a.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Beside(string(plan.Canary))}, own)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read ScaledObject of the canary: %w", err)
	}
	return own, nil
}

// endScaler deletes the canary's autoscalers.
func (d *Deployments) endScaler(ctx context.Context, key cluster.Key) error {
	own := &autoscalingv2.HorizontalPodAutoscaler{}
	found, err := d.own(ctx, key, own)
	if err != nil {
		return err
	}
	if found && own.DeletionTimestamp == nil {
		if err := d.deleteOwn(ctx, own); err != nil {
			return err
		}
	}
	if known, err := d.hasKEDA(); !known {
		return err
	}
	scaled, err := d.ownScaledObject(ctx, key)
	if err != nil || scaled.GetUID() == "" || scaled.GetDeletionTimestamp() != nil || scaled.GetLabels()[cluster.TargetLabel] != key.Label() {
		return err
	}
	return d.deleteOwn(ctx, scaled)
}
