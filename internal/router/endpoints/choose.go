package endpoints

import (
	"maps"
	"slices"

	"serin.dev/serin/internal/plan"
)

// choose says how many of its ready pods each track gives, so that the parts come as near to the shares as they can. A track with a
// share gives at least one where it has any, and one without gives none.
//
// One track gives all it has, and the others what goes with that. So no pod gets more than its part while stable serves alone with
// the full size: a share s has at least s*full ready pods (engine, approach), thus there are at least full endpoints in all.
func choose(ready map[plan.TrackName]int, shares plan.Shares) map[plan.TrackName]int {
	var tracks []plan.TrackName
	for _, t := range shares.Tracks() {
		if ready[t] > 0 {
			tracks = append(tracks, t)
		}
	}
	if len(tracks) == 0 {
		return map[plan.TrackName]int{}
	}
	scarce := tracks[0] // it has the fewest for its share
	for _, t := range tracks {
		if ready[t]*int(shares[scarce]) < ready[scarce]*int(shares[t]) {
			scarce = t
		}
	}
	best := map[plan.TrackName]int{scarce: ready[scarce]}
	tries := []map[plan.TrackName]int{best}
	for _, t := range tracks {
		if t == scarce {
			continue
		}
		exact := ready[scarce] * int(shares[t]) // in units of the scarce one's share
		below := min(ready[t], max(1, exact/int(shares[scarce])))
		var more []map[plan.TrackName]int
		for _, tried := range tries {
			for _, n := range []int{below, min(ready[t], below+1)} {
				next := maps.Clone(tried)
				next[t] = n
				more = append(more, next)
			}
		}
		tries = more
	}
	return slices.MinFunc(tries, func(a, b map[plan.TrackName]int) int {
		// compared without rounding: off(a)/total(a) with off(b)/total(b)
		if one, other := off(a, shares)*total(b), off(b, shares)*total(a); one != other {
			return one - other
		}
		return total(b) - total(a)
	})
}

// off is how far the worst track's part is from its share, times the number of endpoints.
func off(counts map[plan.TrackName]int, shares plan.Shares) int {
	worst, all := 0, total(counts)
	for _, t := range shares.Tracks() {
		d := counts[t]*int(plan.Whole) - int(shares[t])*all
		worst = max(worst, d, -d)
	}
	return worst
}

func total(counts map[plan.TrackName]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// parts are the shares that so many endpoints get. The largest takes what rounding leaves.
func parts(counts map[plan.TrackName]int) plan.Shares {
	shares, all := plan.Shares{}, total(counts)
	if all == 0 {
		return shares
	}
	rest, most := plan.Whole, plan.TrackName("")
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		shares[t] = plan.Share(counts[t] * int(plan.Whole) / all)
		rest -= shares[t]
		if most == "" || counts[t] > counts[most] {
			most = t
		}
	}
	shares[most] += rest
	return shares
}
