package traefik

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/router"
)

// Apply makes the order so, with one write: the spec and what is remembered of it go together. Only a mirror before shares needs a
// second TraefikService, which is written before the first one names it and goes when none does.
func (r *Router) Apply(ctx context.Context, target string, given router.Order) error {
	if err := r.apply(ctx, target, given); err != nil {
		return fmt.Errorf("order TraefikService of %s: %w", target, err)
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
	live := former
	if former == nil || idOf(former) != o.at {
		live, err = r.objects.Get(ctx, traefikService, o.at)
		if apierrors.IsNotFound(err) {
			live, err = nil, nil
		}
	}
	if err == nil {
		err = o.owns(live)
	}
	if err == nil {
		err = r.change(ctx, live, o)
	}
	if err == nil && former != nil && idOf(former) != o.at { // the settings name another one now
		err = r.rest(ctx, former)
	}
	return err
}

// owns refuses a TraefikService that is not serin's, or another target's.
func (o order) owns(live *unstructured.Unstructured) error {
	if live == nil {
		return nil
	}
	rec, err := readRecord(live)
	if err != nil {
		return err
	}
	if live.GetLabels()[cluster.TargetLabel] == o.key.Label() && (rec.Target == "" || rec.Target == o.target) {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.RouteTaken, Field: field("service"), Text: fmt.Sprintf("%s is there and not serin's for this target", title(live)),
		Remedy: "rename it, or give serin's another name",
	}
}

// change brings the target's TraefikService, nil where there is none yet, to the order.
func (r *Router) change(ctx context.Context, live *unstructured.Unstructured, o order) error {
	var before record
	var err error
	if live != nil {
		if before, err = readRecord(live); err != nil {
			return err
		}
	}
	rec, err := before.next(o, r.Now())
	if err != nil {
		return err
	}
	beside, err := r.beside(ctx, o.at)
	if err != nil {
		return err
	}
	if live != nil && rec.equal(before) && stands(rec.mixture(o.settings, o.at), live, beside) {
		return r.tidy(ctx, o, rec, beside)
	}
	if rec.Port, err = r.port(ctx, o, rec.tracks()); err != nil {
		return err
	}
	if err := r.answered(ctx, rec, live, beside); err != nil {
		return err
	}
	if rec.Changed.IsZero() || live == nil || !stands(rec.mixture(o.settings, o.at), live, beside) {
		rec.Changed = r.Now()
	}
	return r.write(ctx, o, rec, beside)
}

func (r *Router) write(ctx context.Context, o order, rec record, beside *unstructured.Unstructured) error {
	wanted := rec.mixture(o.settings, o.at)
	if wanted.beside != nil {
		if beside != nil && beside.GetLabels()[cluster.TargetLabel] != o.key.Label() {
			return &cluster.Problem{
				Reason: cluster.RouteTaken, Field: field("service"), Text: fmt.Sprintf("%s is there and not serin's", title(beside)),
				Remedy: "rename it, or give serin's another name",
			}
		}
		if err := r.put(ctx, besides(o.at), o.key.Label(), wanted.beside, nil); err != nil {
			return err
		}
	}
	if err := r.put(ctx, o.at, o.key.Label(), wanted.entry, &rec); err != nil {
		return err
	}
	r.objects.Remember(o.target, hands.Empty(traefikService, o.at), false)
	return r.tidy(ctx, o, rec, beside)
}

// tidy removes the TraefikService beside when nothing names it any more.
func (r *Router) tidy(ctx context.Context, o order, rec record, beside *unstructured.Unstructured) error {
	if beside == nil || rec.mixture(o.settings, o.at).beside != nil {
		return nil
	}
	return r.remove(ctx, besides(o.at), o.key.Label())
}

// stands reports whether what is there is what is wanted.
func stands(wanted mixture, live, beside *unstructured.Unstructured) bool {
	if !same(live.Object["spec"], wanted.entry) {
		return false
	}
	return wanted.beside == nil || beside != nil && same(beside.Object["spec"], wanted.beside)
}

// answered refuses to send requests to a Service that nobody answers behind: Traefik would drop the whole TraefikService for it. One
// that gets requests already is not asked after, and neither is any where there is no TraefikService that could be dropped.
func (r *Router) answered(ctx context.Context, rec record, live, beside *unstructured.Unstructured) error {
	if live == nil {
		return nil
	}
	var shares map[string]any
	if beside != nil {
		shares = object(beside.Object, "spec")
	}
	now, foreign := rec.said(object(live.Object, "spec"), shares)
	if foreign != "" {
		return nil
	}
	got := record{Traffic: now}.tracks()
	for _, track := range rec.tracks() {
		if slices.Contains(got, track) {
			continue
		}
		ready, err := r.answers(ctx, live.GetNamespace(), rec.Services[track])
		if err != nil {
			return err
		}
		if !ready {
			return fmt.Errorf("send requests to Service %s/%s: it has no ready endpoint yet", live.GetNamespace(), rec.Services[track])
		}
	}
	return nil
}
