package sequential

import (
	"encoding/json"
	"slices"
	"strings"

	"serin.dev/serin/internal/judge/setting"
)

// A Config is the `judge:` block of a Canary. Shares and rates are per request (0.01 is 1 %), times are seconds.
type Config struct {
	FalseRollback  float64 // chance to ever roll back a release within the tolerances, over all metrics and looks
	FalsePromotion float64 // chance to ever give a harmful release leave to promote
	Failures       Failures
	Latency        Latency
	Objective      Objective
	Restarts       Restarts
	Silence        bool    // whether a canary that answers nothing fails
	Share          bool    // whether one that answers much less than it did at the same weight holds
	Gauges         []Gauge `json:",omitempty"` // in order of name
	Sums           []Sum   `json:",omitempty"` // in order of name
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

// Restarts bounds how often the canary's instances end unasked by how often stable's do.
type Restarts struct {
	Tolerate float64 // ratio that is still good
	Every    float64 // one more per instance each so many seconds is still good
}

// A Gauge is a level per instance (memory, queue length). One that is raised holds the release; it never fails it.
type Gauge struct {
	Name     string
	Tolerate float64 // ratio to stable's that is still good
}

// A Sum is a business metric per event, from 0 to Most: its mean on the canary against stable's at the same time.
type Sum struct {
	Name string
	Most float64
	Fall float64 // share of stable's mean by which the canary's may be lower; 1: it does not matter
	Rise float64 // by which it may be higher; 0: it does not matter
}

// Default is what an empty block means.
func Default() Config {
	return Config{
		FalseRollback:  0.01,
		FalsePromotion: 0.05,
		Failures:       Failures{Tolerate: 1.1, Plus: 0.0002, Harmful: Harm{Ratio: 1.5, Plus: 0.005}},
		Latency:        Latency{Tolerate: 1.1, Harmful: 1.5},
		Restarts:       Restarts{Tolerate: 1.5, Every: 4 * 3600},
		Silence:        true,
		Share:          true,
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
	c.Restarts.read(o.Object("restarts"))
	traffic := o.Object("traffic")
	traffic.Truth("silence", &c.Silence)
	traffic.Truth("share", &c.Share)
	traffic.Done()
	c.readGauges(o.Object("gauges"))
	c.readSums(o.Object("sums"))
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

func (r *Restarts) read(o *setting.Object) {
	o.Ratio("tolerate", &r.Tolerate)
	o.Duration("every", &r.Every)
	o.Done()
}

// extrasMost is how many gauges, and how many sums, may be judged.
const extrasMost = 16

func (c *Config) readGauges(o *setting.Object) {
	for _, name := range o.Names() {
		g, of := Gauge{Name: name, Tolerate: 1.2}, o.Object(name)
		of.Ratio("tolerate", &g.Tolerate)
		of.Done()
		c.Gauges = append(c.Gauges, g)
	}
	if len(c.Gauges) > extrasMost {
		o.Refuse(c.Gauges[extrasMost].Name, "is one too many: at most %d gauges are judged", extrasMost)
	}
	slices.SortFunc(c.Gauges, func(a, b Gauge) int { return strings.Compare(a.Name, b.Name) })
	o.Done()
}

func (c *Config) readSums(o *setting.Object) {
	for _, name := range o.Names() {
		m, of := Sum{Name: name, Most: 1, Fall: 1}, o.Object(name)
		of.Number("most", &m.Most)
		if m.Most <= 0 {
			of.Refuse("most", "must be above 0: the largest value one event can have")
		}
		of.Percent("fall", &m.Fall)
		if of.Has("rise") {
			of.Percent("rise", &m.Rise)
			if m.Rise == 0 {
				of.Refuse("rise", "must be above 0%%")
			}
		}
		if !of.Has("fall") && !of.Has("rise") {
			o.Refuse(name, "needs fall or rise: by how much the canary's mean may differ from stable's")
		}
		of.Done()
		c.Sums = append(c.Sums, m)
	}
	if len(c.Sums) > extrasMost {
		o.Refuse(c.Sums[extrasMost].Name, "is one too many: at most %d sums are judged", extrasMost)
	}
	slices.SortFunc(c.Sums, func(a, b Sum) int { return strings.Compare(a.Name, b.Name) })
	o.Done()
}

func inside(share float64) bool { return share > 0 && share < 1 }

func refuseUnless(o *setting.Object, field string, ok bool) {
	if !ok {
		o.Refuse(field, "must be given, above 0%% and below 100%%")
	}
}
