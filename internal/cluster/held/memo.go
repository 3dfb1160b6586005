package held

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// A Memo remembers which revision a ControllerRevision is. What one holds never changes, so each is read once.
type Memo struct {
	live client.Reader

	mu    sync.Mutex
	known map[string]plan.Revision // by the UID of the owner and the name
}

// NewMemo remembers nothing yet.
func NewMemo(a *cluster.Access) *Memo { return &Memo{live: a.Live, known: map[string]plan.Revision{}} }

// most is how many are remembered before the memory begins anew.
const most = 10000

// Revision is the revision that a ControllerRevision of the owner holds. One that is gone, though a pod still names it, is
// a revision of its own.
func (m *Memo) Revision(ctx context.Context, owner metav1.Object, name string) (plan.Revision, error) {
	key := string(owner.GetUID()) + "/" + name
	m.mu.Lock()
	revision, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return revision, nil
	}
	var c appsv1.ControllerRevision
	err := m.live.Get(ctx, types.NamespacedName{Namespace: owner.GetNamespace(), Name: name}, &c)
	if apierrors.IsNotFound(err) {
		return plan.Revision("unknown-" + name[strings.LastIndex(name, "-")+1:]), nil
	}
	if err != nil {
		return "", fmt.Errorf("read ControllerRevision %s/%s: %w", owner.GetNamespace(), name, err)
	}
	if revision, _, err = read(c, owner); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= most {
		clear(m.known)
	}
	m.known[key] = revision
	return revision, nil
}

// Revision is the revision of a pod template of the owner.
func Revision(owner metav1.Object, t corev1.PodTemplateSpec) (plan.Revision, error) {
	read, err := pod.Read(t, owner.GetName())
	if err != nil {
		return "", err
	}
	return read.Revision(""), nil
}

// read is what a ControllerRevision holds.
func read(c appsv1.ControllerRevision, owner metav1.Object) (plan.Revision, corev1.PodTemplateSpec, error) {
	var held struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(c.Data.Raw, &held); err != nil {
		return "", held.Spec.Template, fmt.Errorf("decode ControllerRevision %s/%s: %w", c.Namespace, c.Name, err)
	}
	revision, err := Revision(owner, held.Spec.Template)
	return revision, held.Spec.Template, err
}

// Find is the template of a revision, as far as Kubernetes remembers it.
func Find(ctx context.Context, a *cluster.Access, owner metav1.Object, selector labels.Selector, want plan.Revision) (*corev1.PodTemplateSpec, error) {
	var list appsv1.ControllerRevisionList
	err := a.Live.List(ctx, &list, client.InNamespace(owner.GetNamespace()), client.MatchingLabelsSelector{Selector: selector})
	if err != nil {
		return nil, fmt.Errorf("list ControllerRevisions of %s/%s: %w", owner.GetNamespace(), owner.GetName(), err)
	}
	for _, c := range list.Items {
		if !metav1.IsControlledBy(&c, owner) {
			continue
		}
		revision, template, err := read(c, owner)
		if err != nil {
			return nil, err
		}
		if revision == want {
			return &template, nil
		}
	}
	return nil, &cluster.Problem{
		Reason: cluster.TargetUnfit, Field: "spec.target",
		Text:   fmt.Sprintf("Kubernetes has forgotten the template of revision %s of %s/%s", want, owner.GetNamespace(), owner.GetName()),
		Remedy: "write that template yourself, and raise spec.revisionHistoryLimit",
	}
}
