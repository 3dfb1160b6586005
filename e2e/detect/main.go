package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"serin.dev/serin/internal/cli"
)

// A course is what the command line asks for.
type course struct {
	serin, podinfo string
	releases       int     // of either kind
	rate           float64 // requests per second, of all applications together
	seed           uint64
	limit          time.Duration
	out            string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "detect: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var c course
	flag.StringVar(&c.serin, "serin", "bin/serin", "the program to be measured")
	flag.StringVar(&c.podinfo, "app", "bin/podinfo", "the podinfo binary")
	flag.IntVar(&c.releases, "releases", 50, "good releases, and as many bad ones")
	flag.Float64Var(&c.rate, "rate", 500, "requests per second, of all applications together")
	flag.Uint64Var(&c.seed, "seed", 0, "of the order of releases; 0: a fresh one")
	flag.DurationVar(&c.limit, "limit", 16*time.Minute, "after which no further release begins")
	flag.StringVar(&c.out, "out", "", "file to write the tables to; standard output when absent")
	flag.Parse()
	if c.seed == 0 {
		c.seed = rand.Uint64N(1e6)
	}
	most := c.limit + within + 30*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("the releases were not over within %s", most))
	defer cancel()
	results, took, err := c.play(ctx)
	if err != nil {
		return err
	}
	if err := c.write(results, took); err != nil {
		return err
	}
	return verdict(results)
}

// play releases everything, all applications at the same time.
func (c *course) play(ctx context.Context) (results []result, took time.Duration, err error) {
	dir, err := os.MkdirTemp("", "serin-detect-") // short: a socket's path may have 107 bytes
	if err != nil {
		return nil, 0, fmt.Errorf("make a directory: %w", err)
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir) // after an error the logs are of use
		}
	}()
	podinfo, err := filepath.Abs(c.podinfo)
	if err != nil {
		return nil, 0, fmt.Errorf("find %s: %w", c.podinfo, err)
	}
	apps, files := make([]*app, len(characters)), []string(nil)
	for i := range apps {
		if apps[i], err = newApp(i, dir, podinfo); err != nil {
			return nil, 0, err
		}
		files = append(files, apps[i].file)
	}
	serin, err := launch(c.serin, filepath.Join(dir, "state"), files, filepath.Join(dir, "serin.log"))
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, serin.stop()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { <-serin.ended; cancel(fmt.Errorf("serin ended; its log is %s", serin.log.Name())) }()

	began := time.Now()
	decks := deal(c.releases, len(apps), rand.New(rand.NewPCG(c.seed, 0)))
	played := make([][]result, len(apps))
	var all sync.WaitGroup
	for i, a := range apps {
		a.client = cli.NewClient(filepath.Join(dir, "state", "serin.sock"))
		all.Go(func() {
			var err error
			if played[i], err = a.play(ctx, decks[i], c.rate/float64(len(apps)), began.Add(c.limit)); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	for _, of := range played {
		results = append(results, of...)
	}
	return results, time.Since(began), nil
}

// deal shuffles good and bad releases and hands them out.
func deal(each, hands int, dice *rand.Rand) [][]bool {
	cards, decks := make([]bool, 2*each), make([][]bool, hands)
	for i := range each {
		cards[i] = true // good
	}
	dice.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
	for i, good := range cards {
		decks[i%hands] = append(decks[i%hands], good)
	}
	return decks
}
