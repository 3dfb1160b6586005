package detect

import (
	"sync"
	"sync/atomic"
	"time"

	"serin.dev/serin/internal/plan"
)

// A Fate is what one policy did to one release.
type Fate struct {
	Rolled   bool
	At       float64 // seconds until rollback was carried out
	Blast    float64 // requests the canary was sent until then, or in the whole time
	Extra    float64 // failures of these beyond what stable's rate makes, expected
	Passed   bool
	PassAt   float64 // seconds until the first pass
	PassedBy float64 // canary requests until then
	Leave    bool    // after the last look there was leave to promote
	Took     float64 // seconds until leave that was given was last taken away, without a rollback
}

// Release plays one release to all policies, each until it has decided.
func Release(f *Family, makers []Maker, seed, n uint64) []Fate {
	stage := NewStage(f, seed, n)
	policies, fates := make([]Policy, len(makers)), make([]Fate, len(makers))
	for i, m := range makers {
		policies[i] = m.New(f)
	}
	if f.Past > 0 {
		for l := range stage.Past {
			for _, p := range policies {
				p.Past(l)
			}
		}
	}
	served, extra := 0.0, 0.0
	for k := 1; float64(k)*f.Every <= f.For; k++ {
		t := float64(k) * f.Every
		scene := stage.Next(t)
		served, extra = served+scene.Served, extra+scene.Extra
		done := true
		for i, m := range makers {
			fate := &fates[i]
			if !fate.Rolled {
				fate.see(policies[i].See(scene), t, served, m.Delay)
			}
			if !fate.Rolled || t <= fate.At {
				fate.Blast, fate.Extra = served, extra
			}
			done = done && fate.Rolled && t >= fate.At
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
	case o != plan.Pass && f.Leave:
		f.Took = t
	}
	f.Leave = o == plan.Pass
}

// Run plays the releases of a family that are numbered from ... to-1, on several workers; the result, by policy, does not depend on how
// many. Policies that do not play the family get no fates.
func Run(f *Family, makers []Maker, seed uint64, from, to, workers int) [][]Fate {
	var playing []Maker
	var place []int
	for i, m := range makers {
		if m.Plays == nil || m.Plays(f) {
			playing, place = append(playing, m), append(place, i)
		}
	}
	all := make([][]Fate, to-from)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(all); n = int(next.Add(1)) - 1 {
				all[n] = Release(f, playing, seed, uint64(from+n))
			}
		})
	}
	wait.Wait()
	byPolicy := make([][]Fate, len(makers))
	for _, fates := range all {
		for i := range fates {
			byPolicy[place[i]] = append(byPolicy[place[i]], fates[i])
		}
	}
	return byPolicy
}

// Pace is how long a policy thinks about a look of a family, in microseconds: the median, for the machine may be busy.
func Pace(f *Family, m Maker, hours int) float64 {
	var took []float64
	for n := range hours {
		stage, p := NewStage(f, 1, uint64(n)), m.New(f)
		for t := f.Every; t <= f.For; t += f.Every {
			scene := stage.Next(t)
			from := time.Now()
			if own, ok := p.(*judged); ok {
				own.look(scene.Look) // with its words: users read them
			} else {
				p.See(scene)
			}
			took = append(took, float64(time.Since(from))/float64(time.Microsecond))
		}
	}
	return quantile(took, 0.5)
}
