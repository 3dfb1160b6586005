package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/loadtest"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/wiring"
)

// Options say how to show it.
type Options struct {
	App     string  // the podinfo binary
	Fault   string  // what the bad version does: "errors" or "delays"
	Dir     string  // for the file, the record and logs
	Listen  string  // where the application is served
	Rate    float64 // requests per second
	Stay    bool    // keep everything running at the end, until the context ends
	Out     io.Writer
	Live    *cli.Live // shows releases on Out
	Version string
}

const (
	canary = "shop"
	target = "Process/shop"
	within = 3 * time.Minute // for one release; a healthy one takes less than a minute
)

// A show is a demo under way.
type show struct {
	Options
	file   string
	serin  *wiring.Standalone
	client *cli.Client
	load   *loadtest.Test
	users  *users
	ends   []progress.Release
}

// Run shows the demo and returns what came of it. The error says that it could not be shown; how it ended is for the
// summary to say.
func Run(ctx context.Context, o Options) (sum Summary, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return sum, fmt.Errorf("make directory of the demo: %w", err)
	}
	s := &show{Options: o, file: filepath.Join(o.Dir, "shop.yaml"), users: newUsers()}
	stop, err := s.open(ctx)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	s.say("The first version of podinfo starts: two replicas behind serin's proxy.")
	if err := s.watch(ctx, 1); err != nil {
		return sum, err
	}
	address := fmt.Sprintf("http://%s/", s.serin.Addr(target))
	s.say(fmt.Sprintf("It is served at %s; %.0f requests per second arrive from now on.", address, o.Rate))
	report, err := s.underLoad(ctx, address)
	if err != nil {
		return sum, err
	}
	sum = summarise(report, s.users, s.ends)
	s.say("")
	sum.Print(o.Out)
	if o.Stay {
		s.say(fmt.Sprintf("\nIt stays: %s is served, and `serin get %s --socket %s` answers. Interrupt to end.", address, canary, s.socket()))
		<-ctx.Done()
	}
	return sum, nil
}

// open starts serin with the first version in its file.
func (s *show) open(ctx context.Context) (stop func() error, err error) {
	if err := s.write(first); err != nil {
		return nil, err
	}
	logs, err := os.Create(filepath.Join(s.Dir, "serin.log"))
	if err != nil {
		return nil, fmt.Errorf("make log of the demo: %w", err)
	}
	s.serin, err = wiring.NewStandalone(wiring.Options{
		Files: []string{s.file}, Dir: s.Dir, Log: slog.New(slog.NewTextHandler(logs, nil)), Version: s.Version,
	})
	if err != nil {
		return nil, errors.Join(err, logs.Close())
	}
	s.client = cli.NewClient(s.socket())
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.serin.Run(ctx) }()
	return func() error {
		cancel()
		err := <-ended
		drain, done := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer done()
		return errors.Join(err, s.serin.Close(drain), logs.Close())
	}, nil
}

func (s *show) socket() string { return filepath.Join(s.Dir, "serin.sock") }

// underLoad releases the good and the bad version while users send requests.
func (s *show) underLoad(ctx context.Context, address string) (loadtest.Report, error) {
	load, err := loadtest.New(loadtest.Options{URL: address + "version", Rate: s.Rate, Group: s.users.see})
	if err != nil {
		return loadtest.Report{}, err
	}
	s.load = load
	sending, enough := context.WithCancel(ctx)
	defer enough()
	reported := make(chan loadtest.Report, 1)
	go func() { reported <- load.Run(sending) }()

	err = s.releases(ctx)
	enough()
	return <-reported, err
}

func (s *show) releases(ctx context.Context) error {
	if err := s.settle(ctx, 200); err != nil { // so that there is something to compare with
		return err
	}
	s.say("\nA good new version: the file changes, serin sees it.")
	if err := s.write(good); err != nil {
		return err
	}
	if err := s.watch(ctx, 2); err != nil {
		return err
	}
	s.say(fmt.Sprintf("\nA bad new version: the same program with %s.", faults[s.Fault].text))
	bad := faults[s.Fault]
	if err := s.write(bad); err != nil {
		return err
	}
	if err := s.watch(ctx, 3); err != nil {
		return err
	}
	return s.settle(ctx, int64(s.Rate)) // what comes after the rollback counts as well
}

// settle waits until some more requests were answered.
func (s *show) settle(ctx context.Context, more int64) error {
	until := s.load.Snapshot().Total.Requests + more
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for s.load.Snapshot().Total.Requests < until {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

var errOver = errors.New("over")

// watch shows a release until it is over.
func (s *show) watch(ctx context.Context, number int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("release %d was not over within %s", number, within))
	defer cancel()
	name := fmt.Sprintf("%s-%d", canary, number)
	for {
		err := s.client.Watch(ctx, name, func(r progress.Release) error {
			s.Live.Show(r)
			if !r.Phase.Over() {
				return nil
			}
			s.ends = append(s.ends, r)
			return errOver
		})
		switch {
		case errors.Is(err, errOver):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, cli.ErrNotFound): // serin has not seen the changed file yet
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return context.Cause(ctx)
			}
		default:
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// say writes a line of the story below what was shown live.
func (s *show) say(text string) {
	s.Live.Done()
	fmt.Fprintln(s.Out, text)
}

// FreeAddress is a loopback address at which nothing is served now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
