package detect

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// A Fate is what one policy did to one release.
type Fate struct {
	Rolled   bool
	At       float64 // seconds until rollback was carried out
	Blast    float64 // requests the canary served until then, or in the whole time
	Passed   bool
	PassAt   float64 // seconds until the first pass
	PassedBy float64 // canary requests until then
}

// Release plays one release to all policies.
func Release(f *Family, makers []Maker, seed, n uint64) []Fate {
	stage := NewStage(f, seed, n)
	policies, fates := make([]Policy, len(makers)), make([]Fate, len(makers))
	for i, m := range makers {
		policies[i] = m.New()
	}
	stage.Past(func(l judge.Look) {
		for _, p := range policies {
			p.Past(l)
		}
	})
	served := 0.0
	for k := 1; float64(k)*f.Every <= f.For; k++ {
		t := float64(k) * f.Every
		scene := stage.Next(t)
		served += scene.Served
		done := true
		for i, m := range makers {
			if !fates[i].Rolled {
				fates[i].see(policies[i].See(scene), t, served, m.Delay)
			}
			done = done && fates[i].Rolled && t >= fates[i].At
			if !fates[i].Rolled || t <= fates[i].At {
				fates[i].Blast = served
			}
		}
		if done {
			break
		}
	}
	return fates
}

func (f *Fate) see(o plan.Outcome, t, served, delay float64) {
	switch {
	case o == plan.Fail:
		f.Rolled, f.At = true, t+delay
	case o == plan.Pass && !f.Passed:
		f.Passed, f.PassAt, f.PassedBy = true, t, served
	}
}

// Run plays releases of a family on so many workers; result [policy][release] does not depend on their number.
func Run(f *Family, makers []Maker, releases int, seed uint64, workers int, tick func()) [][]Fate {
	all := make([][]Fate, releases)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for n := int(next.Add(1)) - 1; n < releases; n = int(next.Add(1)) - 1 {
				all[n] = Release(f, makers, seed, uint64(n))
				tick()
			}
		})
	}
	wait.Wait()
	byPolicy := make([][]Fate, len(makers))
	for _, fates := range all {
		for i := range fates {
			byPolicy[i] = append(byPolicy[i], fates[i])
		}
	}
	return byPolicy
}

// A Summary is what a policy did to a family.
type Summary struct {
	Releases          int
	Rolled            int
	Low, High         float64 // Wilson interval of the share rolled back, 95 %
	Blast             float64 // mean
	RollAt            float64 // median seconds, of those rolled back
	Passed            int     // before any rollback
	PassAt, PassAfter float64 // medians: seconds, canary requests
}

// Summarise counts fates.
func Summarise(fates []Fate) Summary {
	s := Summary{Releases: len(fates)}
	var at, passAt, passAfter []float64
	for _, f := range fates {
		s.Blast += f.Blast / float64(len(fates))
		if f.Rolled {
			s.Rolled++
			at = append(at, f.At)
		}
		if f.Passed {
			s.Passed++
			passAt, passAfter = append(passAt, f.PassAt), append(passAfter, f.PassedBy)
		}
	}
	s.Low, s.High = Wilson(s.Rolled, s.Releases)
	s.RollAt, s.PassAt, s.PassAfter = median(at), median(passAt), median(passAfter)
	return s
}

// Wilson is the 95 % interval of a share of k in n.
func Wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return math.Max(0, centre-half), math.Min(1, centre+half)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[len(values)/2]
}
