package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A result holds all rounds of one load, by contender.
type result struct {
	load     load
	runs     map[string][]sample
	versions map[string]string
}

// table writes the results as Markdown.
func table(results []result, processors int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d processors shared by load, proxy and backend; medians over rounds, ratios taken round by round\n\n", processors)
	b.WriteString("| answer | connections | proxy | requests/s | p50 | p99 | proxy CPU/request | to HAProxy | to NGINX | errors |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		for _, name := range []string{"haproxy", "nginx", "serin", roleDirect} {
			runs := r.runs[name]
			if len(runs) == 0 {
				continue
			}
			fmt.Fprintf(&b, "| %s | %d | %s %s | %.0f | %s | %s | %s | %s | %s | %d |\n",
				r.load.name, r.load.connections, name, r.versions[name],
				median(runs, func(s sample) float64 { return s.perSecond }),
				micros(median(runs, func(s sample) float64 { return float64(s.p50) })),
				micros(median(runs, func(s sample) float64 { return float64(s.p99) })),
				micros(median(runs, func(s sample) float64 { return float64(s.cpu) })),
				ratio(runs, r.runs["haproxy"]), ratio(runs, r.runs["nginx"]), lost(runs))
		}
	}
	return b.String()
}

func median(runs []sample, of func(sample) float64) float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = of(s)
	}
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

// ratio is the median of the rounds' ratios of throughput.
func ratio(runs, to []sample) string {
	if len(runs) != len(to) {
		return "-"
	}
	ratios := make([]sample, len(runs))
	for i := range runs {
		ratios[i].perSecond = runs[i].perSecond / to[i].perSecond
	}
	return fmt.Sprintf("%.2f", median(ratios, func(s sample) float64 { return s.perSecond }))
}

func micros(nanos float64) string {
	if nanos == 0 {
		return "-"
	}
	return time.Duration(nanos).Round(time.Microsecond / 10).String()
}

func lost(runs []sample) (n int) {
	for _, s := range runs {
		n += s.errors
	}
	return n
}
