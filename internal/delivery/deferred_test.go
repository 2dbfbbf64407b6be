package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeferredAreNotSentTo: who is put off when they are read is written down so, with the time, and the batch is done.
func TestDeferredAreNotSentTo(t *testing.T) {
	t.Parallel()
	m := newMemory(10, 10)
	began := time.Now().Add(-time.Minute)
	m.rows[3].closes, m.rows[7].closes = began, began
	r := newReceiver(nil)
	drain(t, newTestEngine(t, m, 4), m, opens(r.send))
	if people, copies := r.received(); people != 8 || copies != 8 || m.count(Sent) != 8 || m.count(Deferred) != 2 {
		t.Errorf("%d people got %d copies, %d are sent and %d deferred", people, copies, m.count(Sent), m.count(Deferred))
	}
	if row := m.rows[3]; row.reason != QuietHours || !row.until.Equal(began.Add(time.Hour)) || row.attempt != 0 {
		t.Errorf("row %+v", *row)
	}
	if m.batches[1].state != "done" {
		t.Errorf("the batch is %s", m.batches[1].state)
	}
}

// TestQuietHoursBeginWithinABatch: from then on nobody of it is sent to, though they were read before.
func TestQuietHoursBeginWithinABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(6, 6)
		closes := time.Now().Add(2500 * time.Millisecond)
		for _, row := range m.rows {
			row.closes = closes
		}
		e := newTestEngine(t, m, 1)
		drain(t, e, m, opens(func(context.Context, *Recipient) error {
			if !time.Now().Before(closes) {
				t.Error("sent to in quiet hours")
			}
			<-time.After(time.Second) // in the bubble
			return nil
		}))
		if m.count(Sent) != 3 || m.count(Deferred) != 3 {
			t.Errorf("%d are sent and %d deferred, want 3 and 3", m.count(Sent), m.count(Deferred))
		}
	})
}

// TestUncertainMayBeDeferred: who is owed again after a doubt is put off like everybody.
func TestUncertainMayBeDeferred(t *testing.T) {
	t.Parallel()
	m := newMemory(1, 1)
	m.rows[1].closes, m.rows[1].until = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	r := newReceiver(nil)
	drain(t, newTestEngine(t, m, 1), m, opens(r.send))
	if _, copies := r.received(); copies != 0 || m.count(Deferred) != 1 {
		t.Errorf("%d copies, %d deferred", copies, m.count(Deferred))
	}
}
