package threshold

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

type limits struct{ Config }

// state is what the checks of one release have found.
type state struct {
	Settings Config    `json:"settings"`
	Started  bool      `json:"started"`
	T        float64   `json:"t"`     // of the last look believed
	Check    float64   `json:"check"` // when the open check ends; 0 before the first look
	N        int64     `json:"n"`     // requests and failures of the open check
	X        int64     `json:"x"`
	Bounds   []float64 `json:"bounds,omitempty"`
	Buckets  []float64 `json:"buckets,omitempty"`
	Mixed    bool      `json:"mixed"` // pods of the open check had several sets of bounds
	All      int64     `json:"all"`   // requests of the release
	Bad      int64     `json:"bad"`
	Failed   int       `json:"failed"`
	Passed   int       `json:"passed"`
	Missed   int       `json:"missed"`
	Last     string    `json:"last"` // what the last check found

	Answers []answered `json:"answers,omitempty"` // by index of the metric
}

// New returns the judge of the given limits.
func New(c Config) (judge.Judge, error) {
	if !(c.Interval > 0) || c.Failed < 1 || c.Passed < 1 {
		return nil, fmt.Errorf("build threshold judge: interval %g s, %d failed and %d passed checks must be positive",
			c.Interval, c.Failed, c.Passed)
	}
	return limits{c}, nil
}

func (j limits) Start() judge.State {
	s := &state{Settings: j.Config}
	if len(j.Metrics) > 0 {
		s.Answers = make([]answered, len(j.Metrics))
	}
	return s
}

func (s *state) Checkpoint() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode checks: %w", err)
	}
	return data, nil
}

func (j limits) Restore(checkpoint []byte) (judge.State, error) {
	s := &state{}
	if err := json.Unmarshal(checkpoint, s); err != nil {
		return nil, fmt.Errorf("decode checks: %w", err)
	}
	if !reflect.DeepEqual(s.Settings, j.Config) || len(s.Bounds) != len(s.Buckets) || len(s.Answers) != len(j.Metrics) {
		return nil, fmt.Errorf("decode checks: they were made under other settings")
	}
	return s, nil
}

// Look adds a look to the open check, and closes the check when its interval is over.
func (j limits) Look(given judge.State, l judge.Look) (judge.State, plan.Verdict) {
	s := given.(*state)
	canary, ok := l.Tracks[plan.Canary]
	problem := check(l, s.Started, s.T)
	if problem != "" || !j.Apart && (l.Gap || !ok && l.T > 0) {
		s.Missed++
		if problem == "" {
			problem = "the canary was not scraped"
		}
		if s.Started && l.T <= s.T || math.IsNaN(l.T) {
			return s, j.verdict(s, problem)
		}
	} else {
		s.Missed = 0
	}
	s.Started, s.T = true, l.T
	if l.T <= 0 {
		return s, j.verdict(s, "history teaches fixed limits nothing")
	}
	if s.Check == 0 {
		s.Check = j.Interval * math.Max(1, math.Ceil(l.T/j.Interval))
	}
	if problem == "" && !l.Gap {
		s.add(canary)
	}
	for i, m := range j.Metrics {
		if reading, asked := l.Readings[m.Name]; asked {
			s.Answers[i].take(reading)
		}
	}
	if l.T >= s.Check {
		j.close(s)
		s.Check = j.Interval * (math.Floor(l.T/j.Interval) + 1)
	}
	return s, j.verdict(s, problem)
}

func (s *state) add(c judge.Counts) {
	for _, name := range names(c.Pods) {
		t := c.Pods[name]
		s.N, s.X = s.N+t.Requests, s.X+t.Failures
		s.All, s.Bad = s.All+t.Requests, s.Bad+t.Failures
		if t.Requests == 0 {
			continue
		}
		if s.Buckets == nil {
			s.Bounds, s.Buckets = slices.Clone(t.Bounds), make([]float64, len(t.Bounds))
		}
		if !slices.Equal(s.Bounds, t.Bounds) {
			s.Mixed = true
			continue
		}
		for i, b := range t.Buckets {
			s.Buckets[i] += float64(b)
		}
	}
}

// close judges the open check and opens the next. However much is wrong, it is one failed check.
func (j limits) close(s *state) {
	var texts []string
	bad, known := false, true
	if !j.Apart {
		var text string
		text, bad = j.counted(s)
		texts, known = append(texts, text), s.N > 0
	}
	for i, m := range j.Metrics {
		text, outside, dark := m.weigh(s.Answers[i])
		s.Answers[i].Fresh = false
		if bad {
			continue // the first that is wrong is what the check found
		}
		if bad = outside || dark && !j.Hold; bad {
			texts = nil
		}
		texts, known = append(texts, text), known && !dark
	}
	switch {
	case bad:
		s.Failed++
	case known:
		s.Passed++
	}
	s.Last = strings.Join(texts, "; ")
	s.N, s.X, s.Bounds, s.Buckets, s.Mixed = 0, 0, nil, nil, false
}

// counted judges the requests of the open check.
func (j limits) counted(s *state) (text string, bad bool) {
	if s.N == 0 {
		return "no requests", !j.Hold
	}
	rate := float64(s.X) / float64(s.N)
	bad = rate > j.Failures
	text = fmt.Sprintf("%.3g %% of %d requests failed, limit %.3g %%", 100*rate, s.N, 100*j.Failures)
	if slow, known := j.slow(s); j.Quantile > 0 && !known {
		return text + "; no latency data", bad || !j.Hold
	} else if j.Quantile > 0 {
		bad = bad || slow > j.Latency
		text += fmt.Sprintf("; %g %% took up to %.3g s, limit %g s", 100*j.Quantile, slow, j.Latency)
	}
	return text, bad
}

func (j limits) slow(s *state) (float64, bool) {
	if s.Mixed || len(s.Bounds) == 0 {
		return 0, false
	}
	want, from, below := j.Quantile*float64(s.N), 0.0, 0.0
	for i, b := range s.Buckets {
		if b >= want && b > below {
			return from + (s.Bounds[i]-from)*(want-below)/(b-below), true
		}
		from, below = s.Bounds[i], b
	}
	return s.Bounds[len(s.Bounds)-1], true
}

// verdict answers a look; trouble is what kept it from being used, or "".
func (j limits) verdict(s *state, trouble string) plan.Verdict {
	v := plan.Verdict{Evidence: float64(s.Failed), Limit: float64(j.Failed), Outcome: plan.Hold, Reason: s.Last}
	switch {
	case s.Failed >= j.Failed:
		v.Outcome = plan.Fail
		v.Reason = fmt.Sprintf("%d failed checks, the last: %s", s.Failed, s.Last)
	case s.T <= 0:
		v.Outcome, v.Reason = plan.Insufficient, trouble
	case s.Missed >= 3:
		v.Outcome, v.Reason = plan.Unavailable, fmt.Sprintf("%d looks in a row brought nothing: %s", s.Missed, trouble)
	case j.Apart && !slices.ContainsFunc(s.Answers, func(a answered) bool { return a.N > 0 }):
		v.Outcome, v.Reason = plan.Insufficient, "no metric was measured yet"
		if s.Last != "" {
			v.Reason = s.Last
		}
	case s.All == 0 && !j.Apart:
		v.Outcome, v.Reason = plan.Insufficient, "no request has reached the canary"
	case trouble != "":
		v.Reason = trouble
	case s.Passed >= j.Passed:
		v.Outcome = plan.Pass
		v.Reason = fmt.Sprintf("%d good checks, the last: %s", s.Passed, s.Last)
	case s.Last == "":
		v.Reason = fmt.Sprintf("the first check ends at %g s", s.Check)
	}
	rate := float64(s.Bad) / math.Max(1, float64(s.All))
	if !j.Apart {
		v.Metrics = []plan.Finding{{
			Name: "checks", Unit: "ratio", Evidence: v.Evidence, Effect: rate / math.Max(j.Failures, 1e-9), Low: 0, High: 1e9, Canary: rate,
			N: map[plan.TrackName]int64{plan.Canary: s.All, plan.Stable: 0}, Outcome: v.Outcome,
		}}
	}
	for i, m := range j.Metrics {
		v.Metrics = append(v.Metrics, m.finding(s.Answers[i], v))
	}
	return v
}

func check(l judge.Look, started bool, last float64) string {
	if !(l.T > last) && started || math.IsNaN(l.T) || math.IsInf(l.T, 0) {
		return fmt.Sprintf("its time %g does not come after %g", l.T, last)
	}
	for _, name := range names(l.Tracks[plan.Canary].Pods) {
		t := l.Tracks[plan.Canary].Pods[name]
		ok := t.Failures >= 0 && t.Failures <= t.Requests && t.Requests <= 1<<50 && len(t.Bounds) == len(t.Buckets)
		for i := range t.Buckets {
			ok = ok && t.Buckets[i] >= 0 && t.Buckets[i] <= t.Requests &&
				(i == 0 || t.Buckets[i] >= t.Buckets[i-1] && t.Bounds[i] > t.Bounds[i-1])
		}
		if !ok {
			return fmt.Sprintf("the counts of pod %.64s contradict each other", name)
		}
	}
	return ""
}

func names(pods map[string]judge.Tally) []string {
	all := make([]string, 0, len(pods))
	for name := range pods {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
