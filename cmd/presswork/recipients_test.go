package main

import (
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
)

// TestTimelineSaysWhy: of who was put off, until when and why, and in which digest they got it.
func TestTimelineSaysWhy(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)
	until := at.Add(time.Hour)
	quiet, rejected := api.DeliveryReason("quiet_hours"), api.DeliveryReason("rejected")
	for name, c := range map[string]struct {
		shown api.RecipientDelivery
		want  string
	}{
		"put off": {
			api.RecipientDelivery{Channel: "email", State: "deferred", Reason: &quiet, Until: &until,
				Attempts: []api.Attempt{{At: at, Outcome: "deferred", Reason: &quiet}}},
			"\nemail: deferred quiet_hours\n  until 2030-01-31 10:00:00.000\n  2030-01-31 09:00:00.000  -  deferred  quiet_hours\n",
		},
		"in a digest": {
			api.RecipientDelivery{Channel: "email", State: "skipped", DigestID: new("d1")},
			"\nemail: skipped -\n  in the digest d1\n",
		},
		"refused": {
			api.RecipientDelivery{Channel: "email", State: "failed", Reason: &rejected,
				Attempts: []api.Attempt{{Number: 1, At: at, Outcome: "failed", Reason: &rejected, ErrorCode: "no_such_mailbox", Error: "550"}}},
			"\nemail: failed rejected\n  2030-01-31 09:00:00.000  attempt 1  failed  rejected no_such_mailbox 550\n",
		},
		"sent again": {
			api.RecipientDelivery{Channel: "email", State: "pending", Attempts: []api.Attempt{{At: at, Outcome: "reopened", By: "key:ann"}}},
			"\nemail: pending -\n  2030-01-31 09:00:00.000  -  reopened  key:ann\n",
		},
	} {
		var out strings.Builder
		if err := showDelivery(&out, c.shown); err != nil || out.String() != c.want {
			t.Errorf("%s: %v, and wrote\n%s", name, err, out.String())
		}
	}
}
