package traefik

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// port is that of the Services: the settings', or the only one of stable's. Every Service that gets requests must have it, or
// Traefik drops the whole TraefikService.
func (r *Router) port(ctx context.Context, o order, tracks []plan.TrackName) (port intstr.IntOrString, err error) {
	if o.settings.Port != nil {
		port = *o.settings.Port
	} else {
		stable, err := r.service(ctx, o, plan.Stable)
		if err != nil {
			return port, err
		}
		if len(stable.Spec.Ports) != 1 {
			return port, &cluster.Problem{
				Reason: cluster.TargetUnfit, Field: field("port"),
				Text: fmt.Sprintf("Service %s/%s has %d ports", stable.Namespace, stable.Name, len(stable.Spec.Ports)), Remedy: "name the one to send requests to",
			}
		}
		port = intstr.FromInt32(stable.Spec.Ports[0].Port)
	}
	for _, track := range tracks {
		s, err := r.service(ctx, o, track)
		if err != nil {
			return port, err
		}
		if !slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
			return port.Type == intstr.Int && p.Port == port.IntVal || port.Type == intstr.String && p.Name == port.StrVal
		}) {
			return port, &cluster.Problem{
				Reason: cluster.TargetUnfit, Field: field("port"),
				Text: fmt.Sprintf("Service %s/%s of track %s has no port %s", s.Namespace, s.Name, track, port.String()), Remedy: "name one that all of them have",
			}
		}
	}
	return port, nil
}

func (r *Router) service(ctx context.Context, o order, track plan.TrackName) (corev1.Service, error) {
	var s corev1.Service
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: o.at.Namespace, Name: o.Services[track]}, &s)
	return s, cluster.NotFound(err, cluster.TargetUnfit, "spec.target", "make it")
}

// answers reports whether a Service has an endpoint that Traefik would send requests to.
func (r *Router) answers(ctx context.Context, namespace, service string) (bool, error) {
	var slicesOf discoveryv1.EndpointSliceList
	label := client.MatchingLabels{discoveryv1.LabelServiceName: service}
	if err := r.Live.List(ctx, &slicesOf, client.InNamespace(namespace), label); err != nil {
		return false, fmt.Errorf("list endpoints of Service %s/%s: %w", namespace, service, err)
	}
	for _, s := range slicesOf.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				return true, nil
			}
		}
	}
	return false, nil
}
