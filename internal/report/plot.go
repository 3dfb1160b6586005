package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// A plot is what the page's template draws.
type plot struct {
	Title, Note string
	Width       float64
	Alt         string // the same in words
	X, Y        []tick
	Marks       []markAt // steps, and the decision
	Shapes      []shape  // in the order in which they are drawn
	Level       *tick    // a limit across the plot
	Bars        []bar
	Legend      []legend
}

type (
	shape  struct{ Class, Path string }
	markAt struct {
		At          float64
		Class, Text string
		Below       bool // its text, so that neighbours do not overlap
	}
	bar struct {
		Class, Tip          string
		X, Y, Width, Height float64
	}
	legend struct{ Class, Text string }
)

// plots are those of one analysis.
func (r Record) plots(a progress.Analysis) []plot {
	if a.Trail == nil || len(a.Trail.Points) < 2 {
		return nil
	}
	t := *a.Trail
	all := []plot{r.evidence(a, t), r.traffic(t)}
	for i, name := range t.Metrics {
		if p, ok := r.effect(a, t, i, name); ok {
			all = append(all, p)
		}
	}
	if p, ok := latencies(t); ok {
		all = append(all, p)
	}
	for i := range all {
		all[i].Width = math.Max(all[i].Width, plotWidth)
	}
	return all
}

// ends are the first and last second of the plots of a trail.
func ends(t plan.Trail, width float64) scale {
	return across(math.Min(0, t.Points[0].T), t.Points[len(t.Points)-1].T, width)
}

// marks are the steps on the way, and the end of it.
func (r Record) marks(t plan.Trail, s scale) (all []markAt) {
	last := -math.MaxFloat64
	add := func(seconds float64, class, text string) {
		if seconds < s.low || seconds > s.high {
			return
		}
		at := s.at(seconds)
		all = append(all, markAt{At: at, Class: class, Text: text, Below: at-last < 48})
		last = at
	}
	for _, step := range r.Steps {
		if step.Index > 0 && !step.Reached.IsZero() {
			add(step.Reached.Sub(t.Began).Seconds(), "step", step.Name)
		}
	}
	for _, e := range r.Events {
		if e.Reason == "RollingBack" {
			add(math.Min(e.At.Sub(t.Began).Seconds(), s.high), "decided", "rolls back")
		}
	}
	return all
}

// traffic is requests per second on both tracks, one on top of the other.
func (r Record) traffic(t plan.Trail) plot {
	x := ends(t, plotWidth)
	type rate struct{ from, to, stable, canary float64 }
	var rates []rate
	most := 0.0
	for i := 1; i < len(t.Points); i++ {
		a, b := t.Points[i-1], t.Points[i]
		if span := b.T - a.T; span > 0 {
			one := rate{a.T, b.T, math.Max(0, float64(b.Stable-a.Stable)) / span, math.Max(0, float64(b.Canary-a.Canary)) / span}
			most = math.Max(most, one.stable+one.canary)
			rates = append(rates, one)
		}
	}
	y := up(math.Max(most*1.1, 0.1))
	var upper, lower strings.Builder
	for _, one := range rates {
		for _, at := range []float64{one.from, one.to} {
			fmt.Fprintf(&upper, "L%s", place(x.at(at), y.at(one.stable+one.canary)))
			fmt.Fprintf(&lower, "L%s", place(x.at(at), y.at(one.canary)))
		}
	}
	ground := func(path string) string {
		return "M" + place(x.at(rates[0].from), y.at(0)) + path + "L" + place(x.at(rates[len(rates)-1].to), y.at(0)) + "Z"
	}
	p := plot{
		Title: "Traffic", Note: "requests per second", X: times(x), Y: parts(y, ""), Marks: r.marks(t, x),
		Legend: []legend{{"stable", "stable"}, {"canary", "canary"}},
	}
	if len(rates) > 0 {
		p.Shapes = []shape{{"area stable", ground(upper.String())}, {"area canary", ground(lower.String())}}
	}
	end := t.Points[len(t.Points)-1]
	p.Alt = fmt.Sprintf("In the end stable had answered %d requests and the canary %d.", end.Stable, end.Canary)
	return p
}

// evidence is what spoke against the canary, against what rolls back.
func (r Record) evidence(a progress.Analysis, t plan.Trail) plot {
	x, most, least := ends(t, wideWidth), a.Limit*4, 0.1
	for _, one := range t.Points {
		most = math.Max(most, math.Min(one.Evidence*2, 1e6))
		if one.Evidence > 0 {
			least = math.Min(least, one.Evidence)
		}
	}
	y := ratios(math.Max(least*0.8, 1e-3), math.Max(most, 1))
	var line strings.Builder
	for i, one := range t.Points {
		line.WriteString(map[bool]string{true: "M", false: "L"}[i == 0] + place(x.at(one.T), y.at(one.Evidence)))
	}
	p := plot{
		Title: "Evidence against the canary", Width: wideWidth,
		Note: "how many times what was counted speaks for a release worse than tolerated, over one within its tolerances",
		X:    times(x), Y: powers(y, ""), Marks: r.marks(t, x), Shapes: []shape{{"line canary", line.String()}},
		Alt: fmt.Sprintf("It came to %s of %s.", progress.Number(t.Points[len(t.Points)-1].Evidence), progress.Number(a.Limit)),
	}
	if a.Limit > 0 {
		p.Level = &tick{y.at(a.Limit), "rolls back at " + progress.Number(a.Limit)}
	}
	return p
}

// effect is a metric of the canary over stable, with what cannot be excluded at any time.
func (r Record) effect(a progress.Analysis, t plan.Trail, i int, name string) (plot, bool) {
	x, low, high := ends(t, plotWidth), 0.5, 2.0
	var known []plan.Point
	for _, one := range t.Points {
		if i < len(one.Effects) && one.Effects[i].Value > 0 {
			known = append(known, one)
			low, high = math.Min(low, one.Effects[i].Value), math.Max(high, one.Effects[i].Value)
		}
	}
	if len(known) < 2 {
		return plot{}, false
	}
	end := known[len(known)-1].Effects[i]
	low, high = math.Min(low, end.Low), math.Max(high, end.High)
	y := ratios(math.Max(0.02, low*0.8), math.Min(100, high*1.25))
	var line, lower strings.Builder
	upper := ""
	for n, one := range known {
		e, at := one.Effects[i], x.at(one.T)
		line.WriteString(map[bool]string{true: "M", false: "L"}[n == 0] + place(at, y.at(e.Value)))
		lower.WriteString(map[bool]string{true: "M", false: "L"}[n == 0] + place(at, y.at(e.Low)))
		upper = "L" + place(at, y.at(e.High)) + upper
	}
	p := plot{
		Title: strings.ToUpper(name[:1]) + name[1:] + ", canary over stable", Note: "with what cannot be excluded at any time (95 %)",
		X: times(x), Y: powers(y, "×"), Marks: r.marks(t, x),
		Shapes: []shape{{"band canary", lower.String() + upper + "Z"}, {"line even", "M" + place(left, y.at(1)) + "L" + place(plotWidth-right, y.at(1))}, {"line canary", line.String()}},
		Alt:    fmt.Sprintf("In the end %s times stable, between %s and %s.", progress.Number(end.Value), progress.Number(end.Low), progress.Number(end.High)),
	}
	for _, m := range a.Metrics {
		if m.Name == name && m.Limit > 0 {
			p.Level = &tick{y.at(m.Limit), "tolerated " + progress.Number(m.Limit) + "×"}
		}
	}
	return p, true
}

// latencies are the shares of requests by how long they took.
func latencies(t plan.Trail) (plot, bool) {
	stable, canary := t.Latency[plan.Stable], t.Latency[plan.Canary]
	if stable.Requests == 0 || canary.Requests == 0 || len(stable.Bounds) != len(canary.Bounds) {
		return plot{}, false
	}
	most, first, last := 0.0, len(stable.Bounds), 0
	shares := func(of plan.Timing) []float64 {
		all, before := make([]float64, len(of.Bounds)+1), int64(0)
		for i := range all {
			upTo := of.Requests
			if i < len(of.Buckets) {
				upTo = of.Buckets[i]
			}
			all[i] = 100 * math.Max(0, float64(upTo-before)) / float64(of.Requests)
			before = max(before, upTo)
			if most = math.Max(most, all[i]); all[i] >= 0.01 {
				first, last = min(first, i), max(last, i)
			}
		}
		return all
	}
	ofStable, ofCanary := shares(stable), shares(canary)
	y := up(math.Max(most*1.15, 1))
	p := plot{
		Title: "Latency", Note: "per cent of the requests of each track, by how long they took", Y: parts(y, "%"),
		Legend: []legend{{"stable", "stable"}, {"canary", "canary"}},
		Alt:    fmt.Sprintf("Of %d requests on stable and %d on the canary.", stable.Requests, canary.Requests),
	}
	wide := (plotWidth - left - right) / float64(last-first+1)
	for i := first; i <= last; i++ {
		word := "longer"
		if i < len(stable.Bounds) {
			word = "≤ " + progress.Amount(stable.Bounds[i], "seconds")
		}
		at := left + wide*float64(i-first)
		p.X = append(p.X, tick{math.Round(10*(at+wide/2)) / 10, word})
		for k, one := range []struct {
			class string
			share float64
		}{{"stable", ofStable[i]}, {"canary", ofCanary[i]}} {
			height := y.at(0) - y.at(one.share)
			p.Bars = append(p.Bars, bar{
				Class: one.class, X: at + wide*(0.12+0.39*float64(k)), Y: y.at(one.share), Width: wide * 0.37, Height: height,
				Tip: one.class + " " + word + ": " + strconv.FormatFloat(one.share, 'f', 2, 64) + "%",
			})
		}
	}
	return p, true
}
