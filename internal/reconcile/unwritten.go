package reconcile

import (
	"maps"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// unwritten is what this process knows beyond the record of a release: looks that were taken since the last checkpoint. A
// process that dies takes them along and loses nothing by it: the counters of the checkpoint are older, so the next look
// is longer.
type unwritten struct {
	evidence map[string]releases.Evidence
	written  time.Time // when the record last got evidence
}

// recall brings a record that was just read up to what this process knows.
func (l *Loop) recall(r *release) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.unwritten[r.Name]
	if u == nil {
		return
	}
	evidence := maps.Clone(r.status.Evidence)
	for name, e := range u.evidence {
		if e.Looks > evidence[name].Looks || e.Looked.After(evidence[name].Looked) {
			if evidence == nil {
				evidence = map[string]releases.Evidence{}
			}
			evidence[name] = e
		}
	}
	r.status.Evidence = evidence
}

// keep remembers the looks of this round and reports whether it is time for a checkpoint.
func (l *Loop) keep(r *release) (due bool) {
	if l.Checkpoint == 0 {
		return len(r.evidence) > 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.unwritten[r.Name]
	if u == nil {
		u = &unwritten{evidence: map[string]releases.Evidence{}}
		l.unwritten[r.Name] = u
	}
	maps.Copy(u.evidence, r.evidence)
	return len(u.evidence) > 0 && l.Now().Sub(u.written) >= l.Checkpoint
}

// settled forgets what is in the record now.
func (l *Loop) settled(r *release, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over {
		delete(l.unwritten, r.Name)
	} else if u := l.unwritten[r.Name]; u != nil {
		u.written = l.Now()
	}
}

// changed reports whether a position has changed by enough to be written down. How far a state is on its way is not, where
// writes are dear: it is seen anew by whoever looks.
func (l *Loop) changed(before, after plan.Position) bool {
	if l.Checkpoint > 0 {
		before, after = wordless(before), wordless(after)
	}
	return !same(before, after)
}

func wordless(p plan.Position) plan.Position {
	if p.Waiting == nil || asks(p.Waiting) {
		return p
	}
	w := *p.Waiting
	w.Text, w.For = "", "state"
	if p.Waiting.For == "time" || p.Waiting.For == "verdict" {
		w.For = p.Waiting.For
	}
	p.Waiting = &w
	return p
}
