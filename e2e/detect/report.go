package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/plan"
)

// budgets are what the judge's defaults allow of either error.
const (
	falseRollback  = 0.01
	falsePromotion = 0.05
)

// A class is the releases of one kind, in order of their first result.
type class struct {
	app, kind string
	results   []result
}

func classes(results []result) (all []class) {
	for _, r := range results {
		i := slices.IndexFunc(all, func(c class) bool { return c.app == r.app && c.kind == r.kind() })
		if i < 0 {
			i, all = len(all), append(all, class{app: r.app, kind: r.kind()})
		}
		all[i].results = append(all[i].results, r)
	}
	slices.SortStableFunc(all, func(a, b class) int {
		switch {
		case a.results[0].good == b.results[0].good:
			return 0
		case a.results[0].good:
			return -1
		}
		return 1
	})
	return all
}

func (c *course) write(results []result, took time.Duration) error {
	if c.out == "" {
		return c.print(os.Stdout, results, took)
	}
	file, err := os.Create(c.out)
	if err != nil {
		return fmt.Errorf("create tables: %w", err)
	}
	defer file.Close()
	if err := c.print(file, results, took); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return file.Close()
}

func (c *course) print(out io.Writer, results []result, took time.Duration) (err error) {
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format, args...)
		}
	}
	wrong, good, let, bad := errorsOf(results)
	say(preface, c.seed, took.Round(time.Second), runtime.NumCPU(), crowd(), good, bad, len(characters), c.rate)
	for _, k := range classes(results) {
		s := k.sum()
		say("| %s | %s | %d | %d | %d | %d | %.0f | %.0f | %d | %.1f |\n", k.app, k.kind, len(k.results),
			s.promoted, s.returned, len(k.results)-s.promoted-s.returned, s.seconds, s.requests, s.most, s.failures)
	}
	_, high := detect.Wilson(wrong, good)
	_, highest := detect.Wilson(let, bad)
	say("\n| figure | budget | measured (95 %% Wilson, upper) |\n|---|---|---|\n")
	say("| good versions rolled back | %.0f %% | %d of %d (%.1f %%) |\n", 100*falseRollback, wrong, good, 100*high)
	say("| bad versions promoted | %.0f %% | %d of %d (%.1f %%) |\n", 100*falsePromotion, let, bad, 100*highest)
	for _, r := range results {
		if r.good && r.returned() {
			say("\nA good version of \"%s\" was rolled back: %s\n", r.app, r.why)
		}
	}
	return err
}

const preface = `# Detection on real processes

Made by ` + "`make bench-detect-real`" + ` (order of releases from seed %d) in %s, on %d processors that also carried podinfo, the clients and
other work%s.

%d good and %d bad versions of podinfo are released by one ` + "`serin run`" + `, %d applications at the same time, with %.0f requests a second
in all on loopback. Steps are 10 %% for 6 s, 30 %% for 4 s and 50 %% for 2 s and until the judge gives leave; looks are taken each
half second, from the embedded proxy or by scraping the instances; the judge is that of an empty settings file. A bad version
differs by podinfo's own flags. Requests and failures are those the new version answered, counted by the clients. Latency is judged
less strictly while pods are younger than half a minute, so slow versions live longer than failing ones.

| application | version | releases | promoted | rolled back | undecided | seconds, median | requests to the new version, mean | most | failures it answered, mean |
|---|---|---|---|---|---|---|---|---|---|
`

// crowd tells how many programs waited for the processors, of the last quarter of an hour: latency is judged among them.
func crowd() string {
	data, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(data)); err == nil && len(fields) > 2 {
		return " (load average " + fields[2] + ")"
	}
	return ""
}

type summed struct {
	promoted, returned          int
	seconds, requests, failures float64
	most                        int64
}

func (c class) sum() (s summed) {
	var seconds []float64
	n := float64(len(c.results))
	for _, r := range c.results {
		switch {
		case r.phase == plan.Succeeded:
			s.promoted++
		case r.returned():
			s.returned++
		}
		seconds = append(seconds, r.took.Seconds())
		s.requests += float64(r.answers.Requests) / n
		s.failures += float64(r.answers.ByBackend) / n
		s.most = max(s.most, r.answers.Requests)
	}
	slices.Sort(seconds)
	s.seconds = seconds[len(seconds)/2]
	return s
}

// returned leaves out what was aborted for want of a decision.
func (r result) returned() bool { return r.phase == plan.Returned && r.took < within }

func count(results []result, what func(result) bool) (n int) {
	for _, r := range results {
		if what(r) {
			n++
		}
	}
	return n
}

func errorsOf(results []result) (wrong, good, let, bad int) {
	good = count(results, func(r result) bool { return r.good })
	return count(results, func(r result) bool { return r.good && r.returned() }), good,
		count(results, func(r result) bool { return !r.good && r.phase == plan.Succeeded }), len(results) - good
}

// verdict is an error where either error is more frequent than its budget allows by chance: were it at its budget, as many or more would
// be seen in less than one run in a hundred.
func verdict(results []result) error {
	wrong, good, let, bad := errorsOf(results)
	if tail(wrong, good, falseRollback) < 0.01 || tail(let, bad, falsePromotion) < 0.01 {
		return fmt.Errorf("%d of %d good versions were rolled back, %d of %d bad ones promoted", wrong, good, let, bad)
	}
	return nil
}

// tail is the chance of k or more of n at a rate.
func tail(k, n int, p float64) float64 {
	below, at := 0.0, math.Pow(1-p, float64(n))
	for i := range k {
		below += at
		at *= p / (1 - p) * float64(n-i) / float64(i+1)
	}
	return 1 - below
}
