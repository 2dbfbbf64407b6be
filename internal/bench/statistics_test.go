package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tc := range []struct {
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0},
		{[]time.Duration{7}, 0.5, 7},
		{[]time.Duration{7}, 0.99, 7},
		{[]time.Duration{1, 2}, 0.5, 1},
		{[]time.Duration{1, 2, 3}, 0.5, 2},
		{hundred, 0, 1},
		{hundred, 0.5, 50},
		{hundred, 0.95, 95},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
	} {
		if got := quantile(tc.values, tc.q); got != tc.want {
			t.Errorf("quantile %v of %d values: %d, not %d", tc.q, len(tc.values), got, tc.want)
		}
	}
}

// At least the share q of the values does not exceed the quantile, and no smaller value of them has that.
func TestQuantileProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 50), func(n int) time.Duration { return time.Duration(n) }), 1, 60).Draw(t, "values")
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		slices.Sort(values)
		got := quantile(values, q)
		upTo := func(limit time.Duration) (n float64) {
			for _, v := range values {
				if v <= limit {
					n++
				}
			}
			return n
		}
		if need := q * float64(len(values)); upTo(got) < need || upTo(got-1) >= need {
			t.Fatalf("quantile %v of %v is %d", q, values, got)
		}
	})
}

func TestNewLatency(t *testing.T) {
	t.Parallel()
	got := newLatency([]time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 20*time.Millisecond + 4567*time.Nanosecond})
	if *got != (Latency{P50: 20, P95: 30, P99: 30}) {
		t.Errorf("%+v", got)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{0, 0}, 0}, {[]float64{5}, 0}, {[]float64{100, 90, 95}, 10}, {[]float64{3, 2}, 33.3},
	} {
		if got := spread(tc.values); got != tc.want {
			t.Errorf("spread of %v: %v, not %v", tc.values, got, tc.want)
		}
	}
}

// The margins are those of a table of Student's t.
func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		values       []float64
		mean, margin float64
	}{
		{nil, 0, 0},
		{[]float64{3}, 3, 0},
		{[]float64{3, 3, 3}, 3, 0},
		{[]float64{-1, 1}, 0, 12.706},
		{[]float64{1, 2, 3, 4}, 2.5, 2.054},
		{[]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12}, 1, 2.228},
	} {
		if mean, margin := within(tc.values); rounded(mean, 3) != tc.mean || rounded(margin, 3) != tc.margin {
			t.Errorf("%v: %.3f within %.3f, not %.3f within %.3f", tc.values, mean, margin, tc.mean, tc.margin)
		}
	}
}
