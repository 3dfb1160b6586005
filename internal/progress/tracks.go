package progress

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
)

// tracks tells the tracks of the present step, and after them the pools that are on their way out.
func tracks(f Facts) []Track {
	told := []Track{}
	seen := map[plan.PoolName]bool{}
	want := f.Plan.Steps[f.Position.Step].Desired
	for _, t := range want.Tracks {
		told = append(told, track(f, t, t.Capacity.Of(f.Full), want.Traffic.Shares[t.Name]))
		seen[t.Pool] = true
	}
	for _, p := range f.Pools {
		if !seen[p.Name] && p.Running > 0 {
			told = append(told, track(f, plan.Track{Name: part(f, p), Revision: p.Revision, Pool: p.Name}, 0, 0))
		}
	}
	return told
}

// part finds the track that a pool plays, or played until now.
func part(f Facts, p plan.Pool) plan.TrackName {
	for _, name := range f.Route.Traffic.Shares.Tracks() {
		if f.Route.Pool(name) == p.Name {
			return name
		}
	}
	if p.Revision == f.Plan.Canary && f.Position.Step < f.Plan.Promotion {
		return plan.Canary
	}
	return plan.Stable
}

func track(f Facts, t plan.Track, wanted int, intended plan.Share) Track {
	told := Track{Name: t.Name, Revision: t.Revision, Pool: t.Pool, Wanted: wanted}
	told.Traffic = Traffic{Intended: intended.Percent(), Applied: applied(f.Route, t).Percent()}
	if share, ok := f.Observed[t.Name]; ok {
		told.Traffic.Observed = &share
	}
	i := slices.IndexFunc(f.Pools, func(p plan.Pool) bool { return p.Name == t.Pool })
	if i < 0 {
		return told
	}
	p := f.Pools[i]
	told.Ready, told.Running, told.Trouble = p.Ready, p.Running, p.Trouble
	for _, e := range p.Endpoints {
		told.Instances = append(told.Instances, Instance{Name: e.Instance, URL: e.URL, Busy: f.Route.Busy[e.Instance]})
	}
	return told
}

// applied is the share that the router is known to give to the track's own pool. Right after a promotion the same track
// name may still stand for the old pool.
func applied(r plan.Route, t plan.Track) plan.Share {
	if r.Pool(t.Name) == t.Pool {
		return r.Traffic.Shares[t.Name]
	}
	return r.Shares()[t.Pool]
}

// special tells what the router does besides the split.
func special(t plan.Traffic) []string {
	var texts []string
	for _, m := range t.Matches {
		texts = append(texts, m.String())
	}
	if t.Mirror != nil {
		texts = append(texts, fmt.Sprintf("%v of requests mirrored to %s", t.Mirror.Share, t.Mirror.Track))
	}
	if t.Sticky != nil {
		texts = append(texts, "users stay on their track")
	}
	return texts
}
