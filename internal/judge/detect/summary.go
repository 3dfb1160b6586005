package detect

import (
	"math"
	"slices"
)

// A Summary is what a policy did to a family.
type Summary struct {
	Releases          int // 0: it did not play
	Rolled            int
	Low, High         float64 // Wilson interval of the share rolled back, 95 %
	Blast, Blast95    float64 // mean and 95th percentile
	Extra             float64 // mean
	RollAt            float64 // median seconds, of those rolled back
	Passed            int     // before any rollback
	PassAt, PassAfter float64 // medians: seconds, canary requests
	Leave             int     // with leave to promote after the last look
	TookAt            float64 // median seconds until leave was taken away for good, of those that had it and were not rolled back
}

// A Row is a family with what each policy did to it, by name.
type Row struct {
	Family Family
	By     map[string]Summary
}

// Summarise counts fates.
func Summarise(fates []Fate) Summary {
	s := Summary{Releases: len(fates)}
	var at, passAt, passAfter, tookAt, blast []float64
	for _, f := range fates {
		s.Blast += f.Blast / float64(len(fates))
		s.Extra += f.Extra / float64(len(fates))
		blast = append(blast, f.Blast)
		if f.Rolled {
			s.Rolled++
			at = append(at, f.At)
		}
		if f.Passed {
			s.Passed++
			passAt, passAfter = append(passAt, f.PassAt), append(passAfter, f.PassedBy)
		}
		if f.Leave {
			s.Leave++
		} else if f.Passed && !f.Rolled {
			tookAt = append(tookAt, f.Took)
		}
	}
	s.Low, s.High = Wilson(s.Rolled, s.Releases)
	s.Blast95 = quantile(blast, 0.95)
	s.RollAt, s.PassAt, s.PassAfter = quantile(at, 0.5), quantile(passAt, 0.5), quantile(passAfter, 0.5)
	s.TookAt = quantile(tookAt, 0.5)
	return s
}

// Found is the share rolled back.
func (s Summary) Found() float64 { return share(s.Rolled, s.Releases) }

// Let is the share that was given leave to promote.
func (s Summary) Let() float64 { return share(s.Passed, s.Releases) }

func share(k, n int) float64 { return float64(k) / math.Max(1, float64(n)) }

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

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}
