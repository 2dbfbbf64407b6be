package sandbox

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyFault draws a fault that means something.
func anyFault(t *rapid.T) Fault {
	return Fault{
		Match:         rapid.SampledFrom([]string{"", "a", "@b"}).Draw(t, "match"),
		Latency:       time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "latency")),
		Jitter:        time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "jitter")),
		RatePerSecond: rapid.Float64Range(0, 1e6).Draw(t, "rate"),
		Burst:         rapid.IntRange(0, 100).Draw(t, "burst"),
		ErrorRatio:    rapid.Float64Range(0, 1).Draw(t, "errors"),
		ErrorKind:     rapid.SampledFrom([]Kind{"", Transient, Permanent}).Draw(t, "kind"),
		DropRatio:     rapid.Float64Range(0, 1).Draw(t, "drops"),
		Outage:        rapid.SampledFrom([]Outage{Up, Unavailable, HangUp}).Draw(t, "outage"),
		AtRecipient:   rapid.Bool().Draw(t, "at recipient"),
		Seed:          rapid.Uint64().Draw(t, "seed"),
	}
}

func TestFaultJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fault := anyFault(t)
		document, err := json.Marshal(fault)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := ParseFaults(document); err != nil || len(list) != 1 || list[0] != fault {
			t.Fatalf("%s read as %+v, %v", document, list, err)
		}
	})
}

func TestParseFaultsRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		"", "null x", "[", `{"latency":5}`, `{"latency":"5"}`, `{"unknown":1}`, `{"error_ratio":2}`, `{"drop_ratio":-1}`,
		`[{},{"error_kind":"odd"}]`, `{"outage":"odd"}`, `{"latency":"-1s"}`, `{"rate_per_second":-1}`, `{"burst":-1}`,
	} {
		if list, err := ParseFaults([]byte(document)); err == nil {
			t.Errorf("%s read as %+v", document, list)
		}
	}
}

func TestInjectRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, err := range []error{
		s.Inject("pigeon", Fault{}),
		s.Inject(ProviderSES, Fault{ErrorRatio: math.NaN()}),
		s.Inject(ProviderSES, Fault{RatePerSecond: math.Inf(1)}),
	} {
		if err == nil {
			t.Error("accepted")
		}
	}
	if len(s.Faults()) != 0 {
		t.Error("something was injected")
	}
}

// TestFateRepeats checks that the same faults make the same of the same requests.
func TestFateRepeats(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fault := anyFault(t)
		fault.RatePerSecond = 0 // a rate goes by the clock
		recipients := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "x@b", "c"}), 1, 50).Draw(t, "recipients")
		fates := func() []verdict {
			f := &faults{by: map[string][]*injected{}}
			f.set(ProviderSES, []Fault{fault, {ErrorRatio: 0.5, Seed: 7}})
			var all []verdict
			for _, to := range recipients {
				all = append(all, f.judge(ProviderSES, to))
			}
			return all
		}
		first, again := fates(), fates()
		for i := range first {
			if first[i] != again[i] {
				t.Fatalf("request %d: %+v, then %+v", i, first[i], again[i])
			}
		}
	})
}

func TestDelayIsWithinBounds(t *testing.T) {
	t.Parallel()
	f := &faults{by: map[string][]*injected{}}
	f.set(ProviderSES, []Fault{{Latency: time.Second, Jitter: time.Second}})
	for range 1000 {
		if delay := f.judge(ProviderSES, "").delay; delay < time.Second || delay >= 2*time.Second {
			t.Fatalf("delay %v", delay)
		}
	}
}

func TestRatiosHold(t *testing.T) {
	t.Parallel()
	f := &faults{by: map[string][]*injected{}}
	f.set(ProviderSES, []Fault{{ErrorRatio: 0.25, DropRatio: 0.5}})
	const n = 10_000
	var errors, drops int
	for range n {
		switch v := f.judge(ProviderSES, ""); {
		case v.outcome == failed:
			errors++
		case v.drop:
			drops++
		}
	}
	if math.Abs(float64(errors)/n-0.25) > 0.02 || math.Abs(float64(drops)/n-0.375) > 0.02 {
		t.Errorf("%d errors and %d drops of %d", errors, drops, n)
	}
}

// TestBucket checks that no stretch of time lets more through than the rate and the burst allow, and
// that waiting as told is enough.
func TestBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.1, 1000).Draw(t, "rate")
		burst := rapid.IntRange(1, 20).Draw(t, "burst")
		b := newBucket(rate, burst)
		begin := time.Unix(1, 0)
		now, passed := begin, 0
		for _, step := range rapid.SliceOf(rapid.IntRange(0, 1000)).Draw(t, "ms between") {
			now = now.Add(time.Duration(step) * time.Millisecond)
			q, ok := b.take(now)
			if ok {
				passed++
			} else if now = now.Add(q.wait); true {
				if _, ok := b.take(now); !ok {
					t.Fatalf("refused after waiting %v", q.wait)
				}
				passed++
			}
			if most := float64(burst) + rate*now.Sub(begin).Seconds(); float64(passed) > most+1e-3 {
				t.Fatalf("%d passed where %v are allowed", passed, most)
			}
		}
	})
}

func TestCloseEndsWaiting(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderWebhook, Fault{Latency: time.Hour})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.WebhookURL("x"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = signed(t, s.WebhookSecret("x"), "1", "")
	done := make(chan error, 1)
	web := client(t)
	go func() {
		response, err := web.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("an answer came")
	}
	if n := s.Counts()[ChannelWebhook].Received; n != 0 {
		t.Error("received")
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add([]byte(`[{"latency":"5ms","error_ratio":0.5,"error_kind":"permanent"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseFaults(data)
		for _, fault := range list {
			if err == nil && fault.check() != nil {
				t.Errorf("%+v was let through", fault)
			}
		}
	})
}
