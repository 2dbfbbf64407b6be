package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SESReports says what the stand-in for SES reports of the mails it takes, and to whom. Mails to the addresses of
// Amazon's mailbox simulator (bounce@simulator.amazonses.com, also with a label as in bounce+7@, and complaint@, ooto@)
// fare as they do there; others by chance. What is not said is delivered.
// https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
type SESReports struct {
	// Hook gets signed posts, as from SNS, once it has confirmed the subscription; "" is none.
	Hook string `json:"hook"`
	// Queue puts the events into the stand-in for SQS; see SQSQueueURL. Raw leaves the envelope out there.
	Queue bool `json:"queue"`
	Raw   bool `json:"raw"`
	// Topic is the ARN of the topic; "" is one of the stand-in's.
	Topic string `json:"topic"`
	// Bounces, SoftBounces and Complaints are shares of the mails, from 0 to 1.
	Bounces     float64 `json:"bounces"`
	SoftBounces float64 `json:"soft_bounces"`
	Complaints  float64 `json:"complaints"`
	// Sends reports acceptance too. Notifications reports in the older form, without tags and with headers.
	Sends         bool `json:"sends"`
	Notifications bool `json:"notifications"`
	// SignatureVersion is "1" (SHA-1, the default of SNS) or "2" (SHA-256).
	SignatureVersion string `json:"signature_version"`
	// Seed makes the shares repeatable; 0 is 1.
	Seed uint64 `json:"seed"`
}

// SESTopic is the topic that events come from unless another is asked for.
const SESTopic = "arn:aws:sns:eu-central-1:000000000000:ses-events"

const (
	reportsWaiting = 1 << 16 // beyond that they are dropped, as SNS drops what it cannot deliver
	reporters      = 8
	reportTries    = 5
	reportTime     = 15 * time.Second // what SNS gives an endpoint
)

// reporter reports what becomes of mails that SES took.
type reporter struct {
	mu       sync.Mutex
	settings *SESReports // nil: nothing is reported
	random   *rand.Rand
	waiting  chan string // events, in JSON
	topic    *snsTopic
	queue    *sqsQueue
	running  sync.WaitGroup
}

func newReporter(base string) *reporter {
	return &reporter{waiting: make(chan string, reportsWaiting), topic: newTopic(base), queue: newSQSQueue()}
}

// end waits until nothing is reported any more; the sandbox is being closed.
func (r *reporter) end() {
	r.running.Wait()
	r.topic.client.CloseIdleConnections()
}

// ReportSES begins to report, or goes on otherwise. It returns when the hook has confirmed its subscription, or with an
// error that says why it did not.
func (s *Sandbox) ReportSES(ctx context.Context, r SESReports) error {
	if r.Topic == "" {
		r.Topic = SESTopic
	}
	if r.SignatureVersion == "" {
		r.SignatureVersion = "1"
	}
	if r.Bounces < 0 || r.SoftBounces < 0 || r.Complaints < 0 || r.Bounces+r.SoftBounces+r.Complaints > 1 {
		return errors.New("the shares of bounces, soft_bounces and complaints must be from 0 to 1, together too")
	}
	if err := s.reports.topic.use(s.Base, r.Topic, r.SignatureVersion); err != nil {
		return err
	}
	if r.Hook != "" {
		if err := s.reports.topic.subscribe(ctx, r.Hook); err != nil {
			return fmt.Errorf("subscribe the hook: %w", err)
		}
	}
	s.reports.mu.Lock()
	defer s.reports.mu.Unlock()
	if s.reports.settings == nil {
		for range reporters {
			s.reports.running.Go(s.report)
		}
	}
	s.reports.settings = &r
	s.reports.random = rand.New(rand.NewPCG(max(r.Seed, 1), 0))
	return nil
}

// report posts what waits until the sandbox is closed.
func (s *Sandbox) report() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.reports.running.Go(func() { <-s.ended; cancel() })
	for {
		select {
		case <-s.ended:
			return
		case event := <-s.reports.waiting:
			s.publish(ctx, event)
		}
	}
}

func (s *Sandbox) publish(ctx context.Context, event string) {
	s.reports.mu.Lock()
	settings := *s.reports.settings
	s.reports.mu.Unlock()
	envelope, err := s.reports.topic.notification(event, time.Now())
	if err != nil {
		return
	}
	if settings.Queue {
		body := string(envelope)
		if settings.Raw {
			body = event
		}
		s.reports.queue.send(body)
	}
	if settings.Hook == "" {
		return
	}
	for try := range reportTries {
		if s.reports.topic.post(ctx, settings.Hook, envelope, "Notification") == nil || !s.wait(100*time.Millisecond<<try) {
			return
		}
	}
}

// took reports what becomes of a mail.
func (r *reporter) took(m *Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settings == nil {
		return
	}
	for _, fate := range r.fates(m.To) {
		text, err := json.Marshal(sesEvent(m, fate, r.settings.Notifications))
		if err != nil {
			continue
		}
		select {
		case r.waiting <- string(text):
		default:
		}
	}
}

// fates is what becomes of a mail to an address, in order.
func (r *reporter) fates(to string) []string {
	var list []string
	if r.settings.Sends {
		list = append(list, "Send")
	}
	local, domain, _ := strings.Cut(to, "@")
	local, _, _ = strings.Cut(local, "+")
	chance := r.random.Float64()
	share := func(of float64) bool { chance -= of; return chance < 0 }
	simulated := strings.EqualFold(domain, "simulator.amazonses.com")
	switch {
	case simulated && (local == "bounce" || local == "suppressionlist"), !simulated && share(r.settings.Bounces):
		return append(list, "Bounce")
	case simulated && local == "ooto", !simulated && share(r.settings.SoftBounces):
		return append(list, "Delivery", "SoftBounce")
	case simulated && local == "complaint", !simulated && share(r.settings.Complaints):
		return append(list, "Delivery", "Complaint")
	default:
		return append(list, "Delivery")
	}
}

// Report reports a mail once more, or one that was taken before anything was reported.
func (s *Sandbox) Report(m *Message) { s.reports.took(m) }

// apiReportSES sets what is reported.
func (s *Sandbox) apiReportSES(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, faultsMaxBody)
	if !ok {
		return
	}
	var settings SESReports
	err := json.Unmarshal(body, &settings)
	if err == nil {
		err = s.ReportSES(r.Context(), settings)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
