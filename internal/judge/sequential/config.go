package sequential

import (
	"encoding/json"

	"serin.dev/serin/internal/judge/setting"
)

// A Config is the `judge:` block of a Canary. Shares and rates are per request (0.01 is 1 %), times are seconds.
type Config struct {
	FalseRollback  float64 // chance to ever roll back a release within the tolerances, over all metrics and looks
	FalsePromotion float64 // chance to ever give a harmful release leave to promote
	Failures       Failures
	Latency        Latency
	Objective      Objective
}

// Failures bounds the canary's failure rate by that of stable at the same time.
type Failures struct {
	Tolerate float64 // ratio that is still good
	Plus     float64 // absolute rise that is still good
	Harmful  Harm    // what must be excluded before a pass
}

// Harm is the edge of what must not be promoted: Ratio times stable, plus Plus.
type Harm struct {
	Ratio float64
	Plus  float64
}

// Latency bounds how much slower the canary may be than stable at the same time.
type Latency struct {
	Tolerate float64 // slower by this factor is still good
	Harmful  float64 // slower by this factor must be excluded before a pass
}

// An Objective is an absolute promise to users; zero fields promise nothing.
type Objective struct {
	Availability float64 // share of requests that succeed, for instance 0.995
	Below        float64 // seconds, answered within which ...
	For          float64 // ... is this share of requests
}

// Default is what an empty block means.
func Default() Config {
	return Config{
		FalseRollback:  0.01,
		FalsePromotion: 0.05,
		Failures:       Failures{Tolerate: 1.1, Plus: 0.0002, Harmful: Harm{Ratio: 1.5, Plus: 0.005}},
		Latency:        Latency{Tolerate: 1.1, Harmful: 1.5},
	}
}

// Decode reads the block from the JSON a plan carries.
func Decode(block json.RawMessage) (Config, error) {
	o, err := setting.Parse("judge", block)
	if err != nil {
		return Config{}, err
	}
	return Read(o)
}

// Read reads the block, strictly; the `kind` field, which chose this judge, is passed over.
func Read(o *setting.Object) (Config, error) {
	c := Default()
	o.Has("kind")
	c.readBudget(o.Object("budget"))
	c.Failures.read(o.Object("failures"))
	c.Latency.read(o.Object("latency"))
	c.Objective.read(o.Object("objective"))
	if err := o.Done(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func (c *Config) readBudget(o *setting.Object) {
	o.Percent("falseRollback", &c.FalseRollback)
	o.Percent("falsePromotion", &c.FalsePromotion)
	refuseUnless(o, "falseRollback", inside(c.FalseRollback))
	refuseUnless(o, "falsePromotion", inside(c.FalsePromotion))
	o.Done()
}

func (f *Failures) read(o *setting.Object) {
	o.Ratio("tolerate", &f.Tolerate)
	o.Percent("plus", &f.Plus)
	harm := o.Object("harmful")
	harm.Ratio("ratio", &f.Harmful.Ratio)
	harm.Percent("plus", &f.Harmful.Plus)
	if f.Harmful.Ratio < f.Tolerate || f.Harmful.Plus < f.Plus {
		harm.Refuse("ratio", "what is tolerated must not be harmful: harmful is at least tolerate, and its plus at least plus")
	}
	if f.Harmful.Plus == 0 {
		harm.Refuse("plus", "must be above 0%%: a service that never fails could never be promoted")
	}
	harm.Done()
	o.Done()
}

func (l *Latency) read(o *setting.Object) {
	o.Ratio("tolerate", &l.Tolerate)
	harm := o.Object("harmful")
	harm.Ratio("ratio", &l.Harmful)
	if l.Harmful <= l.Tolerate {
		harm.Refuse("ratio", "must be above tolerate, %gx: what is tolerated is not harmful", l.Tolerate)
	}
	harm.Done()
	o.Done()
}

func (b *Objective) read(o *setting.Object) {
	o.Percent("availability", &b.Availability)
	if o.Has("availability") {
		refuseUnless(o, "availability", inside(b.Availability))
	}
	speed := o.Object("latency")
	speed.Duration("below", &b.Below)
	speed.Percent("for", &b.For)
	if o.Has("latency") {
		if b.Below == 0 {
			speed.Refuse("below", "is missing: the time within which requests are answered")
		}
		refuseUnless(speed, "for", inside(b.For))
	}
	speed.Done()
	o.Done()
}

func inside(share float64) bool { return share > 0 && share < 1 }

func refuseUnless(o *setting.Object, field string, ok bool) {
	if !ok {
		o.Refuse(field, "must be given, above 0%% and below 100%%")
	}
}
