package loadtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Report tells what came of the requests counted so far.
type Report struct {
	Elapsed  Seconds          `json:"elapsed"` // since the end of the warm-up
	Rate     float64          `json:"rate"`    // requests counted per second
	Total    Tally            `json:"total"`
	Groups   map[string]Tally `json:"groups,omitempty"`   // by Options.Group; what got no answer is in none
	Statuses map[int]int64    `json:"statuses,omitempty"` // answers by HTTP status, the proxy's own included
	Faults   map[string]int64 `json:"faults,omitempty"`   // what the proxy (Serin-Error) or the network said
	Missed   int64            `json:"missed,omitempty"`   // due and never sent, because all workers were busy to the end
	Repeated int64            `json:"repeated,omitempty"` // sent again by the client, on finding an idle connection closed
}

// A Tally counts requests by what came of them. All but Answered are failures.
type Tally struct {
	Requests  int64   `json:"requests"`
	Answered  int64   `json:"answered"`  // with 1xx to 4xx, by a backend
	ByBackend int64   `json:"byBackend"` // 5xx made by a backend
	ByProxy   int64   `json:"byProxy"`   // an answer made by serin's proxy in place of a backend's
	ByNetwork int64   `json:"byNetwork"` // no answer, or half of one
	TimedOut  int64   `json:"timedOut"`  // no answer within Options.Timeout
	Latency   Latency `json:"latency"`   // of all requests, failed ones too
}

// Failures are all requests but the answered ones.
func (t Tally) Failures() int64 { return t.Requests - t.Answered }

// Lost are the failures no backend made: the proxy's and the network's.
func (t Tally) Lost() int64 { return t.ByProxy + t.ByNetwork + t.TimedOut }

// A Latency is a distribution, from when a request was due to the end of its answer.
type Latency struct {
	P50  Seconds `json:"p50"`
	P90  Seconds `json:"p90"`
	P99  Seconds `json:"p99"`
	Max  Seconds `json:"max"`
	Mean Seconds `json:"mean"`
}

// Seconds is a duration that JSON shows as a number of seconds.
type Seconds time.Duration

// MarshalJSON writes the duration in seconds.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return err
	}
	*s = Seconds(seconds * float64(time.Second))
	return nil
}

// String rounds to what a person can use.
func (s Seconds) String() string {
	d := time.Duration(s)
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// String sums the report up, the total first, then a line per group.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests in %s (%.0f/s): %s", r.Total.Requests, r.Elapsed, r.Rate, r.Total)
	if r.Missed > 0 {
		fmt.Fprintf(&b, ", %d never sent", r.Missed)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Groups)) {
		fmt.Fprintf(&b, "\n  %s: %d requests: %s", name, r.Groups[name].Requests, r.Groups[name])
	}
	return b.String()
}

// String sums the tally up.
func (t Tally) String() string {
	return fmt.Sprintf("%d answered, %d failed (backend %d, proxy %d, network %d, timed out %d), p50 %s, p90 %s, p99 %s, max %s",
		t.Answered, t.Failures(), t.ByBackend, t.ByProxy, t.ByNetwork, t.TimedOut,
		t.Latency.P50, t.Latency.P90, t.Latency.P99, t.Latency.Max)
}

// A class says who is to be thanked or blamed.
type class int

const (
	answered class = iota
	byBackend
	byProxy
	byNetwork
	timedOut
)

// An outcome is what came of one request.
type outcome struct {
	start    time.Time
	took     time.Duration
	class    class
	status   int
	fault    string
	group    string
	repeated bool
}

// maxGroups bounds how many groups and faults are told apart; what comes later is counted as "other".
const maxGroups = 64

// A recorder adds outcomes up. One lock is enough: a request costs a hundred times what is done under it.
type recorder struct {
	mu       sync.Mutex
	from     time.Time
	ended    time.Time
	total    sum
	groups   map[string]*sum
	statuses map[int]int64
	faults   map[string]int64
	repeated int64
	missed   int64
}

type sum struct {
	counts  Tally
	latency *hdrhistogram.Histogram // in microseconds
}

func newSum() *sum {
	return &sum{latency: hdrhistogram.New(1, int64(10*time.Minute/time.Microsecond), 3)}
}

func (r *recorder) start(from time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from = from
	r.total = *newSum()
	r.groups, r.statuses, r.faults = map[string]*sum{}, map[int]int64{}, map[string]int64{}
}

func (r *recorder) stop(missed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.missed = time.Now(), missed
}

func (r *recorder) record(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.start.Before(r.from) {
		return
	}
	r.total.add(o)
	if o.status != 0 {
		r.statuses[o.status]++
	}
	if o.fault != "" {
		r.faults[bounded(r.faults, o.fault)]++
	}
	if o.group != "" {
		name := bounded(r.groups, o.group)
		if r.groups[name] == nil {
			r.groups[name] = newSum()
		}
		r.groups[name].add(o)
	}
	if o.repeated {
		r.repeated++
	}
}

func bounded[V any](known map[string]V, name string) string {
	if _, ok := known[name]; !ok && len(known) >= maxGroups {
		return "other"
	}
	return name
}

func (s *sum) add(o outcome) {
	s.counts.Requests++
	switch o.class {
	case answered:
		s.counts.Answered++
	case byBackend:
		s.counts.ByBackend++
	case byProxy:
		s.counts.ByProxy++
	case byNetwork:
		s.counts.ByNetwork++
	case timedOut:
		s.counts.TimedOut++
	}
	s.latency.RecordValue(min(max(o.took.Microseconds(), 1), s.latency.HighestTrackableValue()))
}

func (s *sum) tally() Tally {
	t := s.counts
	at := func(q float64) Seconds {
		return Seconds(time.Duration(s.latency.ValueAtQuantile(q)) * time.Microsecond)
	}
	t.Latency = Latency{
		P50: at(50), P90: at(90), P99: at(99), Max: at(100),
		Mean: Seconds(s.latency.Mean() * float64(time.Microsecond)),
	}
	return t
}

func (r *recorder) report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.from.IsZero() {
		return Report{} // not started
	}
	end := r.ended
	if end.IsZero() {
		end = time.Now()
	}
	elapsed := max(0, end.Sub(r.from))
	report := Report{
		Elapsed: Seconds(elapsed), Total: r.total.tally(), Groups: map[string]Tally{},
		Statuses: maps.Clone(r.statuses), Faults: maps.Clone(r.faults), Missed: r.missed, Repeated: r.repeated,
	}
	if elapsed > 0 {
		report.Rate = float64(report.Total.Requests) / elapsed.Seconds()
	}
	for name, s := range r.groups {
		report.Groups[name] = s.tally()
	}
	return report
}
