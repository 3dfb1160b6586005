package kayenta

import "math/rand/v2"

// noiseScale is the standard deviation of the noise, relative to the value.
const noiseScale = 1e-5

// blur lets two different constants be tested: to every value of either side is added a normal deviate of a hundred
// thousandth of it. Kayenta draws anew each time, so that two judgements of the same data may differ; here the dice are
// thrown once and for all.
func blur(experiment, control []float64) (x, y []float64) {
	dice := rand.New(rand.NewPCG(0x6b6179656e7461, 1))
	return noisy(dice, experiment, 0, experiment[0]*noiseScale), noisy(dice, control, 0, control[0]*noiseScale)
}

// noisy adds a normal deviate to every value.
func noisy(dice *rand.Rand, values []float64, mean, deviation float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v + mean + deviation*dice.NormFloat64()
	}
	return out
}
