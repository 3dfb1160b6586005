package detect

import (
	"fmt"
	"math"
	"slices"
)

// A Target is a promise about a quantity, and how it is read off the tables.
type Target struct {
	Quantity, Bar string
	measure       func(*Results) (measured string, holds bool)
}

// Results are all rows, and what was measured beside them.
type Results struct {
	Makers []Maker
	Rows   []Row
	Pace   float64 // microseconds the judge thinks about one metric of a look
}

// A Mark is a target with what was measured.
type Mark struct {
	Target
	Measured string
	Holds    bool
}

// Marks measures every target. One whose families were not played does not hold.
func (r *Results) Marks() []Mark {
	var marks []Mark
	for _, t := range targets {
		measured, holds := t.measure(r)
		marks = append(marks, Mark{t, measured, holds})
	}
	return marks
}

var targets = [...]Target{
	{"false rollbacks of a good release, looked at after every scrape: largest upper limit (Wilson, 95 %) of all good families", "≤ 1 %",
		falseRollbacks},
	{"without traffic: rollbacks and promotions", "0 and 0", noTraffic},
	{"blast radius over the oracle's, rises of at least 3x, share at most 10 %, at least 10 rps: largest, geometric mean", "≤ 2.0, ≤ 1.6",
		func(r *Results) (string, bool) { return r.oracle(func(f *Family) bool { return f.Strict }, 2, 1.6) }},
	{"the same for rises of 2x", "≤ 2.5", func(r *Results) (string, bool) {
		return r.oracle(func(f *Family) bool { return f.steady() && f.small() && math.Abs(f.rise()-2) < 0.01 }, 2.5, 2.5)
	}},
	{"blast radius over ln(1/α)/KL, where that is at least 50 requests, the share at most 10 %, and a look brings at most 50: largest", "≤ 2.5",
		againstBound},
	{"times fewer bad requests than Flagger, Argo and Kayenta, rises to at least 2 % at 10 canary rps: least, median", "≥ 3, ≥ 10",
		rivals},
	{"bad requests at scarce traffic: 0.5 to 20 % at 0.2 rps, with an objective of 99 %", "≤ 25",
		blastOf("0.5 to 20 %, 0.2 rps, canary 50 %", Objective, 25)},
	{"bad requests when 3 % of requests take a second longer, 5 canary rps", "≤ 200", blastOf(tailOnly, Own, 200)},
	{"bad requests when all are 25 % slower, 5 canary rps, judged without tolerance", "≤ 350",
		blastOf(allSlower, Strict, 350)},
	{"found within the hour, at least 1 rps, rises of at least 2x of at least 0.5 %: least", "≥ 99.5 %", detection},
	{"leave to promote a good release, 10 canary rps: largest median of seconds and requests", "≤ 150 s, ≤ 1,500", promotion},
	{"leave to promote on the edge of the harmful set: largest", "≤ 5 %", falsePromotions},
	{"leave to promote when half of the requests hang after 10 min: still there at the end, and seconds until it is taken away (median)",
		"≤ 0.5 %, ≤ 300", withdrawal},
	{"thought of the judge per metric of a look of 20 pods, median", "< 10 µs",
		func(r *Results) (string, bool) { return fmt.Sprintf("%.1f µs", r.Pace), r.Pace < 10 }},
}

const unplayed = "not played"

// each calls visit with every row that wanted accepts, and tells whether there was one.
func (r *Results) each(wanted func(*Family) bool, visit func(*Row)) (any bool) {
	for i := range r.Rows {
		if wanted(&r.Rows[i].Family) {
			visit(&r.Rows[i])
			any = true
		}
	}
	return any
}

func falseRollbacks(r *Results) (string, bool) {
	worst, name := 0.0, ""
	if !r.each(func(f *Family) bool { return f.Good }, func(row *Row) {
		if high := row.By[Own].High; high > worst {
			worst, name = high, row.Family.Name
		}
	}) {
		return unplayed, false
	}
	return fmt.Sprintf("%.2f %% (%s)", 100*worst, name), worst <= 0.01
}

func noTraffic(r *Results) (string, bool) {
	rolled, passed := 0, 0
	if !r.each(func(f *Family) bool { return f.RPS == 0 }, func(row *Row) { rolled, passed = rolled+row.By[Own].Rolled, passed+row.By[Own].Passed }) {
		return unplayed, false
	}
	return fmt.Sprintf("%d and %d", rolled, passed), rolled+passed == 0
}

// oracle compares with the oracle: each family, and their geometric mean.
func (r *Results) oracle(wanted func(*Family) bool, each, mean float64) (string, bool) {
	most, name, logs, n := 0.0, "", 0.0, 0.0
	if !r.each(wanted, func(row *Row) {
		times := row.By[Own].Blast / row.By[Oracle].Blast
		logs, n = logs+math.Log(times), n+1
		if times > most {
			most, name = times, row.Family.Name
		}
	}) {
		return unplayed, false
	}
	geometric := math.Exp(logs / n)
	return fmt.Sprintf("%.2f (%s), %.2f", most, name, geometric), most <= each && geometric <= mean
}

// Bound is the least canary requests any test with errors of 1 % needs on average, ln(1/α)/KL; 0 where rates are not steady.
func (f *Family) Bound() float64 {
	if !f.steady() {
		return 0
	}
	p, q := f.Rates(0)
	return math.Log(100) / (ratio(1, 1, q, p)*q + ratio(1, 0, q, p)*(1-q))
}

func againstBound(r *Results) (string, bool) {
	most, name := 0.0, ""
	if !r.each(func(f *Family) bool { return f.small() && f.Bound() >= 50 && f.RPS*f.Weight(f.Every)/100*f.Every <= 50 }, func(row *Row) {
		if times := row.By[Own].Blast / row.Family.Bound(); times > most {
			most, name = times, row.Family.Name
		}
	}) {
		return unplayed, false
	}
	return fmt.Sprintf("%.2f (%s)", most, name), most <= 2.5
}

func rivals(r *Results) (string, bool) {
	var times []float64
	least, name := math.Inf(1), ""
	r.each(func(f *Family) bool {
		_, canary := f.Rates(1800)
		return f.steady() && f.Strict && canary >= 0.02 && f.RPS*f.Weight(300) == 1000
	}, func(row *Row) {
		for _, rival := range []string{Flagger, Argo, Kayenta} {
			x := row.By[rival].Blast / row.By[Own].Blast
			times = append(times, x)
			if x < least {
				least, name = x, rival+": "+row.Family.Name
			}
		}
	})
	if len(times) == 0 {
		return unplayed, false
	}
	slices.Sort(times)
	median := times[len(times)/2]
	return fmt.Sprintf("%.1f (%s), %.1f", least, name, median), least >= 3 && median >= 10
}

func blastOf(family, policy string, most float64) func(*Results) (string, bool) {
	return func(r *Results) (string, bool) {
		blast := math.NaN()
		r.each(func(f *Family) bool { return f.Name == family }, func(row *Row) { blast = row.By[policy].Blast })
		if math.IsNaN(blast) {
			return unplayed, false
		}
		return fmt.Sprintf("%.0f", blast), blast <= most
	}
}

func detection(r *Results) (string, bool) {
	least, name := math.Inf(1), ""
	if !r.each(func(f *Family) bool {
		stable, _ := f.Rates(0)
		return f.steady() && f.RPS >= 1 && stable >= 0.005 && f.rise() >= 2
	}, func(row *Row) {
		if found := row.By[Own].Found(); found < least {
			least, name = found, row.Family.Name
		}
	}) {
		return unplayed, false
	}
	return fmt.Sprintf("%.1f %% (%s)", 100*least, name), least >= 0.995
}

func promotion(r *Results) (string, bool) {
	at, after := 0.0, 0.0
	if !r.each((*Family).ordinary, func(row *Row) {
		own := row.By[Own]
		if math.IsNaN(own.PassAt) {
			own.PassAt, own.PassAfter = math.Inf(1), math.Inf(1)
		}
		at, after = math.Max(at, own.PassAt), math.Max(after, own.PassAfter)
	}) {
		return unplayed, false
	}
	return fmt.Sprintf("%.0f s, %.0f", at, after), at <= 150 && after <= 1500
}

func withdrawal(r *Results) (measured string, holds bool) {
	measured = unplayed
	r.each(func(f *Family) bool { return f.Name == halfHangs }, func(row *Row) {
		own := row.By[Own]
		left, took := share(own.Leave, own.Releases), own.TookAt-600
		measured, holds = fmt.Sprintf("%.1f %%, %.0f", 100*left, took), left <= 0.005 && took <= 300
	})
	return measured, holds
}

func falsePromotions(r *Results) (string, bool) {
	most, name := 0.0, ""
	if !r.each(func(f *Family) bool { return f.Edge }, func(row *Row) {
		if let := row.By[Own].Let(); let >= most {
			most, name = let, row.Family.Name
		}
	}) {
		return unplayed, false
	}
	return fmt.Sprintf("%.1f %% (%s)", 100*most, name), most <= 0.05
}
