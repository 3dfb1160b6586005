package sequential

import "slices"

// meet decides on which bucket bounds latency is judged: those that all pods of both arms share in the first look that
// has both; until then, in history, those of stable. When pods come back with other bounds and stay with them, latency
// begins anew on the shared ones, with the stake it holds by then.
func (s *state) meet(stables, canaries []entry) {
	l := &s.Slow
	if l.Pinned && l.Missing < missedMost {
		return
	}
	if l.Pinned || len(l.Bounds) == 0 || len(canaries) > 0 {
		bounds := common(stables, canaries)
		if len(bounds) == 0 {
			return
		}
		if !slices.Equal(bounds, l.Bounds) {
			s.repin(bounds)
		}
		l.Pinned = len(canaries) > 0 && len(stables) > 0
		l.Missing = 0
	}
}

func (s *state) repin(bounds []float64) {
	s.Stake.Latency *= s.Slow.value()
	s.Slow.pin(bounds)
	for i := range s.Stable.Pods {
		s.Stable.Pods[i].Slow = nil
	}
	for i := range s.Canary.Pods {
		s.Canary.Pods[i].Slow = nil
	}
}

// watch counts the looks in a row in which an arm answered requests, but with no buckets of the pinned bounds. Where
// no buckets were ever seen there is nothing to miss.
func (l *latency) watch(canary, stable *arm) {
	if canary.n == 0 || stable.n == 0 {
		return
	}
	never := len(l.Bounds) == 0 && !canary.bucketed && !stable.bucketed
	if never || canary.timed > 0 && stable.timed > 0 {
		l.Missing = 0
	} else {
		l.Missing++
	}
}

// at is the smallest bound that is at least so many seconds; -1 when there is none.
func (l *latency) at(seconds float64) int {
	i, _ := slices.BinarySearch(l.Bounds, seconds)
	if i == len(l.Bounds) {
		return -1
	}
	return i
}
