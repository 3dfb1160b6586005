package forecast

import (
	"fmt"
	"math"
	"slices"
	"time"

	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// Traffic is what a target is expected to get.
type Traffic struct {
	Rate     float64 `json:"rps"`      // requests per second, on all tracks
	Failures float64 `json:"failures"` // the share of them that stable fails
}

// Chance is how likely at least it is that what a forecast promises to be found is found in time.
const Chance = 0.9

// tail is the share of requests beyond the bucket at which slowness is cleared: the judge takes the first that at most 5 %
// exceed, which with usual buckets leaves about so many.
const tail = 0.03

// A Forecast is what the native judge of a release can do.
type Forecast struct {
	Traffic   Traffic    `json:"traffic"`
	Analysis  string     `json:"analysis"`
	Chance    float64    `json:"chance"`
	Steps     []Step     `json:"steps"`
	Promotion *Promotion `json:"promotion,omitempty"` // absent: nothing in this plan waits for leave
}

// A Step is what can be found while a step is held.
type Step struct {
	Index    int           `json:"step"`
	Name     string        `json:"name"`
	Hold     plan.Duration `json:"hold"`
	Canary   float64       `json:"canary"`             // requests per second there
	Stable   float64       `json:"stable"`             // and at the same time on stable
	Smallest *Find         `json:"smallest,omitempty"` // the smallest rise that is found in time; absent: none is
	Dead     *Find         `json:"dead,omitempty"`     // a version that fails every request; absent: not even that is found in time
	Needs    plan.Duration `json:"needs,omitempty"`    // where none is: the hold in which a dead version would be found
	Blind    bool          `json:"blind,omitempty"`    // there is nothing to compare with, and no objective

	Origin plan.Origin `json:"-"`
}

// A Find is how a failure rate of the canary is found, typically.
type Find struct {
	Failures float64       `json:"failures"` // of the canary, per request
	After    plan.Duration `json:"after"`
	Requests float64       `json:"requests"` // that the canary has answered until then
	Failed   float64       `json:"failed"`   // of these
}

// A Promotion is when a release that is as good as stable has leave to be promoted, counted from its first request. Waiting for
// people and readiness comes on top.
type Promotion struct {
	After plan.Duration `json:"after"` // typically
	By    plan.Duration `json:"by"`    // nine times in ten
	Step  int           `json:"step"`  // where that typically is
	Over  plan.Duration `json:"over"`  // by how much, nine times in ten, it outlasts all holds
}

// Of forecasts the analysis of a plan that the native judge makes; false where there is none.
func Of(p plan.Plan, t Traffic) (Forecast, bool, error) {
	i := slices.IndexFunc(p.Analyses, func(a plan.Analysis) bool { return a.Judge.Kind == "sequential" })
	if i < 0 {
		return Forecast{}, false, nil
	}
	a := p.Analyses[i]
	c, err := sequential.Decode(a.Judge.With)
	if err != nil {
		return Forecast{}, false, fmt.Errorf("forecast %s: %w", a.Name, err)
	}
	w := work{judge: sequential.NewSteady(c, true), every: a.Every.Seconds(), promise: c.Objective.Availability > 0, Traffic: t}
	f := Forecast{Traffic: t, Analysis: a.Name, Chance: Chance}
	for n := a.From; n <= a.To; n++ {
		if s, ok := stepOf(p.Steps[n], n, t.Rate); ok {
			w.find(&s)
			f.Steps = append(f.Steps, s)
		}
	}
	f.Promotion = w.promotion(p, a)
	return f, true, nil
}

// stepOf is a step that is held for a time while the canary gets requests of a known number.
func stepOf(s plan.Step, index int, rate float64) (Step, bool) {
	canary, stable := split(s.Desired.Traffic, rate)
	hold := held(s)
	return Step{Index: index, Name: s.Name, Hold: plan.Duration(hold), Canary: canary, Stable: stable, Origin: s.Origin}, canary > 0 && hold > 0
}

// split says how many requests per second both tracks get. How many users a match finds, nobody knows before.
func split(t plan.Traffic, rate float64) (canary, stable float64) {
	whole := float64(plan.Whole)
	canary, stable = rate*float64(t.Shares[plan.Canary])/whole, rate*float64(t.Shares[plan.Stable])/whole
	if t.Mirror != nil {
		canary += rate * float64(t.Mirror.Share) / whole
	}
	return canary, stable
}

func held(s plan.Step) (hold time.Duration) {
	for _, g := range s.Until {
		if g, ok := g.(plan.After); ok {
			hold += g.Hold
		}
	}
	return hold
}

func seconds(s float64) plan.Duration {
	return plan.Duration(time.Duration(math.Min(s, 1e9) * float64(time.Second)).Round(time.Second))
}
