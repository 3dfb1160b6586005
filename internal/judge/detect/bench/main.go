// Command bench measures the judges on traffic of known truth and writes the tables (package detect).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"serin.dev/serin/internal/judge/detect"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	good := flag.Int("releases", 2000, "good releases per family, and bad ones on the edge of harm")
	bad := flag.Int("bad", 400, "bad releases per family")
	seed := flag.Uint64("seed", 0, "seed of all traffic; 0: a fresh one")
	only := flag.String("only", "", "regular expression that families must match")
	set := flag.String("set", "all", "families: tuning, validation (not seen when the judge's constants were chosen) or all")
	workers := flag.Int("workers", runtime.NumCPU(), "releases played at a time; results do not depend on it")
	out := flag.String("out", "", "file to write the tables to; standard output when absent")
	check := flag.Bool("check", false, "exit with 1 when a target does not hold")
	flag.Parse()
	debug.SetGCPercent(1000) // looks are small and short-lived: memory is cheaper than collecting it
	families, err := choose(*set, *only)
	if err != nil {
		return err
	}
	if *seed == 0 {
		*seed = rand.Uint64N(1e6)
	}
	makers, err := detect.Makers(detect.Tune(20_000))
	if err != nil {
		return err
	}
	results := &detect.Results{Makers: makers, Pace: pace(makers[0])}
	for _, f := range families {
		releases := *bad
		if f.Good || f.Edge {
			releases = *good
		}
		results.Rows = append(results.Rows, measure(f, makers, releases, *seed, *workers))
	}
	command := fmt.Sprintf("go run ./internal/judge/detect/bench -releases %d -bad %d -seed %d", *good, *bad, *seed)
	if err := write(*out, func(w io.Writer) error { return results.Write(w, command) }); err != nil {
		return err
	}
	return judged(results, *check)
}

func choose(set, only string) ([]detect.Family, error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("read -only: %w", err)
	}
	if set != "all" && set != "tuning" && set != "validation" {
		return nil, fmt.Errorf("read -set: %q is neither tuning nor validation nor all", set)
	}
	var chosen []detect.Family
	for _, f := range detect.Families() {
		if match.MatchString(f.Name) && (set == "all" || f.Unseen == (set == "validation")) {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

// pace is the judge's time per metric and look where it judges two.
func pace(m detect.Maker) float64 {
	for _, f := range detect.Families() {
		if f.Name == "same latency" {
			return detect.Pace(&f, m, 20) / 2
		}
	}
	return 0
}

// measure plays one family, telling on standard error how far it is.
func measure(f detect.Family, makers []detect.Maker, releases int, seed uint64, workers int) detect.Row {
	var done atomic.Int64
	start := time.Now()
	fates := detect.Run(&f, makers, releases, seed, workers, func() {
		if n := done.Add(1); n%50 == 0 || int(n) == releases {
			fmt.Fprintf(os.Stderr, "\r%-60s %5d/%d", f.Name, n, releases)
		}
	})
	row := detect.Row{Family: f, By: map[string]detect.Summary{}}
	for i, m := range makers {
		row.By[m.Name] = detect.Summarise(fates[i])
	}
	s, best := row.By[detect.Own], row.By[detect.Oracle]
	fmt.Fprintf(os.Stderr, "  %5.1fs  rolled %d (to %.2f %%), blast %.0f = %.2f x oracle, passed %d at %.0f s\n",
		time.Since(start).Seconds(), s.Rolled, 100*s.High, s.Blast, s.Blast/best.Blast, s.Passed, s.PassAt)
	return row
}

var errTargets = errors.New("not every target holds")

// judged tells which targets do not hold.
func judged(r *detect.Results, check bool) (err error) {
	for _, m := range r.Marks() {
		if !m.Holds {
			fmt.Fprintf(os.Stderr, "does not hold: %s: %s, want %s\n", m.Quantity, m.Measured, m.Bar)
			err = errTargets
		}
	}
	if !check {
		return nil
	}
	return err
}

func write(path string, print func(io.Writer) error) error {
	if path == "" {
		return print(os.Stdout)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create tables: %w", err)
	}
	if err := print(file); err != nil {
		return errors.Join(fmt.Errorf("write tables: %w", err), file.Close())
	}
	return file.Close()
}
