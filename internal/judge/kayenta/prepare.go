package kayenta

import (
	"math"
	"slices"
)

// prepare makes one side ready for the test: missing values are dropped or 0, outliers kept or dropped.
func prepare(values []float64, o Options) []float64 {
	if o.ReplaceNaN {
		values = replaceNaN(values, 0)
	} else {
		values = removeNaN(values)
	}
	if o.DropOutliers {
		values = drop(values, outliers(values, o.OutlierFactor, true))
	}
	return values
}

func removeNaN(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

func replaceNaN(values []float64, by float64) []float64 {
	out := slices.Clone(values)
	for i, v := range out {
		if math.IsNaN(v) {
			out[i] = by
		}
	}
	return out
}

// outliers marks the values outside the fences: factor times the distance between the quartiles away from them. Cautious
// fences keep at least what lies between the first and the last percentile; the judge's always are.
func outliers(values []float64, factor float64, cautious bool) []bool {
	marked := make([]bool, len(values))
	if len(values) == 0 {
		return marked
	}
	sorted := ordered(values)
	q1, q3 := percentile(sorted, 25), percentile(sorted, 75)
	low, high := q1-factor*(q3-q1), q3+factor*(q3-q1)
	if cautious {
		low, high = math.Min(percentile(sorted, 1), low), math.Max(percentile(sorted, 99), high)
	}
	for i, v := range values {
		marked[i] = v < low || v > high
	}
	return marked
}

// strays marks the values more than k standard deviations, of the population, from the mean. The judge does not use it.
func strays(values []float64, k float64) []bool {
	marked := make([]bool, len(values))
	m := mean(values)
	deviation := math.Sqrt(variance(values, m, float64(len(values))))
	for i, v := range values {
		marked[i] = math.Abs(v-m) > k*deviation
	}
	return marked
}

func drop(values []float64, marked []bool) []float64 {
	kept := make([]float64, 0, len(values))
	for i, v := range values {
		if !marked[i] {
			kept = append(kept, v)
		}
	}
	return kept
}
