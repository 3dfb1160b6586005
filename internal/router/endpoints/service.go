package endpoints

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// A service is the user's, with all slices of it.
type service struct {
	*corev1.Service
	record record
	given  bool // it has a selector, and serin gave it

	own   []discoveryv1.EndpointSlice // serin's
	usual []discoveryv1.EndpointSlice // of Kubernetes, from the time when it had a selector
}

// Who writes slices: the value of the label endpointslice.kubernetes.io/managed-by.
const (
	serin     = "serin.dev"
	usual     = "endpointslice-controller.k8s.io"
	mirroring = "endpointslicemirroring-controller.k8s.io" // of an Endpoints object, also of one that a selector has left behind
)

func title(s *corev1.Service) string { return "Service " + client.ObjectKeyFromObject(s).String() }

// service reads a Service and its slices, past the caches, and refuses one that is not for serin alone.
func (r *Router) service(ctx context.Context, at types.NamespacedName) (*service, error) {
	s := &service{Service: &corev1.Service{}}
	if err := r.Live.Get(ctx, at, s.Service); err != nil {
		return nil, err
	}
	var err error
	if s.record, err = readRecord(s.Service); err != nil {
		return nil, err
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return nil, s.problem(cluster.RouteUnfit, "it is a name elsewhere (type ExternalName)", "let it have endpoints")
	}
	if s.given = len(s.Spec.Selector) > 0; s.given && !gave(s.Service) {
		return nil, s.problem(cluster.RouteTaken, "it has a selector, so Kubernetes writes endpoints of all pods beside serin's",
			"take the selector out of its manifest; serin gives it one while nothing is released")
	}
	return s, r.slices(ctx, s)
}

// gave reports whether the selector of a Service is serin's and nobody else's.
func gave(s *corev1.Service) bool {
	ours := false
	for _, e := range s.ManagedFields {
		if e.FieldsV1 == nil || !strings.Contains(e.FieldsV1.GetRawString(), `"f:selector"`) {
			continue
		}
		if e.Manager != cluster.TrafficManager {
			return false
		}
		ours = true
	}
	return ours
}

func (s *service) problem(reason, text, remedy string) error {
	return &cluster.Problem{Reason: reason, Field: field("service"), Text: title(s.Service) + ": " + text, Remedy: remedy}
}

// slices sorts the slices of a Service by who writes them.
func (r *Router) slices(ctx context.Context, s *service) error {
	var list discoveryv1.EndpointSliceList
	label := client.MatchingLabels{discoveryv1.LabelServiceName: s.Name}
	if err := r.Live.List(ctx, &list, client.InNamespace(s.Namespace), label); err != nil {
		return fmt.Errorf("list endpoints of %s: %w", title(s.Service), err)
	}
	for _, slice := range list.Items {
		switch by := slice.Labels[discoveryv1.LabelManagedBy]; {
		case slice.DeletionTimestamp != nil:
		case by == serin:
			s.own = append(s.own, slice)
		case by == usual, by == mirroring && s.record.Target != "":
			s.usual = append(s.usual, slice)
		default:
			return s.problem(cluster.RouteTaken, fmt.Sprintf("its EndpointSlice %s is written by %q", slice.Name, by),
				"remove it, and the Endpoints object it may come from; or name another Service")
		}
	}
	return nil
}

// selector is that of stable's pods: the settings', or the target's own.
func (r *Router) selector(ctx context.Context, key cluster.Key, settings Settings) (map[string]string, error) {
	if len(settings.Selector) > 0 {
		return settings.Selector, nil
	}
	refuse := func(text string) error {
		return &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: field("selector"), Remedy: "name the labels of its pods with `selector`",
			Text: fmt.Sprintf("the Service of %s needs a selector while nothing is released, and %s", key, text),
		}
	}
	switch key.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
	default:
		return nil, refuse("a " + key.Kind + " has none")
	}
	target := &unstructured.Unstructured{}
	target.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(key.Kind))
	if err := r.Live.Get(ctx, key.Object(), target); err != nil {
		return nil, cluster.NotFound(err, cluster.TargetNotFound, "spec.target", "make it, or name the labels of its pods with `selector`")
	}
	text, err := json.Marshal(target.Object["spec"])
	var spec struct {
		Selector metav1.LabelSelector `json:"selector"`
	}
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		return nil, fmt.Errorf("read selector of %s: %w", key, err)
	}
	if len(spec.Selector.MatchExpressions) > 0 || len(spec.Selector.MatchLabels) == 0 {
		return nil, refuse("its own selector has expressions, which a Service cannot")
	}
	return spec.Selector.MatchLabels, nil
}

// write makes a Service carry the record, and a selector or none. Without a record it is nobody's, and keeps the selector.
func (r *Router) write(ctx context.Context, s *service, selected bool, rec *record) error {
	wanted := &unstructured.Unstructured{}
	wanted.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	wanted.SetNamespace(s.Namespace)
	wanted.SetName(s.Name)
	if rec != nil {
		note, err := rec.note()
		if err != nil {
			return err
		}
		wanted.SetAnnotations(map[string]string{cluster.TrafficAnnotation: note})
	}
	if selected {
		selector := map[string]any{}
		for name, value := range s.Spec.Selector {
			selector[name] = value
		}
		wanted.Object["spec"] = map[string]any{"selector": selector}
	}
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted), client.FieldOwner(cluster.TrafficManager), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("write %s: %w", title(s.Service), err)
	}
	s.given = selected
	if !selected {
		s.Spec.Selector = nil
	}
	return nil
}

// selects reports whether a selector means a pod.
func selects(selector map[string]string, p *corev1.Pod) bool {
	for name, value := range selector {
		if p.Labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

// holding finds the Service that a target is released by; nil where there is none.
func (r *Router) holding(ctx context.Context, target string) (*service, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, nil // nothing on a cluster is called so
	}
	r.mu.Lock()
	at, known := r.known[target]
	r.mu.Unlock()
	if known {
		s, err := r.service(ctx, at)
		if err == nil && s.record.Target == target {
			return s, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	var list corev1.ServiceList
	if err := r.List(ctx, &list, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Services of namespace %s: %w", key.Namespace, err)
	}
	for i := range list.Items {
		if !strings.Contains(list.Items[i].Annotations[cluster.TrafficAnnotation], target) {
			continue
		}
		s, err := r.service(ctx, client.ObjectKeyFromObject(&list.Items[i]))
		if err == nil && s.record.Target == target {
			r.remember(target, s)
			return s, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (r *Router) remember(target string, s *service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[target] = client.ObjectKeyFromObject(s.Service)
}

// has tells whether the Service has it already.
func (s *service) has(selector map[string]string) bool {
	return s.given && maps.Equal(s.Spec.Selector, selector)
}
