package kayenta

import (
	"math"
	"slices"
)

// summarize describes one prepared side.
func summarize(values []float64) Stats {
	if len(values) == 0 {
		return Stats{}
	}
	m := mean(values)
	return Stats{
		Min: Number(slices.Min(values)), Max: Number(slices.Max(values)), Mean: Number(m),
		Std: Number(deviation(values, m)), Count: len(values),
	}
}

// mean corrects the plain mean by what rounding lost, as the library does that Kayenta uses.
func mean(values []float64) float64 {
	sum, n := 0.0, float64(len(values))
	for _, v := range values {
		sum += v
	}
	plain, lost := sum/n, 0.0
	for _, v := range values {
		lost += v - plain
	}
	return plain + lost/n
}

// deviation is the standard deviation of a sample; that of a single value is 0.
func deviation(values []float64, mean float64) float64 {
	if len(values) == 1 {
		return 0
	}
	return math.Sqrt(variance(values, mean, float64(len(values)-1)))
}

// variance divides the sum of squares by n: the size of the sample, or one less.
func variance(values []float64, mean, n float64) float64 {
	squares, sum := 0.0, 0.0
	for _, v := range values {
		d := v - mean
		squares += d * d
		sum += d
	}
	return (squares - sum*sum/float64(len(values))) / n
}

// percentile is R's type 7, at p per cent of values in order: linear between the neighbours of (n-1)p.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	at := float64(len(values)-1) * p / 100
	below := math.Floor(at)
	i := int(below)
	if i >= len(values)-1 {
		return values[len(values)-1]
	}
	return values[i] + (at-below)*(values[i+1]-values[i])
}

// meanRatio is NaN where a mean is 0, which switches the limits on the effect off.
func meanRatio(experiment, control []float64) float64 {
	e, c := mean(experiment), mean(control)
	if e == 0 || c == 0 {
		return math.NaN()
	}
	return e / c
}

// cles is the common language effect size: the probability that a value of the experiment exceeds one of the control, ties
// counting half. Kayenta's integers overflow above some 32,000 values a side; these do not.
func cles(experiment, control []float64) float64 {
	m, n := float64(len(experiment)), float64(len(control))
	ranked := rank(ordered(experiment), ordered(control), 0)
	return (2*ranked.sum - m*(m+1)) / (2 * n * m)
}

// cohensD is the distance of the means in pooled standard deviations. No canary config can choose it.
func cohensD(experiment, control []float64) float64 {
	e, c := mean(experiment), mean(control)
	m, n := float64(len(experiment)), float64(len(control))
	pooled := ((m-1)*variance(experiment, e, m-1) + (n-1)*variance(control, c, n-1)) / (m + n - 2)
	return math.Abs(e-c) / math.Sqrt(pooled)
}
