package bench

import (
	"math"
	"slices"
	"time"
)

// quantile is the smallest value that at least the share q of the sorted values does not exceed (nearest rank).
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// newLatency sorts the values and picks the quantiles.
func newLatency(values []time.Duration) *Latency {
	slices.Sort(values)
	return &Latency{
		P50: milliseconds(quantile(values, 0.50)),
		P95: milliseconds(quantile(values, 0.95)),
		P99: milliseconds(quantile(values, 0.99)),
	}
}

// spread is how far the values lie apart, in percent of the largest.
func spread(values []float64) float64 {
	if len(values) == 0 || slices.Max(values) == 0 {
		return 0
	}
	highest := slices.Max(values)
	return rounded(100*(highest-slices.Min(values))/highest, 1)
}

func milliseconds(d time.Duration) float64 { return rounded(float64(d)/float64(time.Millisecond), 2) }

// rounded keeps so many decimals: more than a measurement can say is not worth reading.
func rounded(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}

// student is the 97.5 % quantile of Student's t distribution for so many degrees of freedom, 10 for more (NIST/SEMATECH e-Handbook of
// Statistical Methods, 1.3.6.7.2).
func student(freedom int) float64 {
	quantiles := [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	return quantiles[min(freedom, len(quantiles))-1]
}

// within is the mean of some values, and how far it is from that of all that there could have been: at most so far in 95 % of all
// cases. What one value, or none, says nothing of is 0.
func within(values []float64) (mean, margin float64) {
	if len(values) == 0 {
		return 0, 0
	}
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	if len(values) == 1 {
		return mean, 0
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, student(len(values)-1) * math.Sqrt(squares/(n-1)/n)
}
