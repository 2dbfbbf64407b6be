package subscriber

import (
	"maps"
	"slices"

	"github.com/presswork/presswork/internal/fault"
)

// Change is what becomes of a subscriber, and what that means for their consent.
type Change struct {
	// After is the subscriber as they shall be.
	After Subscriber
	// Revoked: less may be sent than before. The store notes the time, and senders stop.
	Revoked bool
	// Consented: consent was given anew. The store notes the time.
	Consented bool
	// Fields are the names of the changed fields, sorted, for the audit log.
	Fields []string
}

// Empty reports that nothing changes.
func (c Change) Empty() bool { return len(c.Fields) == 0 && !c.Consented }

// Change is s replaced by what in describes. Status and consent source stay as they are where in leaves
// them out. Errors are Invalid as of New, and Conflict (consent_required): who has unsubscribed becomes
// active again, or pending, from where anybody becomes active, only with the source of a new consent.
func (s Subscriber) Change(in Input) (Change, error) {
	if in.Status == "" {
		in.Status = string(s.Status)
	}
	next, err := New(in)
	if err != nil {
		return Change{}, err
	}
	if s.Status == Unsubscribed && next.Status != Unsubscribed && next.ConsentSource == "" {
		return Change{}, fault.New(fault.Conflict, "consent_required",
			"This subscriber has unsubscribed. Say in consent_source where they consented anew.")
	}
	if next.ConsentSource == "" {
		next.ConsentSource = s.ConsentSource
	}
	activated := s.Status != Active && next.Status == Active
	next.ID, next.UID, next.Version = s.ID, s.UID, s.Version
	next.ConsentAt, next.RevokedAt, next.CreatedAt, next.UpdatedAt = s.ConsentAt, s.RevokedAt, s.CreatedAt, s.UpdatedAt
	return Change{
		After:     next,
		Revoked:   s.Status == Active && next.Status != Active || lacks(next.Topics, s.Topics),
		Consented: activated,
		Fields:    changedFields(s, next),
	}, nil
}

// lacks reports whether any of wanted is not in have.
func lacks(have, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(topic string) bool { return !slices.Contains(have, topic) })
}

func changedFields(a, b Subscriber) []string {
	changed := map[string]bool{
		"email": a.Email != b.Email, "name": a.Name != b.Name, "language": a.Language != b.Language,
		"timezone": a.Timezone != b.Timezone, "country": a.Country != b.Country, "status": a.Status != b.Status,
		"topics": !slices.Equal(a.Topics, b.Topics), "attributes": !maps.Equal(a.Attributes, b.Attributes),
		"consent_source": a.ConsentSource != b.ConsentSource,
	}
	fields := []string{}
	for name, is := range changed {
		if is {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields
}
