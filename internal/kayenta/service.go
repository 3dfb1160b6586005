package kayenta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/disk"
)

// Options are what the service is told.
type Options struct {
	Dir      string // of the embedded store and the record of executions, in the file kayenta.db
	Settings Settings
	Log      *slog.Logger
	Now      func() time.Time // default the machine's clock

	Workers int // executions worked on at once; default 8
	History int // executions kept when they are over; default 1000
}

// A Service is Kayenta's API and what runs behind it.
type Service struct {
	accounts *accounts
	runner   *execution.Runner
	index    index
	record   *disk.Store
	handler  http.Handler
	log      *slog.Logger
	now      func() time.Time
	instance string
}

// Open opens the record and the stores. Executions that were under way are gone on with by Run.
func Open(ctx context.Context, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	record, err := disk.Open(filepath.Join(o.Dir, "kayenta.db"), o.Now)
	if err != nil {
		return nil, err
	}
	s := &Service{record: record, log: o.Log, now: o.Now, index: index{known: map[string]map[string]indexed{}}}
	if err := s.build(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Service) build(ctx context.Context, o Options) (err error) {
	if s.instance, err = os.Hostname(); err != nil {
		return fmt.Errorf("ask for the name of this machine: %w", err)
	}
	if s.accounts, err = openAccounts(ctx, o.Settings, s.record); err != nil {
		return err
	}
	s.runner, err = execution.New(ctx, execution.Means{
		Journal: s.record, Objects: s.accounts.store, Bounded: s.accounts.bounded, Fetch: s.accounts.fetch,
		Now: o.Now, Log: o.Log, Workers: o.Workers, History: o.History,
	})
	s.handler = s.routes()
	return err
}

// Close lets go of the stores.
func (s *Service) Close() error {
	var err error
	if s.accounts != nil {
		err = s.accounts.close()
	}
	return errors.Join(err, s.record.Close())
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Accounts lists the accounts that clients may name.
func (s *Service) Accounts() []Account { return s.accounts.all }

// Run goes on with executions until the context ends. Those that are under way then are gone on with by the next Run.
func (s *Service) Run(ctx context.Context) error { return s.runner.Run(ctx) }

// Settle is Run for those who turn the clock themselves (execution.Runner.Settle).
func (s *Service) Settle(ctx context.Context) time.Time { return s.runner.Settle(ctx) }

// drain is how long requests under way may take when the service ends.
const drain = 10 * time.Second

// Serve answers requests and runs executions until the context ends.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		patience, stop := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer stop()
		if err := server.Shutdown(patience); err != nil {
			return errors.Join(fmt.Errorf("end requests: %w", err), server.Close())
		}
		return nil
	})
	return group.Wait()
}

// noRoute is a path that there is not.
type noRoute struct{ path string }

func (n noRoute) Error() string        { return n.path + ": there is no such path" }
func (n noRoute) Is(target error) bool { return target == storage.ErrNotFound }
