package replay

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/reconcile"
)

// past is how much of stable's past is kept for a recording: what judges are shown, and a little more.
const past = 35 * time.Minute

// A Recorder writes down the looks of every release, each with what stable did before, as one recording. It is told by the loop
// (reconcile.Means.Looked) and safe for use by several goroutines.
type Recorder struct {
	// Open opens the recording of a release. It is closed when the next one begins, or by End.
	Open func(release string) (io.WriteCloser, error)
	Spec string // digest; empty: not known

	mu      sync.Mutex
	targets map[string]*reel
	kept    int // recordings
	err     error
}

// A reel is the recording of a target.
type reel struct {
	before  []Frame // of stable, since the last release
	release string
	out     io.WriteCloser
	writer  *Writer
}

// InFolder records each release in a file of a folder: checkout-7.jsonl.
func InFolder(dir string) *Recorder {
	return &Recorder{Open: func(release string) (io.WriteCloser, error) {
		return os.Create(filepath.Join(dir, strings.ReplaceAll(release, "/", "_")+".jsonl"))
	}}
}

// See takes a look. The first error ends the recording; End tells it.
func (r *Recorder) See(k reconcile.Looking) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	if r.targets == nil {
		r.targets = map[string]*reel{}
	}
	if r.targets[k.Target] == nil {
		r.targets[k.Target] = &reel{}
	}
	if err := r.see(r.targets[k.Target], k); err != nil {
		r.err = fmt.Errorf("record %s: %w", k.Release, err)
	}
}

func (r *Recorder) see(now *reel, k reconcile.Looking) error {
	f := Frame{At: k.At, Snapshot: k.Seen}
	if k.Analysis == "" {
		now.before = append(now.before, f)
		for k.At.Sub(now.before[0].At) > past {
			now.before = now.before[1:]
		}
		return now.close()
	}
	if now.writer == nil || now.release != k.Release {
		if err := r.begin(now, k); err != nil {
			return err
		}
	}
	f.Weight = &k.Weight
	for _, metric := range slices.Sorted(maps.Keys(k.Answers)) {
		f.Answers = append(f.Answers, Answer{Analysis: k.Analysis, Metric: metric, Reading: k.Answers[metric]})
	}
	return now.writer.Write(f)
}

// begin opens the recording of a release with what stable did before.
func (r *Recorder) begin(now *reel, k reconcile.Looking) error {
	if err := now.close(); err != nil {
		return err
	}
	out, err := r.Open(k.Release)
	if err != nil {
		return err
	}
	head := Head{Spec: r.Spec, Target: k.Target, Tracks: map[plan.TrackName]plan.Revision{plan.Stable: k.From, plan.Canary: k.To}, Start: k.Began}
	if now.writer, err = NewWriter(out, head); err != nil {
		return errors.Join(err, out.Close())
	}
	r.kept++
	before := now.before
	now.release, now.out, now.before = k.Release, out, nil
	for _, old := range before {
		if err := now.writer.Write(old); err != nil {
			return err
		}
	}
	return nil
}

func (now *reel) close() error {
	out := now.out
	now.out, now.writer = nil, nil
	if out == nil {
		return nil
	}
	return out.Close()
}

// End closes all recordings and says what went wrong.
func (r *Recorder) End() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := []error{r.err}
	for _, one := range r.targets {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

// Kept is how many recordings were begun.
func (r *Recorder) Kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}
