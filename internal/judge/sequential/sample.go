package sequential

import (
	"slices"

	"serin.dev/serin/internal/judge"
)

// An arm is what one track answered in one look, fresh pods left out.
type arm struct {
	pods  []answer
	n, x  float64
	timed float64   // requests of pods that have all pinned bounds
	slow  []float64 // of these, slower than each bound
	// bucketed says that some pod has buckets, whatever their bounds.
	bucketed bool
	up, ends float64 // pods that were up, and how often they ended
	sums     []part
	kinds    []part // of requests, where they are told apart
	plain    bool   // some pod does not tell them apart
}

// An answer is what one pod of an arm answered.
type answer struct {
	pod  int // index into the roster
	n, x float64
	slow []float64 // slower than each pinned bound; nil when the pod has other bounds or is too young to be timed
}

// read fills the arm from a look, reusing its memory. With young >= 0, pods born after young are not timed, unless all are.
func (a *arm) read(entries []entry, r *roster, bounds []float64, young float64, metrics []Sum, kinds []kind) {
	a.pods, a.n, a.x, a.timed, a.bucketed, a.up, a.ends = a.pods[:0], 0, 0, 0, false, 0, 0
	a.sums = slices.Grow(a.sums[:0], len(metrics))[:len(metrics)]
	clear(a.sums)
	a.kinds, a.plain = slices.Grow(a.kinds[:0], len(kinds))[:len(kinds)], len(kinds) == 0
	clear(a.kinds)
	a.slow = slices.Grow(a.slow[:0], len(bounds))[:len(bounds)]
	clear(a.slow)
	grown := slices.ContainsFunc(entries, func(e entry) bool { return !e.fresh && r.Pods[e.pod].Born <= young })
	for _, e := range entries {
		a.bucketed = a.bucketed || len(e.tally.Bounds) > 0
		a.up, a.ends = a.up+1, a.ends+float64(e.tally.Restarts)
		if e.fresh {
			continue
		}
		p := &r.Pods[e.pod]
		if len(p.Slow) != len(bounds) {
			p.Slow = make([]record, len(bounds))
		}
		got := a.next(len(bounds))
		got.pod, got.n, got.x = e.pod, float64(e.tally.Requests), float64(e.tally.Failures)
		a.n, a.x = a.n+got.n, a.x+got.x
		if !a.plain {
			a.sort(&e.tally, kinds)
		}
		for i := range metrics {
			if sum, there := e.tally.Sums[metrics[i].Name]; there {
				a.sums[i].n, a.sums[i].x = a.sums[i].n+float64(sum.N), a.sums[i].x+sum.Total/metrics[i].Most
			}
		}
		if (grown && p.Born > young) || !got.time(e.tally, bounds) {
			got.slow = got.slow[:0]
			continue
		}
		a.timed += got.n
		for i, x := range got.slow {
			a.slow[i] += x
		}
	}
}

// next appends an answer, with room for the counts of every bound.
func (a *arm) next(bounds int) *answer {
	if len(a.pods) == cap(a.pods) {
		a.pods = append(a.pods, answer{})
	} else {
		a.pods = a.pods[:len(a.pods)+1]
	}
	got := &a.pods[len(a.pods)-1]
	got.slow = slices.Grow(got.slow[:0], bounds)[:bounds]
	return got
}

// time counts the requests slower than every pinned bound; false when the pod lacks one of them.
func (a *answer) time(t judge.Tally, bounds []float64) bool {
	if len(bounds) == 0 {
		return false
	}
	if t.Requests == 0 {
		clear(a.slow)
		return true
	}
	same := len(t.Bounds) == len(bounds)
	for i, bound := range bounds {
		at, found := i, same && t.Bounds[i] == bound
		if !found {
			at, found = slices.BinarySearch(t.Bounds, bound)
		}
		if !found {
			return false
		}
		a.slow[i] = float64(t.Requests - t.Buckets[at])
	}
	return true
}

// busy is the number of pods that answered anything.
func (a *arm) busy() (k int) {
	for i := range a.pods {
		if a.pods[i].n > 0 {
			k++
		}
	}
	return k
}
