package istio

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// Observe reads what the VirtualService says of the target, whoever wrote it.
func (r *Router) Observe(ctx context.Context, target string) (plan.Route, error) {
	seen, err := r.observe(ctx, target)
	if err != nil {
		return plan.Route{}, fmt.Errorf("observe VirtualService of %s: %w", target, err)
	}
	return seen, nil
}

func (r *Router) observe(ctx context.Context, target string) (plan.Route, error) {
	vs, err := r.objects.Holding(ctx, target)
	if err != nil {
		return plan.Route{}, err
	}
	if vs == nil {
		rec := r.rested(target)
		if rec == nil {
			return plan.Route{}, nil // nobody's, or taken away by hand: the next order begins anew
		}
		if vs, err = r.objects.Home(ctx, target); err != nil {
			return plan.Route{}, cluster.NotFound(err, cluster.RouteNotFound, field("virtualService"), "make it, or name another")
		}
		return r.look(ctx, target, vs, *rec)
	}
	h, err := readHeld(vs)
	if err != nil {
		return plan.Route{}, err
	}
	return r.look(ctx, target, vs, h.Targets[target])
}

// look reads one VirtualService.
func (r *Router) look(ctx context.Context, target string, vs *unstructured.Unstructured, rec record) (plan.Route, error) {
	settings, err := decode(rec.With)
	if err != nil {
		return plan.Route{}, err
	}
	seen := plan.Route{Pools: maps.Clone(rec.Pools)}
	var foreign string
	if seen.Traffic, foreign, err = said(target, vs, rec, settings); err != nil {
		return plan.Route{}, err
	}
	complaint := complaints(vs)
	unready, err := r.unready(ctx, vs, settings)
	if err != nil {
		return plan.Route{}, err
	}
	switch settle := time.Duration(*settings.Settle); {
	case complaint != "":
		seen.Pending = fmt.Sprintf("Istio says of %s: %s", title(vs), complaint)
	case unready != "":
		seen.Pending = unready
	case foreign != "":
		seen.Pending = fmt.Sprintf("%s: %s", title(vs), foreign)
	case r.Now().Before(rec.Changed.Add(settle)):
		seen.Pending = fmt.Sprintf("%s: written; proxies follow within %s", title(vs), settle)
	default:
		seen.Since = rec.Changed.Add(settle) // from the object alone: another process says the same
	}
	return seen, nil
}

// said is what the routes say: the order, where all of it stands. Where others have changed routes it is what they say now, and
// what of the order's matches and mirror still stands everywhere; where routes differ, the text says so.
func said(target string, vs *unstructured.Unstructured, rec record, s Settings) (plan.Traffic, string, error) {
	live, err := sections(vs)
	if err != nil {
		return plan.Traffic{}, "", err
	}
	h, err := readHeld(vs)
	if err != nil {
		return plan.Traffic{}, "", err
	}
	l, wanted := loosen(live, h), h.Clone()
	c := newCompass(vs.GetNamespace(), rec.Services, s)
	picked, err := c.pick(l.user[s.Protocol], s, title(vs))
	if err != nil {
		return plan.Traffic{}, "", err
	}
	whole, err := tighten(l.user, wanted, idOf(vs), target)
	if err != nil {
		return plan.Traffic{}, "", err
	}
	if _, on := h.Targets[target]; on && same(live, whole) {
		return rec.Traffic.Clone(), "", nil
	}
	t, foreign := l.read(c, s, picked)
	byName := map[string]route{}
	for _, r := range whole[s.Protocol] {
		byName[r.name()] = r
	}
	for i, m := range rec.Traffic.Matches {
		stands := true
		for n := range picked {
			name := mark(target) + strconv.Itoa(n) + "-" + strconv.Itoa(i)
			stands = stands && same(l.fronts[name], byName[name])
		}
		if stands {
			t.Matches = append(t.Matches, m)
		}
	}
	if rec.Traffic.Mirror != nil && l.mirrors(s.Protocol, picked, wanted.Targets[target].Edits) {
		t.Mirror = rec.Traffic.Mirror
	}
	return t.Clone(), foreign, nil
}

// read takes the shares from the routes as they are.
func (l loosening) read(c compass, s Settings, picked []int) (plan.Traffic, string) {
	t, foreign := plan.Traffic{}, ""
	for _, i := range picked {
		r := l.live[s.Protocol][i]
		shares, ok := c.shares(r)
		switch {
		case !ok:
			foreign = at(s.Protocol, i, r) + " sends to others than the target's tracks"
		case t.Shares == nil:
			t.Shares = shares
		case !(plan.Traffic{Shares: shares}).Equal(t):
			foreign = at(s.Protocol, i, r) + " splits requests in another way than the other routes"
		}
	}
	if t.Shares == nil {
		t.Shares = plan.Shares{}
	}
	return t, foreign
}

// mirrors reports whether the ordered mirror stands in all routes.
func (l loosening) mirrors(protocol string, picked []int, edits []edit) bool {
	for n, i := range picked {
		if n >= len(edits) || !same(edits[n].Wrote.of(mirrors), partsOf(l.live[protocol][i], mirrors)) {
			return false
		}
	}
	return len(picked) > 0
}

// complaints are the errors of the status. Only some installations write one, and it may be of an older generation.
func complaints(vs *unstructured.Unstructured) string {
	if observed, ok := generation(vs); ok && observed < vs.GetGeneration() {
		return ""
	}
	list, _, err := unstructured.NestedSlice(vs.Object, "status", "validationMessages")
	if err != nil {
		return ""
	}
	var all []string
	for _, item := range list {
		message, _ := item.(map[string]any)
		kind, _ := message["type"].(map[string]any)
		if level, _ := message["level"].(string); level == "ERROR" {
			all = append(all, fmt.Sprintf("%v (%v)", kind["name"], kind["code"]))
		}
	}
	return strings.Join(all, ", ")
}

// generation is written as a number or, as Protobuf's JSON has it, as a string.
func generation(vs *unstructured.Unstructured) (int64, bool) {
	value, _, _ := unstructured.NestedFieldNoCopy(vs.Object, "status", "observedGeneration")
	if text, ok := value.(string); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	return number(value)
}
