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
	"slices"
	"time"

	"serin.dev/serin/internal/judge/detect"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A session is what the command line asks for.
type session struct {
	good, bad int
	seed      uint64
	workers   int
	within    time.Duration
	makers    []detect.Maker
}

func run() error {
	var s session
	flag.IntVar(&s.good, "releases", 2000, "good releases per family, and bad ones on the edge of harm, of which others than serin play so many as of other bad ones")
	flag.IntVar(&s.bad, "bad", 400, "other bad releases per family; twice as many where there is a bound to compare with")
	flag.Uint64Var(&s.seed, "seed", 0, "seed of all traffic; 0: a fresh one")
	flag.IntVar(&s.workers, "workers", runtime.NumCPU(), "releases played at a time; results do not depend on it")
	flag.DurationVar(&s.within, "within", time.Hour, "time after which no further round of releases is begun; the tables say how many there were")
	only := flag.String("only", "", "regular expression that families must match")
	set := flag.String("set", "all", "families: tuning, validation (not seen when the judge's constants were chosen) or all")
	out := flag.String("out", "", "file to write the tables to; standard output when absent")
	check := flag.Bool("check", false, "exit with 1 when a target does not hold")
	flag.Parse()
	debug.SetGCPercent(1000) // looks are small and short-lived: memory is cheaper than collecting it
	families, err := choose(*set, *only)
	if err != nil {
		return err
	}
	if s.seed == 0 {
		s.seed = rand.Uint64N(1e6)
	}
	if s.makers, err = detect.Makers(detect.Tune(20_000)); err != nil {
		return err
	}
	results := &detect.Results{Makers: s.makers, Pace: pace(s.makers[0]), Rows: s.measure(families)}
	command := fmt.Sprintf("go run ./internal/judge/detect/bench -releases %d -bad %d -seed %d", s.good, s.bad, s.seed)
	if err := write(*out, func(w io.Writer) error { return results.Write(w, command) }); err != nil {
		return err
	}
	return judged(results, *check)
}

// round is how many releases of a family are played before the next family has its turn.
const round = 50

// measure plays the families round by round, and notes how many releases there were when time is up.
func (s *session) measure(families []detect.Family) []detect.Row {
	start, fates := time.Now(), make([][][]detect.Fate, len(families))
	for from := 0; from < max(s.good, s.bad); from += round {
		if time.Since(start) > s.within {
			s.good, s.bad = min(s.good, from), min(s.bad, from)
			break
		}
		for i := range families {
			f := &families[i]
			fates[i] = join(fates[i], detect.Run(f, s.playing(f, from), s.seed, from, max(from, min(from+round, s.releases(f))), s.workers))
			fmt.Fprintf(os.Stderr, "\r%5.0f s  %-60s %5d", time.Since(start).Seconds(), f.Name, len(fates[i][0]))
		}
	}
	fmt.Fprintln(os.Stderr)
	rows := make([]detect.Row, len(families))
	for i, f := range families {
		rows[i] = detect.Row{Family: f, By: map[string]detect.Summary{}}
		for k, m := range s.makers {
			rows[i].By[m.Name] = detect.Summarise(fates[i][k])
		}
		tell(rows[i])
	}
	return rows
}

func (s *session) releases(f *detect.Family) int {
	switch {
	case f.Good || f.Edge:
		return s.good
	case f.Bound() > 0:
		return min(s.good, often*s.bad)
	}
	return s.bad
}

// playing are the policies that play the releases of a round. Leave to promote what is on the edge of harm is given by serin alone:
// the others need no more of these releases than of other bad ones.
func (s *session) playing(f *detect.Family, from int) []detect.Maker {
	if !f.Edge || from < s.bad {
		return s.makers
	}
	makers := slices.Clone(s.makers)
	for i := range makers {
		if makers[i].Name != detect.Own {
			makers[i].Plays = func(*detect.Family) bool { return false }
		}
	}
	return makers
}

// often is how many times as many bad releases are played of the families whose mean is held against a bound: their targets are
// near, and such releases are short.
const often = 2

func join(all, more [][]detect.Fate) [][]detect.Fate {
	if all == nil {
		return more
	}
	for i := range all {
		all[i] = append(all[i], more[i]...)
	}
	return all
}

func tell(row detect.Row) {
	own, best := row.By[detect.Own], row.By[detect.Oracle]
	fmt.Fprintf(os.Stderr, "%-60s rolled %d (to %.2f %%), blast %.0f = %.2f x oracle, passed %d at %.0f s\n",
		row.Family.Name, own.Rolled, 100*own.High, own.Blast, own.Blast/best.Blast, own.Passed, own.PassAt)
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
