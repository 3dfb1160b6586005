package deployment

import (
	"context"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// services lists the Services of a namespace. They are shared: change nothing in them.
func (d *Deployments) services(ctx context.Context, namespace string) ([]corev1.Service, error) {
	list := &corev1.ServiceList{}
	if err := d.a.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Services of namespace %s: %w", namespace, err)
	}
	return list.Items, nil
}

// service names the user's Service of the Deployment's pods; "" where there is none, or no telling which.
func (d *Deployments) service(ctx context.Context, of *appsv1.Deployment) (string, error) {
	all, err := d.services(ctx, of.Namespace)
	if err != nil {
		return "", err
	}
	if s := serviceOf(of, all); s != nil {
		return s.Name, nil
	}
	return "", nil
}

// serviceOf finds the Service that selects the pods: the only one, or among several the one with the Deployment's name.
func serviceOf(of *appsv1.Deployment, all []corev1.Service) *corev1.Service {
	var found []*corev1.Service
	for i := range all {
		if s := &all[i]; s.Spec.Type != corev1.ServiceTypeExternalName && selects(*s, of.Spec.Template.Labels) {
			if s.Name == of.Name {
				return s
			}
			found = append(found, s)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}

// twin is the canary's own Service: what the user's promises to clients inside of the cluster, for the canary's pods.
func (t *target) twin(of *corev1.Service, rev plan.Revision) *corev1.Service {
	s := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: t.meta(rev),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: ownSelector(t.key),
			SessionAffinity: of.Spec.SessionAffinity, SessionAffinityConfig: of.Spec.SessionAffinityConfig,
			PublishNotReadyAddresses: of.Spec.PublishNotReadyAddresses, TrafficDistribution: of.Spec.TrafficDistribution,
			InternalTrafficPolicy: of.Spec.InternalTrafficPolicy,
			IPFamilies:            of.Spec.IPFamilies, IPFamilyPolicy: of.Spec.IPFamilyPolicy,
		},
	}
	if of.Spec.ClusterIP == corev1.ClusterIPNone {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	for _, p := range of.Spec.Ports {
		p.NodePort = 0
		s.Spec.Ports = append(s.Spec.Ports, p)
	}
	for name, value := range of.Annotations {
		if matters(name) {
			metav1.SetMetaDataAnnotation(&s.ObjectMeta, name, value)
		}
	}
	return s
}

// serving begins the annotations that say how a data plane speaks to the pods behind a Service. All others stay with the
// user's: names in DNS, load balancers and tracks of tools must not be there twice.
var serving = []string{
	"service.kubernetes.io/topology-", "traefik.ingress.kubernetes.io/service.", "projectcontour.io/upstream-protocol.",
	"cloud.google.com/app-protocols", "cloud.google.com/backend-config", "networking.istio.io/exportTo",
	"alb.ingress.kubernetes.io/backend-protocol", "konghq.com/protocol", "haproxy.org/", "ingress.kubernetes.io/",
}

func matters(annotation string) bool {
	for _, prefix := range serving {
		if strings.HasPrefix(annotation, prefix) {
			return true
		}
	}
	return false
}

// meta is what all objects have in common that serin makes beside the target. They go when it goes.
func (t *target) meta(rev plan.Revision) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: t.key.Beside(string(plan.Canary)), Namespace: t.key.Namespace, Labels: maps.Clone(t.labels(rev)),
		OwnerReferences: []metav1.OwnerReference{t.owner()},
	}
}

func (t *target) owner() metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: Kind, Name: t.user.Name, UID: t.user.UID}
}

// applyService makes the canary's Service, or deletes it where the canary stands behind the user's.
func (d *Deployments) applyService(ctx context.Context, t *target, rev plan.Revision, services []corev1.Service, mingled bool) error {
	user := serviceOf(t.user, services)
	if mingled || user == nil {
		return d.endService(ctx, t.key)
	}
	own := &corev1.Service{}
	if _, err := d.own(ctx, t.key, own); err != nil {
		return err
	}
	return d.applyOwn(ctx, t.twin(user, rev), own)
}

// endService deletes the canary's Service.
func (d *Deployments) endService(ctx context.Context, key cluster.Key) error {
	own := &corev1.Service{}
	found, err := d.own(ctx, key, own)
	if err != nil || !found || own.DeletionTimestamp != nil {
		return err
	}
	return d.deleteOwn(ctx, own)
}
