package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases/disk"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/standalone"
	"serin.dev/serin/internal/workload"
)

// Options are what the stand-alone program is told.
type Options struct {
	Files   []string
	Dir     string // of state, logs and the socket; default ".serin"
	Socket  string // default "serin.sock" in Dir
	Log     *slog.Logger
	Version string
	Looked  func(reconcile.Looking) // told of every look; nil: nobody keeps them
}

// A Standalone is the stand-alone program, ready to run.
type Standalone struct {
	Runner *standalone.Runner
	Notes  compile.Notes // warnings about the files

	store     *disk.Store
	socket    net.Listener
	routers   map[string]router.Router
	workloads map[string]workload.Workload
	log       *slog.Logger
}

// A closer ends what a back end has running.
type closer interface{ Close(context.Context) error }

// NewStandalone builds the program. Nothing runs yet; files that cannot be used are an error with their notes.
func NewStandalone(o Options) (*Standalone, error) {
	if o.Socket == "" {
		o.Socket = filepath.Join(o.Dir, "serin.sock")
	}
	store, err := disk.Open(filepath.Join(o.Dir, "state.db"))
	if err != nil {
		return nil, err
	}
	s := &Standalone{store: store, log: o.Log, routers: map[string]router.Router{}, workloads: map[string]workload.Workload{}}
	if err := s.build(o); err != nil {
		return s, errors.Join(err, s.leave())
	}
	return s, nil
}

func (s *Standalone) build(o Options) error {
	means := reconcile.Means{
		Store: s.store, Routers: s.routers, Workloads: s.workloads,
		Metrics: map[string]metric.Store{}, Judge: catalog.Judge, Notifiers: map[string]notify.Notifier{},
		Now: steady(time.Now()), Log: o.Log, Looked: o.Looked,
	}
	if err := s.open(o, &means); err != nil {
		return err
	}
	known := catalog.Known()
	s.Runner = standalone.New(standalone.Means{
		Files: o.Files, Log: o.Log, Store: s.store, Loop: reconcile.New(means), Version: o.Version, Changed: s.changed,
		Read:      func(files []string) ([]compile.Draft, compile.Notes) { return onMachine(ReadFiles(files)) },
		Abilities: func(d compile.Draft) (compile.Abilities, error) { return known.Abilities(d), nil },
	})
	var err error
	if s.Notes, err = s.Runner.Begin(); err != nil {
		return err
	}
	s.socket, err = standalone.Listen(o.Socket)
	return err
}

// steady is a clock that starts at the wall's time and then only goes forward, second by second, whatever happens to the
// wall's clock. It carries no monotonic reading, because positions outlive the process.
func steady(began time.Time) func() time.Time {
	return func() time.Time { return began.Add(time.Since(began)).Round(0) }
}

// open makes every back end of the catalog.
func (s *Standalone) open(o Options, m *reconcile.Means) error {
	var err error
	if m.Keeper, err = catalog.Keeper.New(); err != nil {
		return fmt.Errorf("open keeper %s: %w", catalog.Keeper.Name, err)
	}
	for _, d := range catalog.Routers {
		if d.Cluster {
			continue
		}
		r, err := d.New(router.Env{Log: o.Log})
		if err != nil {
			return fmt.Errorf("open router %s: %w", d.Name, err)
		}
		s.routers[d.Name] = r
	}
	for _, d := range catalog.Workloads {
		if d.Cluster {
			continue
		}
		w, err := d.New(workload.Env{Log: o.Log, Dir: filepath.Join(o.Dir, "workload", d.Kind)})
		if err != nil {
			return fmt.Errorf("open workload %s: %w", d.Kind, err)
		}
		s.workloads[d.Kind] = w
	}
	for _, d := range catalog.Metrics {
		store, err := d.New(metric.Env{Log: o.Log, Counted: s.counted})
		if err != nil {
			return fmt.Errorf("open metric store %s: %w", d.Name, err)
		}
		m.Metrics[d.Name] = store
	}
	for _, d := range catalog.Notifiers {
		n, err := d.New(notify.Env{Log: o.Log})
		if err != nil {
			return fmt.Errorf("open notifier %s: %w", d.Name, err)
		}
		m.Notifiers[d.Name] = n
	}
	return nil
}

// counted asks the routers that count what they saw of a target.
func (s *Standalone) counted(target string) map[string]metric.Counters {
	for _, r := range s.routers {
		if c, ok := r.(interface {
			Counted(string) map[string]metric.Counters
		}); ok {
			return c.Counted(target)
		}
	}
	return nil
}

func (s *Standalone) changed(target string) <-chan struct{} {
	for _, d := range catalog.Workloads {
		if kind := d.Kind + "/"; len(target) > len(kind) && target[:len(kind)] == kind {
			return s.workloads[d.Kind].Changed(target)
		}
	}
	return nil
}

// Addr returns the address at which a target is served; nil before it is.
func (s *Standalone) Addr(target string) net.Addr {
	for _, r := range s.routers {
		if a, ok := r.(interface{ Addr(string) net.Addr }); ok {
			return a.Addr(target)
		}
	}
	return nil
}

// Run releases until the context ends.
func (s *Standalone) Run(ctx context.Context) error { return s.Runner.Run(ctx, s.socket) }

// leave lets go of everything before anything was done. What an earlier serin left running stays for the next one: a typing
// error in a file is no reason to stop it.
func (s *Standalone) leave() error {
	var errs []error
	for kind, w := range s.workloads {
		if l, ok := w.(interface{ Leave() error }); ok {
			errs = append(errs, l.Leave())
			delete(s.workloads, kind)
		}
	}
	return errors.Join(append(errs, s.Close(context.Background()))...)
}

// Close drains: the routers answer what is under way, then the workloads stop, then the record is closed.
func (s *Standalone) Close(ctx context.Context) error {
	var errs []error
	for _, r := range s.routers {
		if c, ok := r.(closer); ok {
			errs = append(errs, c.Close(ctx))
		}
	}
	for _, w := range s.workloads {
		if c, ok := w.(closer); ok {
			errs = append(errs, c.Close(ctx))
		}
	}
	if s.socket != nil {
		s.socket.Close() // removes the file; a second close after serving is no error worth telling
	}
	return errors.Join(append(errs, s.store.Close())...)
}

// onMachine refuses what lives on a cluster.
func onMachine(drafts []compile.Draft, notes compile.Notes) ([]compile.Draft, compile.Notes) {
	here := catalog.OnMachine()
	for _, d := range drafts {
		if _, ok := here.Workloads[d.Target.Kind]; !ok {
			notes.Refuse(d.Target.Origin, "a %s lives on a cluster, where `serin controller` releases it", d.Target.Kind)
		} else if _, ok := here.Routers[d.Router.Kind]; !ok {
			notes.Refuse(d.RouterAt, "router %s lives on a cluster, where `serin controller` uses it", d.Router.Kind)
		}
	}
	return drafts, notes
}

// ReadFiles reads native files from disk, for whatever place they were written.
func ReadFiles(names []string) ([]compile.Draft, compile.Notes) {
	var files []native.File
	var notes compile.Notes
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			notes.Refuse(plan.Origin{File: name, Line: 1, Column: 1}, "%v", err)
			continue
		}
		files = append(files, native.File{Name: name, Data: data})
	}
	drafts, found := native.ReadAll(files, catalog.Known())
	if notes = append(notes, found...); len(drafts) == 0 && !notes.Err() {
		notes.Refuse(plan.Origin{File: names[0], Line: 1, Column: 1}, "there is no Canary in these files, so nothing is released")
	}
	return drafts, notes
}
