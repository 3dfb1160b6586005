package standalone

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"serin.dev/serin/internal/compile"
)

// stamps says in one string which versions of the files are on disk.
func stamps(files []string) string {
	var b strings.Builder
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// reload takes the new files if they are right as a whole. Otherwise what runs goes on as before, and the notes are shown
// to whoever asks.
func (r *Runner) reload(ctx context.Context, all *sync.WaitGroup) {
	drafts, notes := r.Read(r.Files)
	notes = append(notes, r.dryRun(drafts)...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invalid = nil
	if notes.Err() {
		r.invalid = notes
		for _, n := range notes {
			r.Log.Error("the changed files are not used: " + n.String())
		}
		r.news.tell()
		return
	}
	now := map[string]bool{}
	for _, d := range drafts {
		key := d.Target.Key()
		now[key] = true
		r.drafts[key] = d
		if w := r.workers[key]; w != nil {
			nudge(w.wake)
		} else {
			r.employ(ctx, all, key)
		}
	}
	for key, d := range r.drafts {
		if !now[key] {
			r.Log.Warn("a Canary is gone from the files; its target keeps running until serin ends", "canary", d.Name, "target", key)
		}
	}
	r.news.tell()
}

// Invalid returns the notes of the newest files when they cannot be used.
func (r *Runner) Invalid() compile.Notes {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.invalid
}
