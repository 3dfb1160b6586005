package deployment

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/announced"
	"serin.dev/serin/internal/cluster/config"
)

// watches are the kinds that Deployments are released by. Pods tell through cluster.Pods.
func watches() []cluster.Watch {
	maps := &metav1.PartialObjectMetadata{}
	maps.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	scaled := &unstructured.Unstructured{}
	scaled.SetGroupVersionKind(scaledObject)
	return []cluster.Watch{
		{Object: &appsv1.Deployment{}, Targets: ofDeployment},
		{Object: &corev1.Service{}, Targets: ofService},
		{Object: &autoscalingv2.HorizontalPodAutoscaler{}, Targets: ofHPA},
		{Object: scaled, Targets: ofScaledObject},
		{Object: maps, Targets: ofConfigMap},
	}
}

// beside is the target that an object of serin's stands beside.
func beside(o client.Object) []string {
	if o.GetLabels()[cluster.TargetLabel] == "" {
		return nil
	}
	for _, ref := range o.GetOwnerReferences() {
		if ref.Kind == Kind {
			return []string{key(o.GetNamespace(), ref.Name)}
		}
	}
	return nil
}

func key(namespace, name string) string {
	return cluster.Key{Kind: Kind, Namespace: namespace, Name: name}.String()
}

func ofDeployment(_ context.Context, _ *cluster.Access, o client.Object) []string {
	if keys := beside(o); keys != nil {
		return keys
	}
	return []string{key(o.GetNamespace(), o.GetName())}
}

func ofService(ctx context.Context, a *cluster.Access, o client.Object) []string {
	s, ok := o.(*corev1.Service)
	if keys := beside(o); keys != nil || !ok {
		return keys
	}
	return held(ctx, a, o.GetNamespace(), func(d *appsv1.Deployment) bool { return selects(*s, d.Spec.Template.Labels) })
}

func ofHPA(_ context.Context, _ *cluster.Access, o client.Object) []string {
	h, ok := o.(*autoscalingv2.HorizontalPodAutoscaler)
	if keys := beside(o); keys != nil || !ok {
		return keys
	}
	return scaleTarget(h.Namespace, h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name)
}

func ofScaledObject(_ context.Context, _ *cluster.Access, o client.Object) []string {
	u, ok := o.(*unstructured.Unstructured)
	if keys := beside(o); keys != nil || !ok {
		return keys
	}
	kind, _, _ := unstructured.NestedString(u.Object, "spec", "scaleTargetRef", "kind")
	name, _, _ := unstructured.NestedString(u.Object, "spec", "scaleTargetRef", "name")
	return scaleTarget(u.GetNamespace(), kind, name)
}

func scaleTarget(namespace, kind, name string) []string {
	if !scales(kind, name, cluster.Key{Name: name}) {
		return nil
	}
	return []string{key(namespace, name)}
}

func ofConfigMap(ctx context.Context, a *cluster.Access, o client.Object) []string {
	ref := config.Ref{Kind: "ConfigMap", Name: o.GetName()}
	return held(ctx, a, o.GetNamespace(), func(d *appsv1.Deployment) bool {
		return slices.Contains(config.Refs(d.Spec.Template.Spec), ref)
	})
}

// held lists the Deployments of a namespace that serin holds and that an object concerns. One that cannot be listed now is
// looked at when it changes itself.
func held(ctx context.Context, a *cluster.Access, namespace string, concerned func(*appsv1.Deployment) bool) []string {
	list := &appsv1.DeploymentList{}
	if err := a.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil { // they are only read
		a.Log.Warn("list Deployments", "namespace", namespace, "error", err)
		return nil
	}
	var keys []string
	for i := range list.Items {
		d := &list.Items[i]
		if _, ok := d.Annotations[cluster.HeldAnnotation]; ok && concerned(d) {
			keys = append(keys, key(d.Namespace, d.Name))
		}
	}
	return keys
}

// rules are what releasing Deployments needs to be allowed. Secrets are for the owner of a namespace to grant, see
// config.SecretRules.
func rules() cluster.Rules {
	read := []string{"get", "list", "watch"}
	rule := func(group, resource string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	}
	own := append(slices.Clone(read), "create", "patch", "delete")
	return append(cluster.Rules{
		rule("apps", "deployments", own...),
		rule("apps", "replicasets", "list", "create", "patch"),
		rule("", "pods", "list", "watch", "patch"),
		rule("", "services", own...),
		rule("autoscaling", "horizontalpodautoscalers", own...),
		rule(scaledObject.Group, "scaledobjects", own...),
		announced.Rule,
	}, config.Rules()...)
}
