// Command bench measures the judges on traffic of known truth and writes the tables (package detect).
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
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
	good := flag.Int("releases", 2000, "good releases per family")
	bad := flag.Int("bad", 400, "bad releases per family")
	seed := flag.Uint64("seed", 1, "seed of all traffic")
	only := flag.String("only", "", "regular expression that families must match")
	workers := flag.Int("workers", runtime.NumCPU(), "releases played at a time; results do not depend on it")
	out := flag.String("out", "", "file to write the tables to; standard output when absent")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("read -only: %w", err)
	}
	makers, err := detect.Makers()
	if err != nil {
		return err
	}
	var rows []detect.Row
	for _, f := range append(detect.Good(), detect.Bad()...) {
		if !match.MatchString(f.Name) {
			continue
		}
		releases := *bad
		if f.Good {
			releases = *good
		}
		rows = append(rows, measure(f, makers, releases, *seed, *workers))
	}
	command := fmt.Sprintf("go run ./internal/judge/detect/bench -releases %d -bad %d -seed %d", *good, *bad, *seed)
	return write(*out, func(w io.Writer) error { return detect.Write(w, makers, rows, command) })
}

// measure plays one family, telling on standard error how far it is.
func measure(f detect.Family, makers []detect.Maker, releases int, seed uint64, workers int) detect.Row {
	var done atomic.Int64
	start := time.Now()
	fates := detect.Run(&f, makers, releases, seed, workers, func() {
		if n := done.Add(1); n%50 == 0 || int(n) == releases {
			fmt.Fprintf(os.Stderr, "\r%-45s %5d/%d", f.Name, n, releases)
		}
	})
	row := detect.Row{Family: f}
	for _, of := range fates {
		row.Summaries = append(row.Summaries, detect.Summarise(of))
	}
	s, last := row.Summaries[0], row.Summaries[len(makers)-1]
	fmt.Fprintf(os.Stderr, "  %5.1fs  rolled %d (to %.2f %%), blast %.0f = %.2f x oracle, passed %d at %.0f s\n",
		time.Since(start).Seconds(), s.Rolled, 100*s.High, s.Blast, s.Blast/last.Blast, s.Passed, s.PassAt)
	return row
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
		file.Close()
		return fmt.Errorf("write tables: %w", err)
	}
	return file.Close()
}
