package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// snsHook is a hook, with what it got. It confirms its subscription as it is told, unless it is stubborn.
func snsHook(t *testing.T, stubborn bool) (address string, received chan map[string]any) {
	t.Helper()
	received = make(chan map[string]any, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var envelope map[string]string
		if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
			t.Error(err)
		}
		if envelope["Type"] == "SubscriptionConfirmation" {
			if !stubborn {
				_ = read(t, envelope["SubscribeURL"])
			}
			return
		}
		var event map[string]any
		if err := json.Unmarshal([]byte(envelope["Message"]), &event); err != nil {
			t.Error(err)
		}
		received <- event
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

func read(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Error(err)
		return ""
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestSESReports(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	stubborn, _ := snsHook(t, true)
	if err := s.ReportSES(t.Context(), SESReports{Hook: stubborn}); err == nil {
		t.Error("a hook that did not confirm gets events")
	}
	address, received := snsHook(t, false)
	if err := s.ReportSES(t.Context(), SESReports{Hook: address, Queue: true, Raw: true, Sends: true, SignatureVersion: "2"}); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"bounce+1@simulator.amazonses.com": "Bounce Send", "ooto@simulator.amazonses.com": "Bounce Delivery Send",
		"complaint@simulator.amazonses.com": "Complaint Delivery Send", "anna@reader.example": "Delivery Send",
	} {
		s.Report(&Message{ID: "1", To: to, At: time.Now(), Body: []byte("Subject: x\r\n\r\n"), Tags: map[string]string{"recipient": "7"}})
		got := map[string]bool{}
		for range strings.Fields(want) {
			event := <-received
			name, _ := event["eventType"].(string)
			got[name] = true
		}
		for name := range strings.FieldsSeq(want) {
			if !got[name] {
				t.Errorf("%s: %v, want %s", to, got, want)
			}
		}
	}
	if s.SQSDepth() != 10 {
		t.Errorf("%d events in the queue", s.SQSDepth())
	}
	if text := read(t, s.URL()+certPath); !strings.Contains(text, "BEGIN CERTIFICATE") {
		t.Errorf("the certificate is %q", text)
	}
	for _, bad := range []SESReports{{Bounces: 1.5}, {Complaints: -1}, {SignatureVersion: "3"}} {
		if err := s.ReportSES(t.Context(), bad); err == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
}

// Shares are kept to, and are the same for the same seed.
func TestSESShares(t *testing.T) {
	t.Parallel()
	count := func(seed uint64) map[string]int {
		s, err := Start(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.ReportSES(t.Context(), SESReports{Bounces: 0.2, SoftBounces: 0.1, Complaints: 0.1, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		s.reports.mu.Lock()
		defer s.reports.mu.Unlock()
		for range 1000 {
			fates := s.reports.fates("anna@reader.example")
			n[fates[len(fates)-1]]++
		}
		return n
	}
	first, second := count(1), count(1)
	if first["Bounce"] != second["Bounce"] || first["Bounce"] < 150 || first["Bounce"] > 250 || first["Delivery"] < 500 {
		t.Errorf("%v, %v", first, second)
	}
}

// A message that was received is hidden, and comes again unless it is deleted.
func TestSQSHides(t *testing.T) {
	t.Parallel()
	q := newSQSQueue()
	q.send("a")
	q.send("b")
	first, _ := q.receive(10, time.Hour)
	again, _ := q.receive(10, 0)
	if len(first) != 2 || len(again) != 0 {
		t.Errorf("%d, then %d", len(first), len(again))
	}
	receipt, _ := first[0]["ReceiptHandle"].(string)
	q.delete(receipt)
	q.delete("")
	if len(q.messages) != 1 {
		t.Errorf("%d left", len(q.messages))
	}
	q.messages[0].hidden = time.Time{}
	if again, _ = q.receive(1, 0); len(again) != 1 || again[0]["Body"] != "b" {
		t.Errorf("%v", again)
	}
}
