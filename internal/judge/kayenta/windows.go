package kayenta

import (
	"errors"
	"fmt"
	"time"
)

// RunsMost is the largest number of judgements of one analysis.
const RunsMost = 100_000

// A Schedule says over which time an analysis judges. Start and End are zero, durations 0, where they are not given. Only whole
// minutes of Lifetime and Interval count.
type Schedule struct {
	Start          time.Time     // default now
	End            time.Time     // given: the past is judged, without waiting
	Lifetime       time.Duration // where no End is given
	BeginAfter     time.Duration // warm-up
	Interval       time.Duration // between judgements; default, and at most, the whole time
	Lookback       time.Duration // 0: each judgement sees all from the start; else only so much before its end
	BaselineOffset time.Duration // the control is judged so much earlier: the past of the same service
}

// A Timetable is when to judge what.
type Timetable struct {
	Warmup time.Duration // to wait before all else
	Runs   []Run
}

// A Run is one judgement.
type Run struct {
	Wait       time.Duration // since the run before; 0 where the past is judged
	Control    Window
	Experiment Window
}

// A Window is the time a judgement looks at.
type Window struct{ Start, End time.Time }

// Back moves a window into the past.
func (w Window) Back(by time.Duration) Window { return Window{w.Start.Add(-by), w.End.Add(-by)} }

// Windows plans the judgements. What is left of the time after the last whole interval is not judged.
func Windows(s Schedule, now time.Time) (Timetable, error) {
	start, span := s.Start, s.Lifetime
	if start.IsZero() {
		start = now
	}
	past := !s.End.IsZero()
	if past {
		span = s.End.Sub(start)
	}
	switch {
	case s.BeginAfter < 0 || s.Interval < 0 || s.Lookback < 0 || s.BaselineOffset < 0 || s.Lifetime < 0:
		return Timetable{}, errors.New("plan analysis: a time is negative")
	case past && span <= 0:
		return Timetable{}, fmt.Errorf("plan analysis: the end %s is not after the start %s", stamp(s.End), stamp(start))
	case span == 0:
		return Timetable{}, errors.New("plan analysis: either an end time or a lifetime is required")
	}
	span, interval := span.Truncate(time.Minute), s.Interval.Truncate(time.Minute)
	if s.Interval == 0 || interval > span {
		interval = span
	}
	if interval < time.Minute {
		return Timetable{}, errors.New("plan analysis: an interval under one minute")
	}
	if span/interval > RunsMost {
		return Timetable{}, fmt.Errorf("plan analysis: %d judgements; the most is %d", span/interval, RunsMost)
	}
	if !past {
		start = start.Add(s.BeginAfter)
	}
	table := Timetable{Warmup: s.BeginAfter}
	for i := range span / interval {
		w := Window{start, start.Add((i + 1) * interval)}
		if s.Lookback > 0 {
			w.Start = w.End.Add(-s.Lookback)
		}
		r := Run{Control: w.Back(s.BaselineOffset), Experiment: w}
		if !past {
			r.Wait = interval
		}
		table.Runs = append(table.Runs, r)
	}
	return table, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
