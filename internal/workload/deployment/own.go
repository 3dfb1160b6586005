package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// applyOwn makes an object of serin's as wanted. there is what the cache holds of it, or empty; where that is what was
// applied last, nothing is sent.
func (d *Deployments) applyOwn(ctx context.Context, want, there client.Object) error {
	text, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("encode %s: %w", client.ObjectKeyFromObject(want), err)
	}
	var content map[string]any
	// The same is wanted in nearly every round, and has the same mark.
	mark, err := d.marks.Of(types.UID(kindOf(want)+" "+client.ObjectKeyFromObject(want).String()), string(text), func() (mark string, err error) {
		content, mark, err = marked(want)
		return mark, err
	})
	if err != nil || carries(there, mark) {
		return err
	}
	if content == nil {
		if content, _, err = marked(want); err != nil {
			return err
		}
	}
	return d.sendMarked(ctx, content, mark)
}

// marked is the content of an object, and its mark.
func marked(want client.Object) (map[string]any, string, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return nil, "", fmt.Errorf("encode %s: %w", client.ObjectKeyFromObject(want), err)
	}
	delete(content, "status")
	return markContent(content)
}

func markContent(content map[string]any) (map[string]any, string, error) {
	content, _ = prune(content).(map[string]any)
	data, err := json.Marshal(content)
	if err != nil {
		return nil, "", fmt.Errorf("encode: %w", err)
	}
	sum := sha256.Sum256(data)
	return content, hex.EncodeToString(sum[:8]), nil
}

// carries reports whether an object is there, stays, and has the mark of what was applied last.
func carries(there client.Object, mark string) bool {
	return there != nil && there.GetDeletionTimestamp() == nil && there.GetAnnotations()[cluster.AppliedAnnotation] == mark
}

func (d *Deployments) applyContent(ctx context.Context, content map[string]any, there client.Object) error {
	content, mark, err := markContent(content)
	if err != nil || carries(there, mark) {
		return err
	}
	return d.sendMarked(ctx, content, mark)
}

func (d *Deployments) sendMarked(ctx context.Context, content map[string]any, mark string) error {
	u := &unstructured.Unstructured{Object: content}
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
