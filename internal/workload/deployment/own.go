package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// applyOwn makes an object of serin's as wanted. there is what the cache holds of it, or empty; where that is what was
// applied last, nothing is sent.
func (d *Deployments) applyOwn(ctx context.Context, want, there client.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return fmt.Errorf("encode %s: %w", client.ObjectKeyFromObject(want), err)
	}
	delete(content, "status")
	return d.applyContent(ctx, content, there)
}

func (d *Deployments) applyContent(ctx context.Context, content map[string]any, there client.Object) error {
	content, _ = prune(content).(map[string]any)
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	sum := sha256.Sum256(data)
	mark := hex.EncodeToString(sum[:8])
	u := &unstructured.Unstructured{Object: content}
	if there != nil && there.GetDeletionTimestamp() == nil && there.GetAnnotations()[cluster.AppliedAnnotation] == mark {
		return nil
	}
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[cluster.AppliedAnnotation] = mark
	u.SetAnnotations(annotations)
	if err := d.send(ctx, u, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
	return nil
}

// send sends an object, or a part of one, by server-side apply.
func (d *Deployments) send(ctx context.Context, u *unstructured.Unstructured, opts ...client.ApplyOption) error {
	opts = append(opts, client.FieldOwner(cluster.Manager))
	return d.a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), opts...)
}

// prune drops nulls, which would claim fields that nobody has set.
func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			if field = prune(field); field == nil {
				delete(v, name)
			} else {
				v[name] = field
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return value
}

// deleteOwn deletes an object of serin's; what hangs on it goes after it, gracefully.
func (d *Deployments) deleteOwn(ctx context.Context, o client.Object) error {
	uid := o.GetUID()
	err := d.a.Delete(ctx, o, client.PropagationPolicy("Background"), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", client.ObjectKeyFromObject(o), err)
	}
	return nil
}
