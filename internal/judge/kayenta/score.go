package kayenta

import (
	"math"
	"math/big"
	"strconv"
)

// A tally counts the metrics of one group.
type tally struct {
	name      string
	passed    int
	countable int // all but Nodata and Error, which count neither way
}

func (t tally) score() float64 {
	if t.countable == 0 {
		return 0
	}
	return float64(t.passed) / float64(t.countable) * 100
}

// A sum is the score of a canary before thresholds give it a name.
type sum struct {
	groups []tally
	score  float64
	reason string
}

// score sums the metrics up, muted ones left out.
func score(results []Analysis, weights map[string]Number) sum {
	scored := make([]Analysis, 0, len(results))
	nodata := 0
	for _, r := range results {
		if r.Muted {
			continue
		}
		scored = append(scored, r)
		if r.Classification == ClassNodata {
			nodata++
		}
	}
	s := sum{groups: groups(scored)}
	for _, r := range scored {
		if r.Critical && r.Classification != ClassPass {
			s.reason = "Canary Failed: " + r.ClassificationReason
			return s
		}
	}
	if len(scored) > 0 && float64(nodata)/float64(len(scored)) >= 0.5 {
		s.reason = "Canary Failed: 50% or more metrics returned NODATA"
		return s
	}
	s.score = weigh(s.groups, weights)
	return s
}

// groups tallies the metrics, in the order in which groups first appear.
func groups(scored []Analysis) []tally {
	all := []tally{}
	at := map[string]int{}
	for _, r := range scored {
		for _, name := range r.Groups {
			i, known := at[name]
			if !known {
				i = len(all)
				at[name] = i
				all = append(all, tally{name: name})
			}
			switch r.Classification {
			case ClassPass:
				all[i].passed++
				all[i].countable++
			case ClassHigh, ClassLow, ClassNodataFailMetric:
				all[i].countable++
			}
		}
	}
	return all
}

// weigh adds the groups up. As in Kayenta, a group without data counts as passed, groups without a weight share what the
// others leave of 100, and nothing makes weights add up: a group that has no metric takes its weight with it.
func weigh(groups []tally, weights map[string]Number) float64 {
	left, without := 100.0, 0
	for _, w := range sorted(weights) {
		left -= float64(weights[w])
	}
	for _, g := range groups {
		if _, given := weights[g.name]; !given {
			without++
		}
	}
	total := 0.0
	for _, g := range groups {
		weight, given := weights[g.name]
		if !given {
			weight = Number(left / float64(without))
		}
		effective := g.score()
		if g.countable == 0 {
			effective = 100
		}
		total += effective * (float64(weight) / 100)
	}
	return cents(total)
}

// cents rounds to two decimals, halves away from zero, as the number is written: 66.665 is 66.67.
func cents(f float64) float64 {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(math.Abs(f), 'g', -1, 64))
	if !ok {
		return f // not finite: Judge refuses such weights
	}
	r.Mul(r, big.NewRat(100, 1)).Add(r, big.NewRat(1, 2))
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	rounded, _ := new(big.Rat).SetFrac(whole, big.NewInt(100)).Float64()
	return math.Copysign(rounded, f)
}
