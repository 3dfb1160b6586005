package replay

import (
	"math"

	"serin.dev/serin/internal/judge"
)

// Weights tell steps of traffic from its noise: the share of the canary is taken to stand still until a look differs from it by
// much more than chance, and by enough for judges to care.
type weights struct{ canary, stable float64 }

const (
	surprise = 4.5  // standard deviations
	matters  = 1.25 // as a ratio of odds
)

func (w *weights) see(canary, stable int64) {
	c, b := float64(canary), float64(stable)
	if c+b == 0 {
		return
	}
	if w.moved(c, b) {
		*w = weights{}
	}
	w.canary, w.stable = w.canary+c, w.stable+b
}

func (w *weights) moved(c, b float64) bool {
	if w.canary+w.stable == 0 {
		return false
	}
	pooled := (w.canary + c) / (w.canary + w.stable + c + b)
	if pooled == 0 || pooled == 1 {
		return false
	}
	now, before := c/(c+b), w.canary/(w.canary+w.stable)
	apart := math.Abs(now-before) / math.Sqrt(pooled*(1-pooled)*(1/(c+b)+1/(w.canary+w.stable)))
	ratio := (c + 0.5) / (b + 0.5) * (w.stable + 0.5) / (w.canary + 0.5)
	return apart > surprise && math.Max(ratio, 1/ratio) > matters
}

// percent is the present weight, with three digits.
func (w *weights) percent() float64 {
	if w.canary == 0 {
		return 0
	}
	share := 100 * w.canary / (w.canary + w.stable)
	scale := math.Pow(10, 2-math.Floor(math.Log10(share)))
	return math.Round(share*scale) / scale
}

func requests(c judge.Counts) (sum int64) {
	for _, pod := range c.Pods {
		sum += pod.Requests
	}
	return sum
}

func failures(c judge.Counts) (sum int64) {
	for _, pod := range c.Pods {
		sum += pod.Failures
	}
	return sum
}
