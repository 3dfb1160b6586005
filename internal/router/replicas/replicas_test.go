package replicas

import (
	"encoding/json"
	"fmt"
	"testing"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver:  Driver,
		New:     func(*testing.T) router.Router { return New() },
		Target:  "Deployment/shop/checkout",
		Refused: map[string]json.RawMessage{"weight": json.RawMessage(`{"weight":1}`)},
	})
}

func TestSharesAreThoseOfTheInstances(t *testing.T) {
	for _, c := range []struct {
		reason         string
		asked          plan.Share
		stable, canary int
		seen           plan.Share
	}{
		{"the nearest there is counts as what was asked for", 100, 4, 1, 100},
		{"exact", 200, 4, 1, 200},
		{"one more than the best is near enough while it turns over", 250, 4, 2, 250},
		{"too few", 500, 4, 1, 200},
		{"too many: a canary that should have gone", 0, 4, 1, 200},
		{"asked for and not there", 100, 4, 0, 0},
		{"all of them", 1000, 0, 4, 1000},
		{"nobody is there: nobody can say otherwise", 100, 0, 0, 100},
	} {
		t.Run(c.reason, func(t *testing.T) {
			r := New()
			o := router.Order{
				Traffic:   plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - c.asked, plan.Canary: c.asked}},
				Endpoints: map[plan.TrackName][]plan.Endpoint{plan.Stable: instances(c.stable), plan.Canary: instances(c.canary)},
			}
			if err := r.Apply(t.Context(), "Deployment/shop/checkout", o); err != nil {
				t.Fatal(err)
			}
			route, err := r.Observe(t.Context(), "Deployment/shop/checkout")
			if err != nil || route.Traffic.Shares[plan.Canary] != c.seen || route.Traffic.Shares.Sum() != plan.Whole {
				t.Errorf("seen %v, want %v for the canary; %v", route.Traffic.Shares, c.seen, err)
			}
		})
	}
}

func TestAchievable(t *testing.T) {
	for _, c := range []struct {
		canary, stable int
		want           plan.Share
	}{{1, 4, 200}, {0, 4, 0}, {1, 2, 333}, {4, 4, 500}, {0, 0, 0}, {3, 0, 1000}} {
		if got := Achievable(c.canary, c.stable); got != c.want {
			t.Errorf("%d beside %d: %v, want %v", c.canary, c.stable, got, c.want)
		}
	}
}

func instances(n int) (all []plan.Endpoint) {
	for i := range n {
		all = append(all, plan.Endpoint{Instance: fmt.Sprint("pod-", i)})
	}
	return all
}
