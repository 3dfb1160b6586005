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

// A Memo remembers which form a ControllerRevision is. What one holds never changes, so each is read once.
type Memo struct {
	live client.Reader

	mu    sync.Mutex
	known map[string]Form // by the UID of the owner and the name
}

// NewMemo remembers nothing yet.
func NewMemo(a *cluster.Access) *Memo { return &Memo{live: a.Live, known: map[string]Form{}} }

// most is how many are remembered before the memory begins anew.
const most = 10000

// Form is the form that a ControllerRevision of the workload holds, without the template itself. One that is gone, though a
// pod still names it, is a revision of its own.
func (m *Memo) Form(ctx context.Context, w Workload, name string) (Form, error) {
	key := string(w.Object.GetUID()) + "/" + name
	m.mu.Lock()
	form, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return form, nil
	}
	var c appsv1.ControllerRevision
	err := m.live.Get(ctx, types.NamespacedName{Namespace: w.Object.GetNamespace(), Name: name}, &c)
	if apierrors.IsNotFound(err) {
		return forgotten(name), nil
	}
	if err != nil {
		return Form{}, fmt.Errorf("read ControllerRevision %s/%s: %w", w.Object.GetNamespace(), name, err)
	}
	if form, _, err = read(c, w); err != nil {
		return Form{}, err
	}
	form.Pod = corev1.PodTemplateSpec{}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= most {
		clear(m.known)
	}
	m.known[key] = form
	return form, nil
}

// forgotten is the form of a ControllerRevision that is gone.
func forgotten(name string) Form {
	id := "unknown-" + name[strings.LastIndex(name, "-")+1:]
	return Form{ID: id, template: pod.Template{Version: "unknown", Digest: id}}
}

// read is what a ControllerRevision holds: the form, and the template as it stands there.
func read(c appsv1.ControllerRevision, w Workload) (Form, corev1.PodTemplateSpec, error) {
	var held struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(c.Data.Raw, &held); err != nil {
		return Form{}, held.Spec.Template, fmt.Errorf("decode ControllerRevision %s/%s: %w", c.Namespace, c.Name, err)
	}
	form, err := ReadForm(w.Key(), held.Spec.Template)
	return form, held.Spec.Template, err
}

// Find is the template that a condition holds of, as far as Kubernetes remembers it. settled names it for people.
func Find(ctx context.Context, a *cluster.Access, w Workload, selector labels.Selector, settled plan.Revision,
	good func(Form) (bool, error)) (*corev1.PodTemplateSpec, error) {
	var list appsv1.ControllerRevisionList
	namespace, name := w.Object.GetNamespace(), w.Object.GetName()
	err := a.Live.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector})
	if err != nil {
		return nil, fmt.Errorf("list ControllerRevisions of %s/%s: %w", namespace, name, err)
	}
	for _, c := range list.Items {
		if !metav1.IsControlledBy(&c, w.Object) {
			continue
		}
		form, template, err := read(c, w)
		if err != nil {
			return nil, err
		}
		if found, err := good(form); found || err != nil {
			return &template, err
		}
	}
	return nil, &cluster.Problem{
		Reason: cluster.TargetUnfit, Field: "spec.target",
		Text:   fmt.Sprintf("Kubernetes has forgotten the template of revision %s of %s/%s", settled, namespace, name),
		Remedy: "write that template yourself, and raise spec.revisionHistoryLimit",
	}
}
