package events

import (
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
)

const (
	uid  = "018f3a00-0000-7000-8000-000000000001"
	tags = `"tags":{"ses:operation":["SendRawEmail"],"publication":["` + uid + `"],"channel":["newsletter"],"recipient":["7"]}`
	head = `"headers":[{"name":"From","value":"a"},{"name":"x-presswork-delivery","value":"` + uid + `/email/8"}]`
	// what is around an event in every record
	before = `{"mail":{"timestamp":"2026-08-05T00:40:02.012Z","messageId":"m-1","destination":["Anna@Reader.example"],`
)

func TestParse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 8, 5, 0, 41, 2, 669_000_000, time.UTC)
	for name, c := range map[string]struct {
		text     string
		kind     feedback.Kind
		suppress string
		cause    string
	}{
		"send": {before + tags + `},"eventType":"Send","send":{}}`, feedback.Accepted, "", ""},
		"delay": {before + tags + `},"eventType":"DeliveryDelay","deliveryDelay":{"timestamp":"2026-08-05T00:41:02.669Z","delayType":"MailboxFull"}}`,
			feedback.Accepted, "", ""},
		"delivery": {before + tags + `},"eventType":"Delivery","delivery":{"timestamp":"2026-08-05T00:41:02.669Z"}}`, feedback.Delivered, "", ""},
		"bounce": {before + tags + `},"eventType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General",
			"bouncedRecipients":[{"emailAddress":"Anna <Anna@Reader.example>"},{"emailAddress":"nothing"}],"timestamp":"2026-08-05T00:41:02.669Z","feedbackId":"f"}}`,
			feedback.Bounced, "anna@reader.example", "Permanent/General"},
		"soft": {before + tags + `},"eventType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"MailboxFull",
			"bouncedRecipients":[{"emailAddress":"anna@reader.example"}],"timestamp":"2026-08-05T00:41:02.669Z"}}`, feedback.SoftBounced, "", "Transient/MailboxFull"},
		"complaint": {before + tags + `},"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"anna@reader.example"}],
			"complaintFeedbackType":"abuse","timestamp":"2026-08-05T00:41:02.669Z"}}`, feedback.Complained, "anna@reader.example", "abuse"},
		"reject":       {before + tags + `},"eventType":"Reject","reject":{"reason":"Bad content <a@b.example>"}}`, feedback.Rejected, "", "Bad content abexample"},
		"notification": {before + head + `},"notificationType":"Delivery","delivery":{"timestamp":"2026-08-05T00:41:02.669Z"}}`, feedback.Delivered, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := Parse([]byte(c.text))
			if err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
			e := list[0]
			want, channel := int64(7), "newsletter"
			if name == "notification" {
				want, channel = 8, "email"
			}
			if e.Kind != c.kind || strings.Join(e.Suppress, " ") != c.suppress || e.Cause != c.cause || e.Recipient != want ||
				e.Channel != channel || e.Publication.String() != uid || e.Source != "ses" {
				t.Errorf("%+v", e)
			}
			if e.Kind != feedback.Accepted && e.Kind != feedback.Rejected && !e.At.Equal(at) {
				t.Errorf("happened at %v", e.At)
			}
			if strings.ContainsAny(e.Cause, "@<") {
				t.Errorf("the cause is %q", e.Cause)
			}
		})
	}
}

// TestKept: SES kept the mail back, and calls that a complaint.
func TestKept(t *testing.T) {
	t.Parallel()
	for subtype, want := range map[string]bool{`null`: false, `"OnAccountSuppressionList"`: true} {
		list, err := Parse([]byte(before + tags + `},"eventType":"Complaint","complaint":{"complaintSubType":` + subtype + `}}`))
		if err != nil || len(list) != 1 || list[0].Kept != want {
			t.Errorf("%s: %+v, %v", subtype, list, err)
		}
	}
}

// What is no event of a delivery is of no use, and what is no event at all is an error.
func TestParseOthers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Successfully validated SNS topic for Amazon SES event publishing.",
		before + tags + `},"eventType":"Open","open":{}}`,
		before + `"tags":{}},"eventType":"Delivery"}`,
		before + `"tags":{"publication":["x"],"channel":["email"],"recipient":["1"]}},"eventType":"Delivery"}`,
		before + `"tags":{"publication":["` + uid + `"],"channel":["pigeon"],"recipient":["1"]}},"eventType":"Delivery"}`,
		before + `"tags":{"publication":["` + uid + `"],"channel":["email"],"recipient":["-1"]}},"eventType":"Delivery"}`,
		before + `"headers":[{"name":"X-Presswork-Delivery","value":"a/b"}]},"notificationType":"Bounce"}`,
	} {
		if list, err := Parse([]byte(text)); err != nil || len(list) != 0 {
			t.Errorf("%s: %v, %v", text, list, err)
		}
	}
	for _, text := range []string{"", "hello", "[]", "{}", `{"eventType":"Bounce"}`, `{"eventType":7}`} {
		if _, err := Parse([]byte(text)); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The same event has the same key as an event and as a notification, and no other has.
func TestKeys(t *testing.T) {
	t.Parallel()
	key := func(text string) feedback.Key {
		list, err := Parse([]byte(text))
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0].Key
	}
	bounce := func(name, feedbackID string) string {
		return before + tags + `},"` + name + `":"Bounce","bounce":{"bounceType":"Transient","feedbackId":"` + feedbackID + `"}}`
	}
	if key(bounce("eventType", "1")) != key(bounce("notificationType", "1")) || key(bounce("eventType", "1")) == key(bounce("eventType", "2")) {
		t.Error("the keys of bounces do not tell them apart")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(before + tags + `},"eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"a@b.example"}]}}`))
	f.Add([]byte(before + head + `},"notificationType":"Complaint","complaint":{}}`))
	f.Add([]byte("Successfully validated SNS topic"))
	f.Add([]byte(`{"mail":{"tags":{"publication":["00000000-0000-0000-0000-000000000000"],"channel":["newsletter"],"recipient":["1"]}},"eventType":"Bounce"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse(text)
		for _, e := range list {
			if err != nil || e.Recipient < 1 || e.Publication.IsZero() || e.Kind < feedback.Accepted || strings.ContainsAny(e.Cause, "@\x00") {
				t.Errorf("%+v, %v", e, err)
			}
		}
		_ = unwrap(text)
	})
}
