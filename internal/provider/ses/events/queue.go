package events

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/provider/attempt"
)

const (
	// pollers is how many calls of a process wait for messages at once: 10 messages each, some 1,000 a second.
	pollers = 4
	// pollWait is the longest that SQS lets a call wait (WaitTimeSeconds), pollTime what a call may take with it.
	pollWait = 20 * time.Second
	pollTime = pollWait + 10*time.Second
	// pollBatch is the most messages that SQS hands out or deletes in a call.
	pollBatch = 10
	// pollAnswer is more than an answer has: ten messages of at most 1 MiB (Amazon SQS, Message quotas), as strings of JSON,
	// in which a character of two bytes takes six at worst. An answer that was cut off could not be read, and its messages
	// would come again and again.
	pollAnswer = pollBatch*3<<20 + 1<<20
	// visibility is how long a message is hidden from others: longer than it can take to store its event.
	visibility = time.Minute
	// pollPause is how long a poller rests after a call that failed.
	pollPause = 5 * time.Second
)

// QueueOptions of a Queue.
type QueueOptions struct {
	// URL is the queue's: https://sqs.eu-central-1.amazonaws.com/123456789012/ses-events. Its region is that of the host;
	// AWS_REGION for hosts of another form, which are called as they are.
	URL     string
	Network attempt.Network
	// Credentials replace those of the AWS SDK's default chain; nil: they do not.
	Credentials aws.CredentialsProvider
	Taker       Taker
	Log         *zap.Logger
}

// Queue takes events from a queue of SQS: raw ones, or in envelopes of SNS. Signatures are not looked at: who may send to
// the queue is a matter of the queue's policy. A message is deleted once its event is stored; until then SQS hands it out
// again, for up to 14 days. Several processes may poll one queue.
type Queue struct {
	options QueueOptions
	api     *sqs.Client
	close   func()
}

// OpenQueue makes a Queue; Run makes it work.
func OpenQueue(ctx context.Context, o QueueOptions) (*Queue, error) {
	region, endpoint, err := locate(o.URL)
	if err != nil {
		return nil, err
	}
	load := []func(*config.LoadOptions) error{}
	if region != "" {
		load = append(load, config.WithRegion(region))
	}
	if o.Credentials != nil {
		load = append(load, config.WithCredentialsProvider(o.Credentials))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("the queue needs AWS_REGION")
	}
	network := o.Network
	network.MaxAnswer = pollAnswer
	client := network.Client()
	q := &Queue{options: o, close: client.CloseIdleConnections}
	q.api = sqs.NewFromConfig(cfg, func(options *sqs.Options) {
		options.HTTPClient = client
		options.Retryer = aws.NopRetryer{} // the next poll is the retry
		if endpoint != "" {
			options.BaseEndpoint = &endpoint
		}
	})
	return q, nil
}

// locate reads the region off a queue's URL of Amazon's, or the endpoint off another.
func locate(address string) (region, endpoint string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", fmt.Errorf("the address of the queue is not a URL")
	}
	host := strings.TrimSuffix(u.Hostname(), ".cn")
	if name, ok := strings.CutSuffix(host, ".amazonaws.com"); ok {
		if region, ok := strings.CutPrefix(name, "sqs."); ok && region != "" && u.Scheme == "https" {
			return region, "", nil
		}
	}
	return "", u.Scheme + "://" + u.Host, nil
}

// Run polls until ctx ends, and returns when the messages in hand are stored. It is called once.
func (q *Queue) Run(ctx context.Context) {
	defer q.close()
	var all sync.WaitGroup
	for range pollers {
		all.Go(func() { q.poll(ctx) })
	}
	all.Wait()
}

func (q *Queue) poll(ctx context.Context) {
	for ctx.Err() == nil {
		err := q.round(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		q.options.Log.Warn("the queue of SES's events could not be read", zap.Error(attempt.Cause(err)))
		pause := time.NewTimer(pollPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// round receives once, stores what came and deletes what was stored.
func (q *Queue) round(ctx context.Context) error {
	receiving, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	out, err := q.api.ReceiveMessage(receiving, &sqs.ReceiveMessageInput{
		QueueUrl: &q.options.URL, MaxNumberOfMessages: pollBatch,
		WaitTimeSeconds: int32(pollWait / time.Second), VisibilityTimeout: int32(visibility / time.Second),
	})
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if len(out.Messages) == 0 {
		return nil
	}
	// What was received is stored although ctx ends.
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), visibility/2)
	defer cancel()
	done := q.store(working, out.Messages)
	if len(done) == 0 {
		return nil
	}
	deleted, err := q.api.DeleteMessageBatch(working, &sqs.DeleteMessageBatchInput{QueueUrl: &q.options.URL, Entries: done})
	if err == nil && len(deleted.Failed) > 0 {
		err = fmt.Errorf("%d messages were not deleted", len(deleted.Failed))
	}
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// store stores messages side by side, so that they share a transaction, and returns those that are done with.
func (q *Queue) store(ctx context.Context, messages []types.Message) []types.DeleteMessageBatchRequestEntry {
	errs := make([]error, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() {
			errs[i] = take(ctx, q.options.Taker, q.options.Log, unwrap([]byte(aws.ToString(m.Body))))
		})
	}
	all.Wait()
	var done []types.DeleteMessageBatchRequestEntry
	for i, m := range messages {
		if errs[i] == nil {
			done = append(done, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
		}
	}
	return done
}

// unwrap takes an event out of SNS's envelope, if it is in one: it is not with raw message delivery.
func unwrap(body []byte) []byte {
	var e struct{ Type, Message string }
	if err := json.Unmarshal(body, &e); err == nil && e.Type == typeNotification && e.Message != "" {
		return []byte(e.Message)
	}
	return body
}
