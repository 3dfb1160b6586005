package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"serin.dev/serin/internal/loadtest"
)

// A load is users who send requests until they have had enough.
type load struct {
	t      *testing.T
	test   *loadtest.Test
	stop   context.CancelFunc
	report chan loadtest.Report
}

// sendTo lets requests arrive at a constant rate, as real ones do, whatever became of earlier ones.
func sendTo(t *testing.T, url string, rate float64, header ...string) *load {
	t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	test, err := loadtest.New(loadtest.Options{URL: url, Rate: rate, Workers: 512, Timeout: 20 * time.Second, Header: h, Group: loadtest.ByHeader("Version")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, test: test, stop: cancel, report: make(chan loadtest.Report, 1)}
	go func() { l.report <- test.Run(ctx) }()
	t.Cleanup(cancel)
	return l
}

// end stops the users and returns what they got.
func (l *load) end() loadtest.Report {
	l.stop()
	return <-l.report
}

// seen is how many answers of a version there were so far.
func (l *load) seen(version string) int64 { return l.test.Snapshot().Groups[version].Requests }

// settle waits for some more requests, so that there is something to compare with.
func (l *load) settle(more int64) {
	l.t.Helper()
	until := l.test.Snapshot().Total.Requests + more
	eventually(l.t, 20*time.Second, "requests are answered", func() bool { return l.test.Snapshot().Total.Requests >= until })
}

// nothingLost ends the load and holds serin to its promise: the only failures are those the bad version itself answered.
func (l *load) nothingLost(bad string) loadtest.Report {
	l.t.Helper()
	r := l.end()
	if lost := r.Total.Failures() - r.Groups[bad].ByBackend; lost != 0 {
		l.t.Errorf("%d requests were lost:\n%s\nfaults %v, by status %v", lost, r, r.Faults, r.Statuses)
	}
	if r.Missed != 0 {
		l.t.Errorf("%d requests were never sent", r.Missed)
	}
	return r
}
