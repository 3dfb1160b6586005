package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Copy names the immutable copy of a source for a target: the name of the object and 8 digits of what it held. Targets that
// share an object have copies of their own, so that none takes away what another needs.
func (s Source) Copy(target cluster.Key) string {
	sum := sha256.Sum256([]byte(target.String() + " " + s.Digest))
	return cluster.Key{Name: s.Name}.Beside(hex.EncodeToString(sum[:4]))
}

// Copies names the copies of all sources, for Rename.
func Copies(target cluster.Key, sources []Source) map[Ref]string {
	names := map[Ref]string{}
	for _, s := range sources {
		names[s.Ref] = s.Copy(target)
	}
	return names
}

// Keep makes the immutable copies that are not there yet. They belong to owner and go with it at the latest. A source that
// holds something else by now cannot be copied any more: there is a newer revision.
func (r *Reader) Keep(ctx context.Context, owner metav1.OwnerReference, target cluster.Key, sources []Source) error {
	for _, s := range sources {
		if err := r.keep(ctx, owner, target, s); err != nil {
			return fmt.Errorf("copy %s %s/%s: %w", s.Kind, target.Namespace, s.Name, err)
		}
	}
	return nil
}

func (r *Reader) keep(ctx context.Context, owner metav1.OwnerReference, target cluster.Key, s Source) error {
	there, err := r.get(ctx, Ref{s.Kind, s.Copy(target)}, target.Namespace)
	if err == nil {
		if there.GetLabels()[cluster.TargetLabel] == "" {
			return fmt.Errorf("%s exists and is not serin's", s.Copy(target))
		}
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	original, err := r.get(ctx, s.Ref, target.Namespace)
	if err != nil {
		return err
	}
	if digest, err := contents(original); err != nil || digest != s.Digest {
		return errors.Join(err, errors.New("it has changed since the revision was described; a newer revision takes its place"))
	}
	made := copyOf(original, metav1.ObjectMeta{
		Name: s.Copy(target), Namespace: target.Namespace, Labels: map[string]string{cluster.TargetLabel: target.Label()},
		OwnerReferences: []metav1.OwnerReference{owner},
	})
	if err := r.a.Create(ctx, made, client.FieldOwner(cluster.Manager)); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

func copyOf(original client.Object, meta metav1.ObjectMeta) client.Object {
	immutable := true
	switch o := original.(type) {
	case *corev1.ConfigMap:
		return &corev1.ConfigMap{ObjectMeta: meta, Immutable: &immutable, Data: o.Data, BinaryData: o.BinaryData}
	case *corev1.Secret:
		return &corev1.Secret{ObjectMeta: meta, Immutable: &immutable, Type: o.Type, Data: o.Data}
	}
	return original // contents has refused anything else
}

// Drop deletes copies. One that is gone already is no error.
func (r *Reader) Drop(ctx context.Context, namespace string, copies []Ref) error {
	for _, c := range copies {
		meta := metav1.ObjectMeta{Name: c.Name, Namespace: namespace}
		var o client.Object = &corev1.ConfigMap{ObjectMeta: meta}
		if c.Kind == secret {
			o = &corev1.Secret{ObjectMeta: meta}
		}
		if err := r.a.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete copy %s %s/%s: %w", c.Kind, namespace, c.Name, err)
		}
	}
	return nil
}
