package sequential

import (
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential/bet"
)

// A kind of requests (a route, a method) that is told apart. Kinds fail at different rates, so a canary that gets another mix of
// them looks worse or better than it is; compared kind by kind it does not. Given the past kinds are independent, so the factors
// of a look are multiplied.
type kind struct {
	Name string  `json:"name"`
	Rate decayed `json:"rate"` // of stable
}

// kindsMost is how many kinds are told apart at most; further ones are one kind together, the first, which has no name.
const kindsMost = 32

// meet learns the names of kinds. Of new ones the first by name are told apart.
func (f *failures) meet(tracks ...[]entry) {
	f.names = f.names[:0]
	for _, entries := range tracks {
		for i := range entries {
			for name := range entries[i].tally.Strata {
				if placeOf(f.Kinds, name) == 0 && name != "" && !slices.Contains(f.names, name) {
					f.names = append(f.names, name)
				}
			}
		}
	}
	if len(f.names) == 0 || len(f.Kinds) == kindsMost {
		return
	}
	slices.Sort(f.names)
	if len(f.Kinds) == 0 {
		f.Kinds = append(f.Kinds, kind{})
	}
	for _, name := range f.names {
		if len(f.Kinds) < kindsMost {
			f.Kinds = append(f.Kinds, kind{Name: name})
		}
	}
}

// placeOf finds a kind; 0 is that of those not told apart.
func placeOf(kinds []kind, name string) int {
	for i := 1; i < len(kinds); i++ {
		if kinds[i].Name == name {
			return i
		}
	}
	return 0
}

// sort counts a pod's requests by kind. Where kinds do not add up to what the pod answered, nothing is told apart in this look.
func (a *arm) sort(t *judge.Tally, kinds []kind) {
	if t.Requests == 0 {
		return
	}
	var n, x int64
	for name, of := range t.Strata {
		i := placeOf(kinds, name)
		a.kinds[i].n, a.kinds[i].x = a.kinds[i].n+float64(of.Requests), a.kinds[i].x+float64(of.Failures)
		n, x = n+of.Requests, x+of.Failures
	}
	a.plain = a.plain || n != t.Requests || x != t.Failures
}

// sort pools the kinds of a look.
func (b *block) sort(canary, stable *arm) {
	for len(b.Kinds) < len(canary.kinds) {
		b.Kinds = append(b.Kinds, bet.Pair{})
	}
	b.Plain = b.Plain || len(b.Kinds) == 0 || canary.plain || stable.plain
	for i := range canary.kinds {
		c, s, p := canary.kinds[i], stable.kinds[i], &b.Kinds[i]
		p.NC, p.XC, p.NB, p.XB = p.NC+c.n, p.XC+c.x, p.NB+s.n, p.XB+s.x
	}
}

// pairs are the kinds of a block to be compared each by itself; those that stable has none of are with the rest. Where kinds are
// not told apart it is one pair.
func (f *failures) pairs(b *block) []bet.Pair {
	f.apart = f.apart[:0]
	if b.Plain {
		return append(f.apart, b.Fail)
	}
	f.apart = append(f.apart, b.Kinds[0])
	for _, p := range b.Kinds[1:] {
		if p.NB == 0 {
			rest := &f.apart[0]
			rest.NC, rest.XC, p = rest.NC+p.NC, rest.XC+p.XC, bet.Pair{}
		}
		f.apart = append(f.apart, p)
	}
	return f.apart
}

// guess is stable's rate of a kind, or of all when kinds are not told apart.
func (f *failures) guess(b *block, i int) float64 {
	if b.Plain {
		return f.Rate.rate()
	}
	return f.Kinds[i].Rate.rate()
}
