package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
)

func sesClient(t *testing.T, s *Sandbox) *sesv2.Client {
	t.Helper()
	return sesv2.New(sesv2.Options{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String(s.SESEndpoint()),
		Credentials:  credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient:   client(t),
		Retryer:      aws.NopRetryer{},
	})
}

// sesMail is a raw mail to ada@example.com.
func sesMail(identity string) *sesv2.SendEmailInput {
	raw := "From: news@example.com\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
		HeaderDelivery + ": " + identity + "\r\n\r\nHello Ada\r\n"
	return &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("news@example.com"),
		Destination:      &types.Destination{ToAddresses: []string{"ada@example.com"}},
		Content:          &types.EmailContent{Raw: &types.RawMessage{Data: []byte(raw)}},
		EmailTags:        []types.MessageTag{{Name: aws.String("publication"), Value: aws.String("p1")}},
	}
}

func TestSESRaw(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	out, err := sesClient(t, s).SendEmail(t.Context(), sesMail("p1/newsletter/42"))
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.MessageId) == "" {
		t.Error("no message id")
	}
	counted(t, s, ChannelNewsletter, ChannelCounts{Received: 1, Requests: 1})
	m := s.Messages(ChannelNewsletter)[0]
	if m.Subject() != "Grüße" || m.To != "ada@example.com" || m.From != "news@example.com" || m.Tags["publication"] != "p1" {
		t.Errorf("recorded %+v, subject %q", m, m.Subject())
	}
	if m.Header.Get("Authorization") != "" {
		t.Error("the credentials were recorded")
	}
}

func TestSESSimple(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	content := func(text string) *types.Content { return &types.Content{Data: aws.String(text)} }
	_, err := sesClient(t, s).SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("news@example.com"),
		Destination:      &types.Destination{ToAddresses: []string{"ada@example.com"}, CcAddresses: []string{"bob@example.com"}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content("Hallo Ümläut"),
			Body:    &types.Body{Text: content("plain = text"), Html: content("<p>rich</p>")},
			Headers: []types.MessageHeader{{Name: aws.String(HeaderDelivery), Value: aws.String("p1/email/7")}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Received("p1/email/7") != 1 {
		t.Error("the identity was not found")
	}
	letter := s.Messages(ChannelEmail)[0].Read()
	if letter.Subject != "Hallo Ümläut" || letter.Text != "plain = text" || letter.HTML != "<p>rich</p>" {
		t.Errorf("read %+v", letter)
	}
}

func TestSESAccount(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderSES, Fault{RatePerSecond: 14})
	out, err := sesClient(t, s).GetAccount(t.Context(), &sesv2.GetAccountInput{})
	if err != nil {
		t.Fatal(err)
	}
	if !out.SendingEnabled || out.SendQuota.MaxSendRate != 14 || out.SendQuota.Max24HourSend == 0 {
		t.Errorf("account %+v, quota %+v", out, out.SendQuota)
	}
}

func TestSESRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  Fault
		status int
		code   string
	}{
		"throttled": {Fault{RatePerSecond: 1e-9}, http.StatusTooManyRequests, "TooManyRequestsException"},
		"transient": {Fault{ErrorRatio: 1}, http.StatusInternalServerError, "InternalServiceErrorException"},
		"permanent": {Fault{ErrorRatio: 1, ErrorKind: Permanent}, http.StatusBadRequest, "MessageRejected"},
		"outage":    {Fault{Outage: Unavailable}, http.StatusServiceUnavailable, "ServiceUnavailableException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			ses := sesClient(t, s)
			want := ChannelCounts{Requests: 1, Refused: 1}
			inject(t, s, ProviderSES, test.fault)
			if test.fault.RatePerSecond > 0 { // the first uses the burst up
				if _, err := ses.SendEmail(t.Context(), sesMail("p1/email/1")); err != nil {
					t.Fatal(err)
				}
				want.Received, want.Requests = 1, 2
			}
			_, err := ses.SendEmail(t.Context(), sesMail("p1/email/2"))
			var api smithy.APIError
			var status interface{ HTTPStatusCode() int }
			if !errors.As(err, &api) || api.ErrorCode() != test.code {
				t.Errorf("error %v, want %s", err, test.code)
			}
			if !errors.As(err, &status) || status.HTTPStatusCode() != test.status {
				t.Errorf("error %v, want status %d", err, test.status)
			}
			counted(t, s, ChannelEmail, want)
		})
	}
}

func TestSESTypedErrors(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderSES, Fault{ErrorRatio: 1, ErrorKind: Permanent})
	_, err := sesClient(t, s).SendEmail(t.Context(), sesMail("p1/email/1"))
	var rejectedMail *types.MessageRejected
	if !errors.As(err, &rejectedMail) || rejectedMail.ErrorMessage() == "" {
		t.Errorf("error %v", err)
	}
}

func TestSESInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	_, err := sesClient(t, s).SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("news@example.com"), Content: &types.EmailContent{},
	})
	var bad *types.BadRequestException
	if !errors.As(err, &bad) {
		t.Errorf("error %v", err)
	}
	counted(t, s, ChannelEmail, ChannelCounts{Invalid: 1})
	status, _, _ := call(t, http.MethodPost, s.SESEndpoint()+"/v2/email/outbound-emails", nil, "{}")
	if status != http.StatusForbidden {
		t.Errorf("status without credentials %d", status)
	}
}

func TestSESUnanswered(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderSES, Fault{DropRatio: 1, Latency: time.Millisecond})
	_, err := sesClient(t, s).SendEmail(t.Context(), sesMail("p1/email/1"))
	if err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("error %v, want a connection that ended", err)
	}
	counted(t, s, ChannelEmail, ChannelCounts{Received: 1, Requests: 1, Unanswered: 1})
	s.Clear()
	if _, err := sesClient(t, s).SendEmail(t.Context(), sesMail("p1/email/1")); err != nil {
		t.Fatal(err)
	}
	counted(t, s, ChannelEmail, ChannelCounts{Received: 1, Doubled: 1, Requests: 2, Unanswered: 1})
	if s.Received("p1/email/1") != 2 || s.Messages(ChannelEmail)[0].Copy != 2 {
		t.Error("the double was not told")
	}
}
