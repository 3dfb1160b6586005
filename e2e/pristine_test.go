package e2e

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// pristine waits until a release has left nothing behind but what it was for: the user's Deployment in full size with the given
// version, no other pods, and the route as the user wrote it.
func (s *stage) pristine(version string) {
	s.Helper()
	var left error
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	err := until(ctx, func(ctx context.Context) (bool, error) {
		left = s.leftovers(ctx, version)
		return left == nil, nil
	})
	if err != nil {
		s.Errorf("the release has left something behind: %v", left)
	}
}

func (s *stage) leftovers(ctx context.Context, version string) error {
	var pods corev1.PodList
	if err := s.List(ctx, &pods, client.InNamespace(s.ns)); err != nil {
		return err
	}
	for _, p := range pods.Items {
		if p.Spec.Containers[0].Image != "registry.local/podinfo:"+version {
			return fmt.Errorf("pod %s runs %s", p.Name, p.Spec.Containers[0].Image)
		}
	}
	if fmt.Sprint(len(pods.Items)) != s.words["REPLICAS"] {
		return fmt.Errorf("there are %d pods, want %s", len(pods.Items), s.words["REPLICAS"])
	}
	var all appsv1.DeploymentList
	if err := s.List(ctx, &all, client.InNamespace(s.ns), client.HasLabels{cluster.TargetLabel}); err != nil {
		return err
	}
	for _, d := range all.Items {
		if d.Spec.Replicas == nil || *d.Spec.Replicas > 0 {
			return fmt.Errorf("Deployment %s is still there", d.Name)
		}
	}
	return s.routeLeftovers(ctx)
}

var httpRoutes = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// route reads the user's route.
func (s *stage) route(ctx context.Context) (*unstructured.Unstructured, error) {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(httpRoutes)
	return route, s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "podinfo"}, route)
}

func (s *stage) routeLeftovers(ctx context.Context) error {
	route, err := s.route(ctx)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err != nil {
		return nil // the story has none
	}
	rules, _, err := unstructured.NestedSlice(route.Object, "spec", "rules")
	if err != nil {
		return err
	}
	if len(rules) != 1 {
		return fmt.Errorf("the route has %d rules", len(rules))
	}
	rule, _ := rules[0].(map[string]any)
	back, _ := rule["backendRefs"].([]any)
	if len(back) != 1 {
		return fmt.Errorf("the route sends to %v", back)
	}
	if ref, _ := back[0].(map[string]any); ref["name"] != "podinfo" || ref["weight"] != int64(1) {
		return fmt.Errorf("the route sends to %v", ref)
	}
	if note, ok := route.GetAnnotations()[cluster.TrafficAnnotation]; ok {
		return fmt.Errorf("the route still carries %s: %s", cluster.TrafficAnnotation, note)
	}
	return nil
}
