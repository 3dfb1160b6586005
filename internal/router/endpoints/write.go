package endpoints

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// carry makes changes: whatever comes in is written before anything goes out. One slice alone changes at once.
func (r *Router) carry(ctx context.Context, s *service, changes []change) error {
	grown := map[int]bool{}
	for i := range changes {
		c := &changes[i]
		if len(changes) == 1 || !c.adds() {
			continue
		}
		grown[i] = !c.removes()
		all := c.both() // may be more than a slice should have, for as long as this takes
		if err := r.put(ctx, s, &c.before, all); err != nil {
			return err
		}
	}
	for i := range changes {
		if grown[i] {
			continue
		}
		if err := r.put(ctx, s, &changes[i].before, changes[i].after); err != nil {
			return err
		}
	}
	return nil
}

// put writes a slice with other endpoints; without any it goes.
func (r *Router) put(ctx context.Context, s *service, slice *discoveryv1.EndpointSlice, endpoints []discoveryv1.Endpoint) error {
	if len(endpoints) == 0 {
		return r.remove(ctx, *slice)
	}
	slice.Endpoints = endpoints
	if slice.Name != "" {
		return wrote(r.Update(ctx, slice, client.FieldOwner(cluster.TrafficManager)), s)
	}
	taken := map[string]bool{}
	for _, other := range s.own {
		taken[other.Name] = true
	}
	for n := 0; slice.Name == "" || taken[slice.Name]; n++ {
		slice.Name = cluster.Key{Name: s.Name}.Beside(fmt.Sprintf("serin-%d", n))
	}
	err := r.Create(ctx, slice, client.FieldOwner(cluster.TrafficManager))
	if err == nil {
		s.own = append(s.own, *slice)
	}
	return wrote(err, s)
}

func wrote(err error, s *service) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write endpoints of %s: %w", title(s.Service), err)
}

func (r *Router) remove(ctx context.Context, slice discoveryv1.EndpointSlice) error {
	err := r.Delete(ctx, &slice, client.Preconditions{UID: &slice.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove EndpointSlice %s/%s: %w", slice.Namespace, slice.Name, err)
	}
	return nil
}

// takeOver takes a Service out of Kubernetes' hands, when all that shall serve stands in serin's slices: its selector, what came of it,
// and the Endpoints object, of which Kubernetes would make slices again.
func (r *Router) takeOver(ctx context.Context, s *service, rec *record) error {
	if s.given {
		if err := r.write(ctx, s, false, rec); err != nil {
			return err
		}
	}
	if len(s.usual) == 0 {
		return nil
	}
	left := &metav1.PartialObjectMetadata{}
	left.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Endpoints"))
	left.Namespace, left.Name = s.Namespace, s.Name
	if err := r.Delete(ctx, left); client.IgnoreNotFound(err) != nil && !apierrors.IsMethodNotSupported(err) {
		return fmt.Errorf("remove Endpoints %s/%s: %w", s.Namespace, s.Name, err)
	}
	for _, slice := range s.usual {
		if err := r.remove(ctx, slice); err != nil {
			return err
		}
	}
	return nil
}

// handOver gives a Service to Kubernetes: the selector first, and serin's slices go once Kubernetes' hold everybody that serves. It says
// what it waits for; nothing when Kubernetes has it.
func (r *Router) handOver(ctx context.Context, s *service) (string, error) {
	settings, err := decode(s.record.With)
	if err != nil {
		return "", err
	}
	key, err := cluster.ParseKey(s.record.Target)
	if err != nil {
		return "", err
	}
	selector, err := r.selector(ctx, key, settings)
	if err != nil {
		return "", err
	}
	if !s.has(selector) {
		s.Spec.Selector = selector
		if err := r.write(ctx, s, true, &s.record); err != nil {
			return "", err
		}
	}
	if len(s.own) == 0 {
		return "", nil
	}
	if missing := s.missing(); missing > 0 {
		return fmt.Sprintf("%s: Kubernetes has not taken up %d of its endpoints yet", title(s.Service), missing), nil
	}
	for _, slice := range s.own {
		if err := r.remove(ctx, slice); err != nil {
			return "", err
		}
	}
	s.own = nil
	return "", nil
}

// missing counts the endpoints that serve in serin's slices of stable and not in Kubernetes'. Where none of stable's do, one of
// Kubernetes' has to before those of others go.
func (s *service) missing() int {
	there := map[string]bool{}
	for _, slice := range s.usual {
		for _, e := range slice.Endpoints {
			if serves(e) {
				there[place(e)] = true
			}
		}
	}
	missing, all := 0, 0
	for _, slice := range s.own {
		for _, e := range slice.Endpoints {
			if !serves(e) {
				continue
			}
			all++
			if slice.Labels[cluster.TrackLabel] == string(plan.Stable) && !there[place(e)] {
				missing++
			}
		}
	}
	if missing == 0 && all > 0 && len(there) == 0 {
		return all
	}
	return missing
}

// place tells endpoints apart: a pod has one in each family of addresses.
func place(e discoveryv1.Endpoint) string { return string(uidOf(e)) + " " + e.Addresses[0] }
