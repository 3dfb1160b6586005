package sequential

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Exact sums over all ways in which one block can be dealt, in batches no larger than what tempers the bet: wherever the share is
// still good, the mean of the factor is at most 1, beyond nine digits.
func TestBetsOnAnEbbAreFair(t *testing.T) {
	largest := 0.0
	for _, requests := range []float64{60, 480, 3000} {
		for _, edge := range []float64{0.006, 0.07, 0.65, 3} {
			for _, burst := range []float64{1, 4, 12} {
				for _, part := range ebbs() {
					for _, batch := range []float64{1, 4, 12} {
						if batch > burst {
							continue
						}
						for _, more := range []float64{1, 1.3, 3} {
							got := meanGain(requests/batch, batch, more*edge, func(a answers) float64 { return ebbGain(edge, part, a, burst) })
							largest = math.Max(largest, got)
							if got > 1+1e-9 {
								t.Errorf("%g requests in batches of %g, tempered for %g, odds %g times an edge of %g, bet on %g of it: mean %.12f",
									requests, batch, burst, more, edge, part, got)
							}
						}
					}
				}
			}
		}
	}
	if largest < 0.99 {
		t.Errorf("largest mean %g: the bets give away too much", largest)
	}
}

// meanGain is the mean of a factor when batches are dealt one by one at the given odds.
func meanGain(batches, size, odds float64, log func(answers) float64) (sum float64) {
	dealt := distuv.Binomial{N: batches, P: odds / (1 + odds)}
	for k := 0.0; k <= batches; k++ {
		sum += math.Exp(dealt.LogProb(k) + log(answers{C: size * k, B: size * (batches - k)}))
	}
	return sum
}
