package sandbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // SignatureVersion 1 of Amazon SNS
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// snsTopic signs and posts as a topic of Amazon SNS does.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type snsTopic struct {
	client *http.Client

	mu        sync.Mutex
	base      string
	arn       string
	version   string
	key       *rsa.PrivateKey
	cert      []byte
	messages  int
	confirmed map[string]bool // by token
}

func newTopic(base string) *snsTopic {
	return &snsTopic{base: base, client: &http.Client{Timeout: reportTime}, confirmed: map[string]bool{}, arn: SESTopic, version: "1"}
}

// use sets what the topic is called and how it signs, and makes its key.
func (t *snsTopic) use(base, arn, version string) error {
	if version != "1" && version != "2" {
		return errors.New("signature_version must be 1 or 2")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base, t.arn, t.version = base, arn, version
	return t.makeKey()
}

func (t *snsTopic) makeKey() error {
	if t.key != nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make the topic's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make the topic's certificate: %w", err)
	}
	t.key, t.cert = key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return nil
}

// certPath is where the certificate is, shaped like Amazon's.
const certPath = "/sns/SimpleNotificationService-00000000000000000000000000000000.pem"

// sign completes a message and gives it as it is posted.
func (t *snsTopic) sign(message map[string]string, at time.Time) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.makeKey(); err != nil {
		return nil, err
	}
	t.messages++
	message["MessageId"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", t.messages)
	message["TopicArn"] = t.arn
	message["Timestamp"] = at.UTC().Format("2006-01-02T15:04:05.000Z")
	var text strings.Builder
	for _, name := range []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"} {
		if value, ok := message[name]; ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, sum := crypto.SHA1, make([]byte, 0, sha256.Size)
	if t.version == "2" {
		digest := sha256.Sum256([]byte(text.String()))
		hash, sum = crypto.SHA256, append(sum, digest[:]...)
	} else {
		digest := sha1.Sum([]byte(text.String())) //nolint:gosec // see the import
		sum = append(sum, digest[:]...)
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, t.key, hash, sum)
	if err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	message["SignatureVersion"], message["SigningCertURL"] = t.version, t.base+certPath
	message["Signature"] = base64.StdEncoding.EncodeToString(signature)
	return json.Marshal(message)
}

func (t *snsTopic) notification(message string, at time.Time) ([]byte, error) {
	return t.sign(map[string]string{"Type": "Notification", "Message": message, "Subject": "Amazon SES Email Event Notification"}, at)
}

// Notification is a message of the topic as it is posted, signed, for tests that post by themselves.
func (s *Sandbox) Notification(message string, at time.Time) ([]byte, error) {
	return s.reports.topic.notification(message, at)
}

// subscribe posts the request to confirm, and waits for that.
func (t *snsTopic) subscribe(ctx context.Context, hook string) error {
	t.mu.Lock()
	token := "token-" + strconv.Itoa(t.messages+1)
	address := t.base + "/sns/confirm?Action=ConfirmSubscription&Token=" + token
	t.mu.Unlock()
	body, err := t.sign(map[string]string{
		"Type": "SubscriptionConfirmation", "Token": token, "SubscribeURL": address,
		"Message": "You have chosen to subscribe to the topic.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
	}, time.Now())
	if err != nil {
		return err
	}
	if err := t.post(ctx, hook, body, "SubscriptionConfirmation"); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.confirmed[token] {
		return errors.New("it did not confirm")
	}
	return nil
}

// post sends a message to an endpoint.
func (t *snsTopic) post(ctx context.Context, hook string, body []byte, kind string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	req.Header.Set("X-Amz-Sns-Message-Type", kind)
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func (s *Sandbox) routeSNS(mux *http.ServeMux) {
	t := s.reports.topic
	mux.HandleFunc("GET "+certPath, func(w http.ResponseWriter, _ *http.Request) {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, _ = w.Write(t.cert)
	})
	mux.HandleFunc("GET /sns/confirm", func(w http.ResponseWriter, r *http.Request) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.confirmed[r.URL.Query().Get("Token")] = true
		w.WriteHeader(http.StatusOK)
	})
}
