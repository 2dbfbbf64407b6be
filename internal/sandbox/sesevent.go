package sandbox

import (
	"maps"
	"slices"
	"time"
)

// sesEvent is what SES publishes of a mail, for a fate: Send, Delivery, Bounce, SoftBounce or Complaint. As a notification
// it has no tags but the headers, as for an identity that was told to include them.
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
func sesEvent(m *Message, fate string, notification bool) map[string]any {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	mail := map[string]any{
		"timestamp": m.At.Format("2006-01-02T15:04:05.000Z"), "messageId": sesMessageID(m), "source": m.From,
		"sendingAccountId": "000000000000", "destination": []string{m.To}, "headersTruncated": false,
	}
	fields, _ := mailHead(m.Body)
	headers := make([]map[string]string, 0, len(fields))
	for _, f := range fields {
		headers = append(headers, map[string]string{"name": f.Name, "value": decoded(f.Value)})
	}
	mail["headers"] = headers
	event := map[string]any{"mail": mail}
	name := "eventType"
	if notification {
		name = "notificationType"
	} else {
		tags := map[string][]string{"ses:operation": {"SendRawEmail"}}
		for _, tag := range slices.Sorted(maps.Keys(m.Tags)) {
			tags[tag] = []string{m.Tags[tag]}
		}
		mail["tags"] = tags
	}
	event[name] = fate
	whom := []map[string]string{{"emailAddress": m.To}}
	feedbackID := sesMessageID(m) + "-" + fate
	switch fate {
	case "Send":
		event["send"] = map[string]any{}
	case "Delivery":
		event["delivery"] = map[string]any{"timestamp": now, "processingTimeMillis": 1, "recipients": []string{m.To},
			"smtpResponse": "250 2.6.0 Message received", "reportingMTA": "mta.example.com"}
	case "Bounce":
		event["bounce"] = map[string]any{"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": whom,
			"timestamp": now, "feedbackId": feedbackID, "reportingMTA": "dsn; mta.example.com"}
	case "SoftBounce":
		event[name] = "Bounce"
		event["bounce"] = map[string]any{"bounceType": "Transient", "bounceSubType": "General", "bouncedRecipients": whom,
			"timestamp": now, "feedbackId": feedbackID}
	case "Complaint":
		event["complaint"] = map[string]any{"complainedRecipients": whom, "timestamp": now, "feedbackId": feedbackID,
			"complaintSubType": nil, "complaintFeedbackType": "abuse"}
	}
	return event
}
