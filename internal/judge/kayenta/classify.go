package kayenta

import (
	"math"
	"slices"
)

// How sure the judge is. Kayenta has settings for both, and reads neither.
const (
	tolerance  = 0.25 // of the estimated shift: what the interval must clear
	confidence = 0.98 // of the interval, two-sided
)

// A class is what the judge thinks of one metric.
type class struct {
	label    string
	reason   string
	ratio    *float64 // of the means; nil after an error
	critical bool
	test     *Test // nil where none was needed
}

// classify compares two prepared sides. The first rule that speaks decides.
func classify(name string, experiment, control []float64, o Options, tolerance, confidence float64) class {
	same := 1.0
	switch {
	case len(experiment) == 0 || len(control) == 0:
		return missing(name, o)
	case equal(experiment, control):
		return class{label: ClassPass, reason: "The Canary and Baseline data are identical", ratio: &same}
	case constant(experiment) && constant(control) && experiment[0] == control[0]:
		return class{label: ClassPass, ratio: &same}
	}
	if constant(experiment) && constant(control) {
		if len(experiment)+len(control) == 2 {
			return failed() // the noise would break the tie of one value with one, and hide that nothing can be said
		}
		experiment, control = blur(experiment, control)
	}
	shift, err := uTest(experiment, control, confidence)
	if err != nil {
		return failed()
	}
	ratio := meanRatio(experiment, control)
	effect := ratio
	if o.Effect.Measure == CLES {
		effect = cles(experiment, control)
	}
	c := decide(name, shift, tolerance*math.Abs(shift.estimate), effect, o)
	c.ratio = &ratio
	c.test = &Test{
		ConfidenceInterval: [2]Number{Number(shift.low), Number(shift.high)}, Estimate: Number(shift.estimate),
		Bound: Number(tolerance * math.Abs(shift.estimate)), EffectSize: Number(effect), Measure: o.Effect.Measure,
	}
	return c
}

// missing is the class of a metric without data. Mind that `replace` makes an empty side pass, and mustHaveData deaf.
func missing(name string, o Options) class {
	same := 1.0
	c := class{label: ClassNodata, reason: "Missing data for " + name, ratio: &same, critical: o.Critical}
	switch {
	case o.ReplaceNaN:
		return class{label: ClassPass, ratio: &same}
	case o.MustHaveData && !o.Critical:
		c.label = ClassNodataFailMetric
	}
	return c
}

// failed is the class of a metric whose test breaks off.
func failed() class { return class{label: ClassError, reason: "Metric Classification Failed"} }

// decide reads the interval: the shift must clear the bound, and the effect its limit where it has a value.
func decide(name string, i interval, bound, effect float64, o Options) class {
	up := func(limit float64) bool { return math.IsNaN(effect) || effect >= limit }
	down := func(limit float64) bool { return math.IsNaN(effect) || effect <= limit }
	c := class{label: ClassPass}
	switch {
	case o.Direction != Decrease && i.low > bound && up(o.Effect.AllowedIncrease):
		c.label, c.critical = ClassHigh, o.Critical && up(o.Effect.CriticalIncrease)
	case o.Direction != Increase && i.high < -bound && down(o.Effect.AllowedDecrease):
		c.label, c.critical = ClassLow, o.Critical && down(o.Effect.CriticalDecrease)
	}
	switch {
	case c.critical:
		c.reason = "The metric " + name + " was classified as " + c.label + " (Critical)"
	case c.label != ClassPass:
		c.reason = name + " was classified as " + c.label
	}
	return c
}

// compareMeans is Kayenta's classifier for benchmarks: the larger mean is High. No canary config can choose it.
func compareMeans(experiment, control []float64, o Options) string {
	switch e, c := mean(experiment), mean(control); {
	case len(experiment) == 0 || len(control) == 0:
		return missing("", o).label
	case o.Direction != Decrease && e > c:
		return ClassHigh
	case o.Direction != Increase && e < c:
		return ClassLow
	}
	return ClassPass
}

// equal says whether the two sides hold the same values, in any order.
func equal(a, b []float64) bool {
	return len(a) == len(b) && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// constant says whether all values are the same.
func constant(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}
