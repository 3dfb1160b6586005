package reconcile

import (
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
)

// An acquaintance is who answered requests on which track since an analysis last looked. A version that crashes on its
// requests may come, fail and go between two looks; without a memory of its name it would never be asked about, and the
// requests it took with it would count for nothing.
type acquaintance map[string]plan.TrackName

// meet remembers the instances of this round for all analyses of the release.
func (l *Loop) meet(r *release, seen engine.Sight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.met[r.Name]
	if of == nil {
		of = map[string]acquaintance{}
		l.met[r.Name] = of
	}
	for _, a := range r.Plan.Analyses {
		if of[a.Name] == nil {
			of[a.Name] = acquaintance{}
		}
		of[a.Name].add(r.wanted(), seen)
	}
}

func (m acquaintance) add(want plan.State, seen engine.Sight) {
	for _, t := range want.Tracks {
		for _, p := range seen.Pools {
			if p.Name != t.Pool {
				continue
			}
			for _, e := range p.Endpoints {
				if len(m) < remembered {
					m[e.Instance] = t.Name
				}
			}
		}
	}
}

// metSince hands out whom an analysis has met since its last look, to be called once its counters are asked for.
func (l *Loop) metSince(release, analysis string) acquaintance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.met[release][analysis]
}

// parted forgets whom an analysis has met, after it was told what they counted.
func (l *Loop) parted(release, analysis string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.met[release], analysis)
}

// over forgets all that was met during a release, and who judged it.
func (l *Loop) over(release string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.met, release)
	delete(l.judges, release)
}
