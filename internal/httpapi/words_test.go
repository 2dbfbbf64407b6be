package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/httpapi/openapi"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// words are those of a list of the domain, as they are shown, and others.
func words[T any](list []T, others ...string) []string {
	all := slices.Clone(others)
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

// TestWordsAreDescribed: what the domain has words for is what the description lists, and no less. Answers turn the words of
// the one into those of the other without looking.
func TestWordsAreDescribed(t *testing.T) {
	t.Parallel()
	type schema struct {
		Enum       []any             `json:"enum"`
		Properties map[string]schema `json:"properties"`
	}
	var document struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(openapi.Document()), &document); err != nil {
		t.Fatal(err)
	}
	tried := words(slices.DeleteFunc(delivery.States(), func(s delivery.State) bool { return s == delivery.Pending }), "reopened", "retry")
	for name, want := range map[string][]string{
		"ChannelKind":              words(channel.Kinds()),
		"ChannelKindSeen":          words(channel.Kinds(), "unknown"),
		"PublicationState":         words(publication.States()),
		"PublicationType":          words(publication.Types()),
		"Approval.state":           words(publication.ApprovalStates()),
		"DeliveryState":            words(delivery.States()),
		"DeliveryReason":           words(delivery.Reasons()),
		"RecipientDelivery.state":  words(delivery.States(), "sending"),
		"Attempt.outcome":          tried,
		"Timeline.not_a_recipient": words(delivery.Absences(), "<nil>"),
		"DecisionInput.decision":   words(delivery.Decisions()),
		"HourAnalytics.kind":       words(analytics.Kinds(), "unknown"),
		"RecipientEvent.kind":      words(analytics.Kinds(), "unknown"),
		"Role":                     words(auth.Roles()),
		"SubscriberStatus":         words(subscriber.Statuses()),
		"SubscriberInput.status":   words(subscriber.Statuses(), ""),
		"BulkMode":                 words(bulk.Modes()),
		"BulkAction":               words(bulk.Actions()),
		"TemplateChange.channel":   words(channel.Kinds(), ""),
		"DeadLetterFilter.channel": words(channel.Kinds(), "<nil>"),
		"DecisionInput.channel":    words(channel.Kinds(), "<nil>"),
		"SubscriberChanges.mode":   words(bulk.Modes(), ""),
		"PublicationChanges.mode":  words(bulk.Modes(), ""),
	} {
		of, property, inner := strings.Cut(name, ".")
		described := document.Components.Schemas[of]
		if inner {
			described = described.Properties[property]
		}
		got := words(described.Enum)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, and the domain %v", name, got, want)
		}
	}
}
