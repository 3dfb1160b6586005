package demo

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"text/tabwriter"
	"time"

	"serin.dev/serin/internal/loadtest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// users remember who answered them, and when the bad version first failed and last answered.
type users struct {
	mu         sync.Mutex
	fault, end time.Time
}

func newUsers() *users { return &users{} }

// named finds the version in an instance's name, as in "shop-v2-1a2b3c4d-0.3".
var named = regexp.MustCompile(`\bv[0-9]+\b`)

// see names the version that answered.
func (u *users) see(answer *http.Response, _ []byte) string {
	version := named.FindString(answer.Header.Get("Serin-Instance"))
	if version == "v3" {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.end = time.Now()
		if u.fault.IsZero() && answer.StatusCode >= 500 {
			u.fault = u.end
		}
	}
	return version
}

// A Summary is what came of the demo.
type Summary struct {
	Good, Bad progress.Release
	Report    loadtest.Report
	Own       int64         // failures the bad version answered itself
	Lost      int64         // all other failures
	Back      time.Duration // from the first failure of the bad version to its last answer; 0: it answered none with 5xx
}

func summarise(r loadtest.Report, u *users, ends []progress.Release) Summary {
	s := Summary{Good: ends[1], Bad: ends[2], Report: r, Own: r.Groups["v3"].ByBackend}
	s.Lost = r.Total.Failures() - s.Own + r.Missed
	if !u.fault.IsZero() {
		s.Back = u.end.Sub(u.fault)
	}
	return s
}

// OK reports whether the demo showed what it promises.
func (s Summary) OK() bool {
	return s.Good.Phase == plan.Succeeded && s.Bad.Phase == plan.Returned && s.Lost == 0
}

// Print writes the summary.
func (s Summary) Print(out io.Writer) {
	fmt.Fprintf(out, "Summary of %d requests in %s (%.0f per second, p50 %s, p99 %s)\n\n", s.Report.Total.Requests, s.Report.Elapsed, s.Report.Rate, s.Report.Total.Latency.P50, s.Report.Total.Latency.P99)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  version\trequests\t5xx\tp99\tended as")
	rows := []struct{ version, end string }{{"v1", "replaced by v2"}, {"v2", ended(s.Good)}, {"v3", ended(s.Bad)}}
	for _, row := range rows {
		g := s.Report.Groups[row.version]
		fmt.Fprintf(t, "  %s\t%d\t%d\t%s\t%s\n", row.version, g.Requests, g.ByBackend, g.Latency.P99, row.end)
	}
	t.Flush()
	fmt.Fprintf(out, "\n  good version  %s\n", verdict(s.Good.Phase == plan.Succeeded, "promoted", s.Good))
	fmt.Fprintf(out, "  bad version   %s\n", verdict(s.Bad.Phase == plan.Returned, "rolled back", s.Bad))
	if s.Bad.Failure != nil {
		fmt.Fprintf(out, "  because       %s\n", s.Bad.Failure.Text)
	}
	if s.Back > 0 {
		fmt.Fprintf(out, "  time          %s from the first failed answer of the bad version until all traffic was back on stable\n", s.Back.Round(10*time.Millisecond))
	}
	fmt.Fprintf(out, "  failures      %d answered by the bad version itself, %d caused by the releases\n", s.Own, s.Lost)
}

func verdict(right bool, word string, r progress.Release) string {
	took := r.Ended.Sub(r.Created).Round(time.Second)
	if right {
		return fmt.Sprintf("%s after %s", word, took)
	}
	return fmt.Sprintf("NOT %s: %s", word, r.Headline)
}

func ended(r progress.Release) string {
	switch r.Phase {
	case plan.Succeeded:
		return "stable"
	case plan.Returned:
		return "rolled back"
	}
	return string(r.Phase)
}
