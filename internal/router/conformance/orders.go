package conformance

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

func features(t *testing.T, b *bench) {
	if got := b.router.Features(); !reflect.DeepEqual(got, b.Driver.Features) {
		t.Errorf("the router says %v, its driver %v", got, b.Driver.Features)
	}
	if b.Driver.Name == "" || b.Driver.Check == nil || b.Driver.New == nil {
		t.Error("the driver is incomplete")
	}
}

func unknownTarget(t *testing.T, b *bench) {
	if got := b.observe("Kind/nobody"); !reflect.DeepEqual(got, plan.Route{}) {
		t.Errorf("got %+v, want the zero route", got)
	}
	if err := b.router.Restore(t.Context(), "Kind/nobody"); err != nil {
		t.Errorf("restore of an unknown target: %v", err)
	}
}

func observed(t *testing.T, b *bench) {
	b.both()
	b.order.Pools = map[plan.TrackName]plan.PoolName{plan.Stable: "v1", plan.Canary: "v2"}
	b.apply(b.some())
	route := b.settled()
	if route.Pool(plan.Stable) != "v1" || route.Pool(plan.Canary) != "v2" {
		t.Errorf("pools are %v, want those of the order", route.Pools)
	}
	if b.Driver.Features.Has(plan.Draining) {
		for _, instance := range []string{"v1.0", "v2.0"} {
			if _, ok := route.Busy[instance]; !ok {
				t.Errorf("busy is %v: instance %s is sent to and missing", route.Busy, instance)
			}
		}
	} else if route.Busy != nil {
		t.Errorf("busy is %v, and the router has no feature %s", route.Busy, plan.Draining)
	}
}

// some is the richest split that the router can make.
func (b *bench) some() plan.Traffic {
	if b.Driver.Features.Has(plan.Weights) {
		return plan.Traffic{Shares: split(250)}
	}
	return plan.Traffic{Shares: split(0)}
}

func idempotent(t *testing.T, b *bench) {
	b.both()
	b.apply(b.some())
	before := b.settled()
	for range 3 {
		b.apply(b.some())
	}
	if after := b.settled(); !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func observing(t *testing.T, b *bench) {
	b.both()
	b.apply(b.some())
	first := b.settled()
	route := b.observe(b.Target)
	route.Traffic.Shares[plan.Canary] = 999 // what was observed is the caller's own
	route.Pending = "changed by the caller"
	if again := b.observe(b.Target); !reflect.DeepEqual(first, again) {
		t.Errorf("first %+v, again %+v", first, again)
	}
}

func targetsApart(t *testing.T, b *bench) {
	b.both()
	b.apply(b.some())
	if got := b.observe(b.Target + "2"); !reflect.DeepEqual(got, plan.Route{}) {
		t.Errorf("a target with a longer name is %+v, want the zero route", got)
	}
}

func owned(t *testing.T, b *bench) {
	b.both()
	want := b.some()
	b.apply(b.some())
	b.order.Traffic.Shares[plan.Stable] = 1 // whoever gave the order may use its maps again
	b.order.Endpoints[plan.Stable][0].URL = "http://127.0.0.1:1"
	if got := b.observe(b.Target); !got.Traffic.Equal(want) {
		t.Errorf("observed %+v, want %+v as ordered", got.Traffic, want)
	}
}

func refused(t *testing.T, b *bench) {
	b.both()
	b.apply(b.some())
	before := b.settled()
	for reason, bad := range map[string]plan.Traffic{
		"shares that are no whole":   {Shares: plan.Shares{plan.Stable: 500, plan.Canary: 499}},
		"a negative share":           {Shares: plan.Shares{plan.Stable: 1100, plan.Canary: -100}},
		"an expression that is none": {Shares: split(0), Matches: []plan.Match{{Headers: []plan.Condition{{Name: "X", How: plan.Regex, Value: "("}}, Track: plan.Canary}}},
		"an unknown comparison":      {Shares: split(0), Matches: []plan.Match{{Headers: []plan.Condition{{Name: "X", How: "about"}}, Track: plan.Canary}}},
	} {
		order := b.order
		order.Traffic = bad
		if err := b.router.Apply(t.Context(), b.Target, order); err == nil {
			t.Errorf("%s: was taken", reason)
		}
		if after := b.observe(b.Target); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: was refused and changed %+v to %+v", reason, before, after)
		}
	}
}

// missing asks for each feature the router does not have.
func missing(t *testing.T, b *bench) {
	b.both()
	start := split(0)
	if b.Driver.Features.Has(plan.Instances) {
		start = split(500) // that is what one instance of each makes
	}
	b.apply(plan.Traffic{Shares: start})
	before := b.settled()
	condition := plan.Condition{Name: "X-Serin", How: plan.Exact, Value: "canary"}
	asked := 0
	for feature, traffic := range map[plan.Feature]plan.Traffic{
		plan.Weights:   {Shares: split(500)},
		plan.Fine:      {Shares: split(1)},
		plan.Headers:   {Shares: split(0), Matches: []plan.Match{{Headers: []plan.Condition{condition}, Track: plan.Canary}}},
		plan.Cookies:   {Shares: split(0), Matches: []plan.Match{{Cookies: []plan.Condition{condition}, Track: plan.Canary}}},
		plan.Paths:     {Shares: split(0), Matches: []plan.Match{{Path: &plan.Condition{How: plan.Prefix, Value: "/x"}, Track: plan.Canary}}},
		plan.Mirroring: {Shares: split(0), Mirror: &plan.Mirror{Track: plan.Canary, Share: plan.Whole}},
		plan.Stickying: {Shares: split(0), Sticky: &plan.Sticky{Cookie: "serin"}},

		plan.FineMirroring: {Shares: split(0), Mirror: &plan.Mirror{Track: plan.Canary, Share: 125}},
		plan.StickyHeaders: {Shares: split(0), Sticky: &plan.Sticky{Header: "X-User"}},
	} {
		if b.Driver.Features.Has(feature) {
			continue
		}
		asked++
		order := b.order
		order.Traffic = traffic
		if err := b.router.Apply(t.Context(), b.Target, order); err == nil {
			t.Errorf("%s: ordered without the feature, and taken", feature)
		}
		if after := b.observe(b.Target); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: was refused and changed %+v to %+v", feature, before, after)
		}
	}
	if asked == 0 {
		t.Skipf("NOT RUN: router %s has every feature", b.Driver.Name)
	}
}

func restored(t *testing.T, b *bench) {
	b.both()
	b.apply(b.some())
	for range 2 { // twice: the second finds nothing to do
		if err := b.router.Restore(t.Context(), b.Target); err != nil {
			t.Fatalf("restore: %v", err)
		}
	}
	look := time.NewTicker(b.Settle / 200)
	defer look.Stop()
	for limit := time.Now().Add(b.Settle); ; <-look.C {
		got := b.observe(b.Target)
		if reflect.DeepEqual(got, plan.Route{}) {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("after restore the route is %+v", got)
		}
	}
	b.apply(b.some()) // and it can be taken in hand again
}

func settings(t *testing.T, s Subject) {
	if err := s.Driver.Check(s.With); err != nil {
		t.Errorf("the settings of the suite are refused: %v", err)
	}
	for field, with := range s.Refused {
		if err := s.Driver.Check(with); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v, want an error that names %s", with, err, field)
		}
		r := s.New(t)
		if err := r.Apply(t.Context(), s.Target, router.Order{Traffic: plan.Traffic{Shares: split(0)}, With: with}); err == nil {
			t.Errorf("%s: was ordered and taken", with)
		}
	}
}
