package detect

import (
	"math"

	"serin.dev/serin/internal/plan"
)

// check asks each minute whether the canary answered 99 % of its requests well, and 99 % within the limit of the family where it
// has one, as Flagger and Argo do; so many failed checks, not necessarily in a row, roll back. No requests are a failed check.
type check struct {
	forgetful
	f      *Family
	most   int
	failed int
	window Total
}

const minute = 60.0

func limits(most int) func(*Family) Policy {
	return func(f *Family) Policy { return &check{f: f, most: most} }
}

func (p *check) See(s Scene) plan.Outcome {
	p.window.join(s.Canary)
	if t := s.Look.T; math.Floor(t/minute) > math.Floor((t-p.f.Every)/minute) {
		if p.window.N == 0 || p.window.X > 0.01*p.window.N || p.slow() {
			p.failed++
		}
		p.window.empty()
	}
	return failIf(p.failed >= p.most)
}

func (p *check) slow() bool {
	v := p.f.Slow
	return v != nil && v.Limit > 0 && p.window.quantile(0.99, v.Bounds) > v.Limit
}

func (t *Total) join(more Total) {
	t.N, t.X = t.N+more.N, t.X+more.X
	if t.Buckets == nil {
		t.Buckets = make([]float64, len(more.Buckets))
	}
	for i, n := range more.Buckets {
		t.Buckets[i] += n
	}
}

func (t *Total) empty() {
	t.N, t.X = 0, 0
	clear(t.Buckets)
}

// quantile is linear within its bucket, as in Prometheus.
func (t *Total) quantile(q float64, bounds []float64) float64 {
	want, from, below := q*t.N, 0.0, 0.0
	for i, upTo := range t.Buckets {
		if upTo >= want && upTo > below {
			return from + (bounds[i]-from)*(want-below)/(upTo-below)
		}
		from, below = bounds[i], upTo
	}
	return from
}
