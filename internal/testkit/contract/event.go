package contract

import (
	"fmt"
	"testing"
)

// VerifyEvent fails the test if what is posted to webhook endpoints, or by a channel, is not as the webhook of its type is described.
func VerifyEvent(t testing.TB, eventType string, body []byte) {
	t.Helper()
	if err := CheckEvent(eventType, body); err != nil {
		t.Errorf("an event of type %q is not as described (internal/httpapi/openapi/source/webhook_event_data.yaml): %v\n%s", eventType, err, body)
	}
}

// CheckEvent says what of an event is not as described.
func CheckEvent(eventType string, body []byte) error {
	d, err := loaded()
	if err != nil {
		return err
	}
	at := "/webhooks/" + escape(eventType) + "/post/requestBody/content"
	content, _ := d.resolve(node{"$ref": "#" + at}, "")
	for media := range content { // there is one
		return d.fitsJSON(at+"/"+escape(media)+"/schema", body)
	}
	return fmt.Errorf("there is no webhook %s", eventType)
}
