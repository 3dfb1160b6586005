package report

import (
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

//go:embed page.html
var pageText string

// A judged is an analysis as the page shows it.
type judged struct {
	progress.Analysis
	Plots []plot
}

// page writes one HTML page that needs nothing but itself.
func (r Record) page(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"clock": clock, "since": r.since, "percent": progress.Percent, "amount": progress.Amount, "number": progress.Number,
		"count": progress.Count, "effect": effect, "num": func(x float64) string { return fmt.Sprintf("%g", math.Round(10*x)/10) },
		"bottom": func() float64 { return plotHeight - bottom }, "width": func() float64 { return plotWidth },
		"height": func() float64 { return plotHeight }, "left": func() float64 { return left }, "right": func(width float64) float64 { return width - right },
		"mood": mood, "standing": r.standing,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the template of the page: %w", err)
	}
	var analyses []judged
	for _, a := range r.Analyses {
		analyses = append(analyses, judged{a, r.plots(a)})
	}
	type happening struct {
		At         time.Time
		What, Text string
		Person     bool
	}
	var story []happening
	for _, e := range r.Events {
		story = append(story, happening{e.At, e.Reason, e.Text, false})
	}
	for _, a := range r.Acts {
		story = append(story, happening{a.At, string(a.Verb), a.Actor + ": " + a.Reason, true})
	}
	err = t.Execute(w, struct {
		Record
		Title, Took string
		Judged      []judged
		Story       []happening
	}{r, r.title(), r.took(), analyses, story})
	if err != nil {
		return fmt.Errorf("report %s: %w", r.Release, err)
	}
	return nil
}

// standing is where a step stands, in words.
func (r Record) standing(s Step) string {
	if s.State == progress.Current && r.Outcome != UnderWay {
		return "back here"
	}
	return string(s.State)
}

// mood is the colour of a verdict or an outcome.
func mood(word any) string {
	switch fmt.Sprint(word) {
	case Promoted.String(), string(plan.Pass), string(progress.Done):
		return "good"
	case RolledBack.String(), string(plan.Fail), string(progress.Failed):
		return "bad"
	case string(progress.Current), string(plan.Hold), UnderWay.String():
		return "open"
	}
	return "quiet"
}
