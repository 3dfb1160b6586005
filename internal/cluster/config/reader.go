package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// A Source is an object as it was when a revision was described.
type Source struct {
	Ref
	Digest string `json:"digest"` // of what it holds
}

// Digest is that of all sources together; "" when there are none.
func Digest(sources []Source) string {
	if len(sources) == 0 {
		return ""
	}
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "%s %s %s\n", s.Kind, s.Name, s.Digest)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// secretsAge is how old the digest of a Secret may be: nobody tells when one has changed.
const secretsAge = time.Minute

// A Reader reads what ConfigMaps and Secrets hold, and remembers their digests. It is safe for use by several goroutines.
type Reader struct {
	a *cluster.Access

	mu        sync.Mutex
	known     map[key]known
	forbidden map[string]bool // namespaces whose Secrets may not be read, that was said
}

type key struct {
	Ref
	namespace string
}

type known struct {
	version string // resourceVersion, of ConfigMaps
	read    time.Time
	digest  string // "": no part of a revision
}

// NewReader returns a reader that remembers nothing yet.
func NewReader(a *cluster.Access) *Reader {
	return &Reader{a: a, known: map[key]known{}, forbidden: map[string]bool{}}
}

// Read returns what the template's ConfigMaps and Secrets are now. One that does not exist is left out: where it is
// needed its pods say so, and its coming makes another revision.
func (r *Reader) Read(ctx context.Context, namespace string, spec corev1.PodSpec) ([]Source, error) {
	return r.ReadRefs(ctx, namespace, Refs(spec))
}

// ReadRefs returns what those ConfigMaps and Secrets are now, as Read does.
func (r *Reader) ReadRefs(ctx context.Context, namespace string, refs []Ref) ([]Source, error) {
	var sources []Source
	for _, ref := range refs {
		digest, err := r.digest(ctx, key{ref, namespace})
		if err != nil {
			return nil, fmt.Errorf("read %s %s/%s: %w", ref.Kind, namespace, ref.Name, err)
		}
		if digest != "" {
			sources = append(sources, Source{ref, digest})
		}
	}
	return sources, nil
}

func (r *Reader) digest(ctx context.Context, k key) (string, error) {
	now := r.a.Now()
	version := ""
	if k.Kind == configMap {
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(configMap))
		err := r.a.Get(ctx, types.NamespacedName{Namespace: k.namespace, Name: k.Name}, meta)
		if apierrors.IsNotFound(err) {
			return "", nil
		} else if err != nil {
			return "", err
		}
		version = string(meta.UID) + "/" + meta.ResourceVersion
	}
	r.mu.Lock()
	old, ok := r.known[k]
	r.mu.Unlock()
	if ok && old.version == version && (k.Kind == configMap || now.Sub(old.read) < secretsAge) {
		return old.digest, nil
	}
	digest, err := r.live(ctx, k)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	r.known[k] = known{version, now, digest}
	r.mu.Unlock()
	return digest, nil
}

// live reads the object itself.
func (r *Reader) live(ctx context.Context, k key) (string, error) {
	o, err := r.get(ctx, k.Ref, k.namespace)
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case apierrors.IsForbidden(err) && k.Kind == secret:
		r.tell(k.namespace, err)
		return "", nil
	case err != nil:
		return "", err
	}
	return contents(o)
}

// get reads the object past all caches.
func (r *Reader) get(ctx context.Context, ref Ref, namespace string) (client.Object, error) {
	var o client.Object = &corev1.ConfigMap{}
	if ref.Kind == secret {
		o = &corev1.Secret{}
	}
	err := r.a.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, o)
	return o, err
}

// tell says once per namespace that its Secrets cannot be read.
func (r *Reader) tell(namespace string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forbidden[namespace] {
		r.forbidden[namespace] = true
		r.a.Log.Warn("Secrets may not be read here, so they are no part of a revision: a changed Secret is not released", "namespace", namespace, "error", err)
	}
}

// contents digests what an object holds; "" for one that wants to be no part of revisions.
func contents(o client.Object) (string, error) {
	if o.GetAnnotations()[cluster.ConfigAnnotation] == "ignore" {
		return "", nil
	}
	var held any
	switch o := o.(type) {
	case *corev1.ConfigMap:
		held = []any{o.Data, o.BinaryData}
	case *corev1.Secret:
		held = []any{o.Type, o.Data}
	default:
		return "", fmt.Errorf("%T holds no configuration", o)
	}
	data, err := json.Marshal(held)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
