package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
)

// Means are what a runner works with.
type Means struct {
	Files     []string
	Read      func(files []string) ([]compile.Draft, compile.Notes)
	Abilities func(d compile.Draft) (compile.Abilities, error) // of the router and workload the draft names
	Loop      *reconcile.Loop
	Store     releases.Store
	Changed   func(target string) <-chan struct{} // of its workload; may give nil
	Log       *slog.Logger
	Version   string
}

// A Runner releases what its files say.
type Runner struct {
	Means
	news *news
	read string // which versions of the files Begin read

	mu      sync.Mutex
	drafts  map[string]compile.Draft // by target
	workers map[string]*worker
	trouble map[string]string // by target: why its last round did not work
	invalid compile.Notes     // of the newest files, when they could not be used
}

// New returns a runner that has not begun.
func New(m Means) *Runner {
	return &Runner{Means: m, news: newNews(), drafts: map[string]compile.Draft{}, workers: map[string]*worker{}, trouble: map[string]string{}}
}

// ErrInvalid says that the files cannot be used; the notes say why.
var ErrInvalid = errors.New("the files cannot be used")

// Begin reads the files for the first time. Nothing is started when they have an error.
func (r *Runner) Begin() (compile.Notes, error) {
	r.read = stamps(r.Files)
	drafts, notes := r.Read(r.Files)
	notes = append(notes, r.dryRun(drafts)...)
	if notes.Err() {
		return notes, ErrInvalid
	}
	if len(drafts) == 0 {
		return notes, fmt.Errorf("%w: they hold no Canary", ErrInvalid)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range drafts {
		r.drafts[d.Target.Key()] = d
	}
	return notes, nil
}

// dryRun compiles every draft as it would be for a first and for a second release, so that what cannot be compiled is
// told before anything runs.
func (r *Runner) dryRun(drafts []compile.Draft) (notes compile.Notes) {
	for _, d := range drafts {
		can, err := r.Abilities(d)
		if err != nil {
			notes.Refuse(d.Origin, "%v", err)
			continue
		}
		_, found := compile.Compile(d, "previous", can)
		notes = append(notes, found...)
	}
	return notes
}

// Run keeps releasing until the context ends, then returns once every worker has finished its round. sock may be nil.
func (r *Runner) Run(ctx context.Context, sock net.Listener) error {
	var all sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.mu.Lock()
	for key := range r.drafts {
		r.employ(ctx, &all, key)
	}
	r.mu.Unlock()
	all.Go(func() { r.watchFiles(ctx, &all) })
	var serving error
	if sock != nil {
		serving = r.serve(ctx, sock)
		stop() // without its socket serin could be neither seen nor told anything
	} else {
		<-ctx.Done()
	}
	all.Wait()
	return serving
}

// employ gives a target its worker. The lock is held.
func (r *Runner) employ(ctx context.Context, all *sync.WaitGroup, key string) {
	w := &worker{r: r, target: key, wake: make(chan struct{}, 1), letters: make(chan struct{}, 1)}
	r.workers[key] = w
	all.Go(func() { w.work(ctx) })
	all.Go(func() { w.tell(ctx) })
}

func (r *Runner) draft(key string) compile.Draft {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drafts[key]
}

// troubled keeps why the last round of a target did not work, empty when it did, and reports whether that is new.
func (r *Runner) troubled(target, text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.trouble[target]
	r.trouble[target] = text
	return old != text
}

// Wake lets the worker of a target look at once.
func (r *Runner) Wake(target string) {
	r.mu.Lock()
	w := r.workers[target]
	r.mu.Unlock()
	if w != nil {
		nudge(w.wake)
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// bring lines the record of one target up with the files and returns the name of the release to work on.
func (r *Runner) bring(key string) (string, error) {
	d := r.draft(key)
	can, err := r.Abilities(d)
	if err != nil {
		return "", err
	}
	name, err := r.Loop.Bring(d, can)
	var refused reconcile.Refusal
	if errors.As(err, &refused) {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return name, err
}

// glance is how often the files are looked at. It costs a few stat calls, and works on every file system and with every way
// editors and deployment tools replace a file.
const glance = 300 * time.Millisecond

// watchFiles reads the files again when they have changed, and have stayed as they are for a glance: a file that is being
// written, or is gone for a moment while it is replaced, is not half read.
func (r *Runner) watchFiles(ctx context.Context, all *sync.WaitGroup) {
	used := r.read // not what is there by now: it may have changed since
	last := used
	t := time.NewTicker(glance)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := stamps(r.Files)
		if now != used && now == last {
			used = now
			r.reload(ctx, all)
		}
		last = now
	}
}
