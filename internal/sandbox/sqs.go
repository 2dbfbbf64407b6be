package sandbox

import (
	"crypto/md5" //nolint:gosec // what SQS names its bodies' sums with, and its clients check
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sqsQueue is a queue of Amazon SQS: what was received is hidden for a while, and comes again unless it is deleted.
type sqsQueue struct {
	mu       sync.Mutex
	number   int
	messages []*sqsMessage
	came     chan struct{} // closed and replaced when a message comes
}

type sqsMessage struct {
	id      string
	body    string
	hidden  time.Time
	receipt string
	times   int
}

func newSQSQueue() *sqsQueue { return &sqsQueue{came: make(chan struct{})} }

func (q *sqsQueue) send(body string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.number++
	q.messages = append(q.messages, &sqsMessage{id: strconv.Itoa(q.number), body: body})
	close(q.came)
	q.came = make(chan struct{})
}

// receive takes at most n messages that are not hidden, and says what to wait for if there are none.
func (q *sqsQueue) receive(n int, hide time.Duration) ([]map[string]any, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := []map[string]any{}
	now := time.Now()
	for _, m := range q.messages {
		if len(list) == n || now.Before(m.hidden) {
			continue
		}
		m.times++
		m.hidden, m.receipt = now.Add(hide), m.id+"-"+strconv.Itoa(m.times)
		sum := md5.Sum([]byte(m.body)) //nolint:gosec // see the import
		list = append(list, map[string]any{"MessageId": m.id, "ReceiptHandle": m.receipt, "Body": m.body, "MD5OfBody": hex.EncodeToString(sum[:])})
	}
	return list, q.came
}

// delete removes a message by its last receipt.
func (q *sqsQueue) delete(receipt string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range q.messages {
		if m.receipt == receipt && receipt != "" {
			q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
			return
		}
	}
}

// SQSQueueURL is the queue of SES's events; AWS_REGION is needed with it.
func (a Addresses) SQSQueueURL() string { return a.Base + "/000000000000/ses-events" }

// SQSDepth is how many messages are in the queue, hidden ones too.
func (s *Sandbox) SQSDepth() int {
	s.reports.queue.mu.Lock()
	defer s.reports.queue.mu.Unlock()
	return len(s.reports.queue.messages)
}

// SendSQS puts a message into the queue.
func (s *Sandbox) SendSQS(body string) { s.reports.queue.send(body) }

// routeSQS speaks SQS's JSON protocol: every operation is a POST to the root of the endpoint.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
func (s *Sandbox) routeSQS(mux *http.ServeMux) {
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		body, ok := readBody(w, r, faultsMaxBody)
		if !ok {
			return
		}
		switch strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
		case "ReceiveMessage":
			s.sqsReceive(w, r, body)
		case "DeleteMessageBatch":
			s.sqsDelete(w, body)
		default:
			w.Header().Set("X-Amzn-Query-Error", "AWS.SimpleQueueService.UnsupportedOperation;Sender")
			writeJSON(w, http.StatusBadRequest, map[string]string{"__type": "com.amazonaws.sqs#UnsupportedOperation"})
		}
	})
}

func (s *Sandbox) sqsReceive(w http.ResponseWriter, r *http.Request, body []byte) {
	in := struct{ MaxNumberOfMessages, WaitTimeSeconds, VisibilityTimeout int }{1, 0, 30}
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "not what ReceiveMessage takes", http.StatusBadRequest)
		return
	}
	deadline := time.NewTimer(time.Duration(in.WaitTimeSeconds) * time.Second)
	defer deadline.Stop()
	for {
		list, came := s.reports.queue.receive(in.MaxNumberOfMessages, time.Duration(in.VisibilityTimeout)*time.Second)
		if len(list) > 0 {
			writeSQS(w, map[string]any{"Messages": list})
			return
		}
		select {
		case <-came:
		case <-deadline.C:
			writeSQS(w, map[string]any{})
			return
		case <-s.ended:
			hangUp()
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Sandbox) sqsDelete(w http.ResponseWriter, body []byte) {
	var in struct {
		Entries []struct{ ID, ReceiptHandle string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "not what DeleteMessageBatch takes", http.StatusBadRequest)
		return
	}
	done := []map[string]string{}
	for _, e := range in.Entries {
		s.reports.queue.delete(e.ReceiptHandle)
		done = append(done, map[string]string{"Id": e.ID})
	}
	writeSQS(w, map[string]any{"Successful": done, "Failed": []string{}})
}

func writeSQS(w http.ResponseWriter, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		http.Error(w, "cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(text)
}
