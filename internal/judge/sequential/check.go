package sequential

import (
	"fmt"
	"math"
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// countMost is the most requests believed of one pod in one look; more is a broken counter.
const countMost = int64(1) << 50

// check says what is wrong with a look, or "". Such a look is treated as a missed scrape: nothing of it is believed,
// because half a look could speak for one arm only.
//
// Bounds that are judged already are good, and need not be looked at again.
func (s *state) check(l judge.Look) string {
	switch {
	case math.IsNaN(l.T) || math.IsInf(l.T, 0):
		return "its time is not a number"
	case s.Started && l.T <= s.T:
		return fmt.Sprintf("its time %g does not come after %g", l.T, s.T)
	case !(l.Weight >= 0 && l.Weight <= 100):
		return fmt.Sprintf("its weight %g is not between 0 and 100", l.Weight)
	}
	for _, track := range [...]plan.TrackName{plan.Stable, plan.Canary} {
		roster := &s.Stable
		if track == plan.Canary {
			roster = &s.Canary
		}
		if problem := roster.check(l.Tracks[track].Pods, s.Slow.Bounds); problem != "" {
			return string(track) + " " + problem
		}
	}
	return ""
}

// check reports the problem of the first pod by name, so that map order cannot be heard.
func (r *roster) check(pods map[string]judge.Tally, judged []float64) (problem string) {
	if r.recall(pods) {
		for i := range r.entries {
			e := &r.entries[i]
			if found := checkTally(&e.tally, judged); found != "" {
				return fmt.Sprintf("pod %.64s: %s", r.Pods[e.pod].Name, found)
			}
		}
		return ""
	}
	first := ""
	for name, tally := range pods {
		if found := checkTally(&tally, judged); found != "" && (problem == "" || name < first) {
			first, problem = name, fmt.Sprintf("pod %.64s: %s", name, found)
		}
	}
	return problem
}

func checkTally(t *judge.Tally, judged []float64) string {
	switch {
	case t.Requests < 0 || t.Failures < 0:
		return "negative counts"
	case t.Requests > countMost:
		return fmt.Sprintf("%d requests are more than can be believed", t.Requests)
	case t.Failures > t.Requests:
		return fmt.Sprintf("%d failures exceed %d requests", t.Failures, t.Requests)
	case t.Restarts < 0 || t.Restarts > countMost:
		return fmt.Sprintf("%d restarts cannot be", t.Restarts)
	case len(t.Bounds) != len(t.Buckets):
		return fmt.Sprintf("%d buckets for %d bounds", len(t.Buckets), len(t.Bounds))
	}
	if !slices.Equal(t.Bounds, judged) && !ascend(t.Bounds) {
		return "bucket bounds do not ascend"
	}
	last := int64(0)
	for i, b := range t.Buckets {
		switch {
		case b < last:
			return fmt.Sprintf("bucket %g holds %d, fewer than the one before", t.Bounds[i], b)
		case b > t.Requests:
			return fmt.Sprintf("bucket %g holds %d of %d requests", t.Bounds[i], b, t.Requests)
		}
		last = b
	}
	if len(t.Strata)+len(t.Gauges)+len(t.Sums) > 0 {
		return checkMore(t)
	}
	return ""
}

func ascend(bounds []float64) bool {
	for i, b := range bounds {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= bounds[i-1] {
			return false
		}
	}
	return true
}

// checkMore reports the first problem by name among what a look may carry beside requests.
func checkMore(t *judge.Tally) (problem string) {
	first := ""
	note := func(name, found string) {
		if problem == "" || name < first {
			first, problem = name, fmt.Sprintf("%.64s: %s", name, found)
		}
	}
	for name, s := range t.Strata {
		if s.Requests < 0 || s.Failures < 0 || s.Failures > s.Requests || s.Requests > countMost {
			note(name, fmt.Sprintf("%d failures of %d requests cannot be", s.Failures, s.Requests))
		}
	}
	for name, g := range t.Gauges {
		if math.IsNaN(g) || math.IsInf(g, 0) {
			note(name, "its level is not a number")
		}
	}
	for name, s := range t.Sums {
		if s.N < 0 || s.N > countMost || math.IsNaN(s.Total) || math.IsInf(s.Total, 0) {
			note(name, fmt.Sprintf("a total of %g over %d cannot be", s.Total, s.N))
		}
	}
	return problem
}

// boundsMost is how many bucket bounds are judged at most; of more, evenly spread ones are taken.
const boundsMost = 32

// common returns the positive bounds that all pods share, ascending; nil when a pod has none.
func common(tracks ...[]entry) []float64 {
	var shared []float64
	first := true
	for _, entries := range tracks {
		for _, e := range entries {
			if e.tally.Requests == 0 && len(e.tally.Bounds) == 0 {
				continue // an idle pod has no say
			}
			if first {
				shared, first = slices.Clone(e.tally.Bounds), false
				continue
			}
			shared = slices.DeleteFunc(shared, func(b float64) bool {
				_, found := slices.BinarySearch(e.tally.Bounds, b)
				return !found
			})
		}
	}
	shared = slices.DeleteFunc(shared, func(b float64) bool { return b <= 0 })
	if len(shared) <= boundsMost {
		return shared
	}
	thin := shared[:0]
	for i := range boundsMost {
		thin = append(thin, shared[i*(len(shared)-1)/(boundsMost-1)])
	}
	return thin
}
