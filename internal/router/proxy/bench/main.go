package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// The program is its own backend and its own proxy: started again with one of these words as first argument.
const (
	roleBackend = "backend"
	roleProxy   = "proxy"
	roleDirect  = "direct" // no proxy at all, to know what load and backend can do
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == roleBackend {
		return serveBackend(args[1])
	}
	if len(args) == 3 && args[0] == roleProxy {
		return serveProxy(args[1], args[2])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	out := flags.String("out", "", "file for the table; default: standard output alone")
	rounds := flags.Int("rounds", 5, "rounds per case")
	each := flags.Duration("each", 3*time.Second, "time per proxy and round")
	only := flags.String("only", "", "measure this proxy alone (serin, haproxy, nginx, direct)")
	profile := flags.String("profile", "", "file for a processor profile of serin")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bench, err := newBench(*each, *profile)
	if err != nil {
		return err
	}
	defer bench.close()
	go bench.closeOn(os.Interrupt, syscall.SIGTERM)
	if err := bench.start(*only); err != nil {
		return err
	}
	results, err := bench.measure(cases(), *rounds)
	if err != nil {
		return err
	}
	text := table(results, runtime.NumCPU())
	fmt.Print(text)
	if *out == "" {
		return nil
	}
	return os.WriteFile(*out, []byte(text), 0o644)
}

// closeOn ends what was started when the program is told to end.
func (b *bench) closeOn(signals ...os.Signal) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, signals...)
	<-told
	b.close()
	os.Exit(130)
}
