package events

import (
	"context"
	"crypto/md5" //nolint:gosec // the checksum of SQS
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/provider/attempt"
)

// queueAnswer is what SQS answers once; no status: it keeps the call waiting until it is given up.
type queueAnswer struct {
	status int
	body   string
}

// queueCalls answers calls in turn, and notes them.
type queueCalls struct {
	mu      sync.Mutex
	answers []queueAnswer
	asked   []string
	waiting chan struct{} // gets one for each call that is kept waiting
}

func (q *queueCalls) Do(r *http.Request) (*http.Response, error) {
	q.mu.Lock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	q.asked = append(q.asked, operation)
	var a queueAnswer
	if len(q.answers) > 0 {
		a, q.answers = q.answers[0], q.answers[1:]
	}
	q.mu.Unlock()
	if a.status == 0 {
		q.waiting <- struct{}{}
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// queueOf polls what is answered.
func queueOf(log *zap.Logger, store Taker, answers ...queueAnswer) (*Queue, *queueCalls) {
	calls := &queueCalls{answers: answers, waiting: make(chan struct{}, pollers)}
	const address = "https://sqs.eu-central-1.amazonaws.com/1/q"
	return &Queue{
		options: QueueOptions{URL: address, Taker: store, Log: log},
		close:   func() {},
		api: sqs.New(sqs.Options{
			Region: "eu-central-1", HTTPClient: calls, Retryer: aws.NopRetryer{}, DisableMessageChecksumValidation: true,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "made-up", SecretAccessKey: "made-up"}, nil
			}),
		}),
	}, calls
}

func oneMessage(t *testing.T) queueAnswer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Messages": []map[string]string{{"MessageId": "m", "ReceiptHandle": "r", "Body": delivered}}})
	if err != nil {
		t.Fatal(err)
	}
	return queueAnswer{http.StatusOK, string(body)}
}

func TestRound(t *testing.T) {
	t.Parallel()
	away := queueAnswer{http.StatusInternalServerError, `{"__type":"InternalError"}`}
	for name, c := range map[string]struct {
		answers []queueAnswer
		stored  int
		says    string
	}{
		"no messages":    {[]queueAnswer{{http.StatusOK, `{}`}}, 0, ""},
		"receive failed": {[]queueAnswer{away}, 0, "receive: "},
		"delete failed":  {[]queueAnswer{oneMessage(t), away}, 1, "delete: "},
		"some are kept":  {[]queueAnswer{oneMessage(t), {http.StatusOK, `{"Successful":[],"Failed":[{"Id":"0","Code":"x","SenderFault":false}]}`}}, 1, "delete: 1 messages were not deleted"},
		"all are gone":   {[]queueAnswer{oneMessage(t), {http.StatusOK, `{"Successful":[{"Id":"0"}],"Failed":[]}`}}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &taken{}
			q, calls := queueOf(zap.NewNop(), store, c.answers...)
			err := q.round(t.Context())
			if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) || store.count() != c.stored {
				t.Errorf("%d stored, %v", store.count(), err)
			}
			if len(calls.asked) != len(c.answers) {
				t.Errorf("asked %v", calls.asked)
			}
		})
	}
}

// TestPollRestsAfterAFailure, says so, and goes on; the end of its context is no failure.
func TestPollRestsAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		store := &taken{}
		q, calls := queueOf(zap.New(core), store, queueAnswer{http.StatusInternalServerError, `{}`}, oneMessage(t), queueAnswer{http.StatusOK, `{}`})
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var poller sync.WaitGroup
		poller.Go(func() { q.poll(ctx) })
		<-calls.waiting
		if rested := time.Since(began); rested != pollPause {
			t.Errorf("it rested for %s", rested)
		}
		cancel()
		poller.Wait()
		if got := strings.Join(calls.asked, " "); got != "ReceiveMessage ReceiveMessage DeleteMessageBatch ReceiveMessage" {
			t.Errorf("asked %s", got)
		}
		if store.count() != 1 || logs.Len() != 1 {
			t.Errorf("%d stored, %d warnings", store.count(), logs.Len())
		}
	})
}

// TestRunEndsWhileItRests, and while calls wait, with its context.
func TestRunEndsWhileItRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		q, calls := queueOf(zap.New(core), &taken{}, queueAnswer{http.StatusForbidden, `{}`})
		ctx, cancel := context.WithCancelCause(t.Context())
		var run sync.WaitGroup
		run.Go(func() { q.Run(ctx) })
		synctest.Wait() // one rests, the others wait for messages
		if len(calls.waiting) != pollers-1 || logs.Len() != 1 {
			t.Errorf("%d wait, %d warnings", len(calls.waiting), logs.Len())
		}
		began := time.Now()
		cancel(errors.New("shut down"))
		run.Wait()
		if took := time.Since(began); took != 0 || logs.Len() != 1 {
			t.Errorf("it took %s, with %d warnings", took, logs.Len())
		}
	})
}

func TestOpenQueue(t *testing.T) { //nolint:paralleltest // sets the environment
	const amazon, own = "https://sqs.eu-west-1.amazonaws.com/1/q", "http://127.0.0.1:1/1/q"
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for name, c := range map[string]struct{ address, region, attempts, want, says string }{
		"region of the host":  {amazon, "us-east-1", "", "eu-west-1", ""},
		"region of the place": {own, "us-east-1", "", "us-east-1", ""},
		"no region":           {own, "", "", "", "AWS_REGION"},
		"no address":          {"queue", "us-east-1", "", "", "not a URL"},
		"a wrong environment": {amazon, "us-east-1", "many", "", "load AWS configuration"},
	} {
		t.Setenv("AWS_REGION", c.region)
		t.Setenv("AWS_MAX_ATTEMPTS", c.attempts)
		q, err := OpenQueue(t.Context(), QueueOptions{URL: c.address})
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || q != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || q.api.Options().Region != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLargeMessagesAreRead, as many as SQS hands out at once.
func TestLargeMessagesAreRead(t *testing.T) { //nolint:paralleltest // sets the environment
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "made-up")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "made-up")
	body := `{"padding":"` + strings.Repeat("x", 1<<18) + `",` + strings.TrimPrefix(delivered, "{")
	messages := make([]map[string]string, pollBatch)
	for i := range messages {
		sum := md5.Sum([]byte(body)) //nolint:gosec // what SQS sends along
		messages[i] = map[string]string{"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MD5OfBody": hex.EncodeToString(sum[:])}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ReceiveMessage") {
			_ = json.NewEncoder(w).Encode(map[string]any{"Messages": messages}) // the client finds out
			return
		}
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	}))
	defer server.Close()
	store := &taken{}
	q, err := OpenQueue(t.Context(), QueueOptions{URL: server.URL + "/1/q", Taker: store, Log: zap.NewNop(),
		Network: attempt.Network{AllowPrivate: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer q.close()
	if err := q.round(t.Context()); err != nil || store.count() != pollBatch {
		t.Errorf("%d stored, %v", store.count(), err)
	}
}
