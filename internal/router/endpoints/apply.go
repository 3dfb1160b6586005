package endpoints

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Apply makes the order so: what is ordered is noted on the Service, then slices are written, those that grow first.
func (r *Router) Apply(ctx context.Context, target string, given router.Order) error {
	if err := hands.Again(func() error { return r.apply(ctx, target, given) }); err != nil {
		return fmt.Errorf("order endpoints of %s: %w", target, err)
	}
	return nil
}

func (r *Router) apply(ctx context.Context, target string, given router.Order) error {
	o, err := newOrder(target, given)
	if err != nil {
		return err
	}
	former, err := r.holding(ctx, target)
	if err != nil {
		return err
	}
	s := former
	if former == nil || former.Name != o.at.Name {
		if s, err = r.service(ctx, o.at); err != nil {
			return cluster.NotFound(err, cluster.RouteNotFound, field("service"), "make it, without a selector, or name another")
		}
	}
	if by := s.record.Target; by != "" && by != target {
		return s.problem(cluster.RouteTaken, "it is released for "+by, "name another Service")
	}
	if err := r.change(ctx, s, o); err != nil {
		return err
	}
	r.remember(target, s)
	if former != nil && former.Name != o.at.Name { // the settings name another one now
		if _, err := r.handOver(ctx, former); err != nil {
			return err
		}
		return r.write(ctx, former, former.given, nil)
	}
	return nil
}

// change brings a Service that was read to the order.
func (r *Router) change(ctx context.Context, s *service, o order) error {
	crew, err := r.crew(ctx, o)
	if err != nil {
		return err
	}
	counts := map[plan.TrackName]int{}
	for track, pods := range crew {
		counts[track] = len(pods)
	}
	chosen := choose(counts, o.Traffic.Shares)
	home, err := r.mayGoHome(ctx, o, crew)
	if err != nil {
		return err
	}
	if home && s.given && len(s.own) == 0 { // Kubernetes has it, and chooses
		return r.leave(ctx, s, o)
	}
	rec, err := s.record.next(o, chosen)
	if err != nil {
		return err
	}
	wanted, err := r.standing(ctx, s, crew, chosen)
	if err != nil {
		return err
	}
	changes := wanted.changes(s)
	if len(changes) > 0 || !home && (s.given || len(s.usual) > 0) {
		rec.Changed = r.Now()
	}
	if err := r.note(ctx, s, rec); err != nil {
		return err
	}
	if err := r.carry(ctx, s, changes); err != nil {
		return err
	}
	if !home {
		return r.takeOver(ctx, s, &rec)
	}
	_, err = r.handOver(ctx, s)
	return err
}

// leave notes an order for stable alone on a Service that Kubernetes has.
func (r *Router) leave(ctx context.Context, s *service, o order) error {
	rec, err := s.record.next(o, nil)
	if err == nil {
		err = r.note(ctx, s, rec)
	}
	if err == nil {
		_, err = r.handOver(ctx, s)
	}
	return err
}

// note writes what is ordered, if that is news.
func (r *Router) note(ctx context.Context, s *service, rec record) error {
	was, err := s.record.note()
	if err != nil {
		return err
	}
	now, err := rec.note()
	if err != nil || was == now && s.record.Target != "" {
		return err
	}
	s.record = rec
	return r.write(ctx, s, s.given, &rec)
}

// mayGoHome reports whether Kubernetes may choose the endpoints: stable alone is to serve, and the selector means none but its pods.
func (r *Router) mayGoHome(ctx context.Context, o order, crew map[plan.TrackName][]*corev1.Pod) (bool, error) {
	if !o.home() {
		return false, nil
	}
	selector, err := r.selector(ctx, o.key, o.settings)
	if err != nil {
		return false, err
	}
	for track, pods := range crew {
		if track != plan.Stable && slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return selects(selector, p) }) {
			return false, nil
		}
	}
	return true, nil
}

// standing chooses the pods, those that stand already first, and keeps those that end until they are gone.
func (r *Router) standing(ctx context.Context, s *service, crew map[plan.TrackName][]*corev1.Pod, chosen map[plan.TrackName]int) (standing, error) {
	all, stand, serving := standing{}, map[types.UID]bool{}, map[string]bool{}
	for _, slice := range slices.Concat(s.own, s.usual) {
		for _, e := range slice.Endpoints {
			stand[uidOf(e)] = stand[uidOf(e)] || serves(e)
		}
	}
	for _, track := range slices.Sorted(maps.Keys(crew)) {
		pods := slices.Clone(crew[track])
		slices.SortFunc(pods, func(a, b *corev1.Pod) int {
			if stand[a.UID] != stand[b.UID] {
				if stand[a.UID] {
					return -1
				}
				return 1
			}
			return strings.Compare(a.Name, b.Name)
		})
		for i, p := range pods {
			serving[p.Name] = true
			if i < chosen[track] {
				all.add(s.Service, track, p, ready)
			}
		}
	}
	return all, r.keepLeaving(ctx, s, serving, all)
}

// keepLeaving adds the pods that stood and are ending.
func (r *Router) keepLeaving(ctx context.Context, s *service, serving map[string]bool, all standing) error {
	for _, slice := range s.own {
		for _, e := range slice.Endpoints {
			if e.TargetRef == nil || serving[e.TargetRef.Name] {
				continue
			}
			p, err := r.pod(ctx, types.NamespacedName{Namespace: s.Namespace, Name: e.TargetRef.Name})
			if err != nil {
				return err
			}
			if p != nil && p.UID == uidOf(e) && p.DeletionTimestamp != nil {
				all.add(s.Service, groupOf(slice).track, p, leaving(p))
			}
		}
	}
	return nil
}
