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

// CodeMustConfirm says that only the reader can do this.
const CodeMustConfirm = "confirmation_required"

// MustConfirm reports that nobody but the reader can make them active: they unsubscribed, or were active once and are not.
func (s Subscriber) MustConfirm() bool {
	return s.Status == Unsubscribed || s.Status == Pending && s.ConsentAt != nil
}

// Empty reports that nothing changes.
func (c Change) Empty() bool { return len(c.Fields) == 0 && !c.Consented }

// Reconsidered reports that what was held back for them is to be looked at again: they are to get less, or their day begins at
// another time.
func (c Change) Reconsidered() bool { return c.Revoked || slices.Contains(c.Fields, "timezone") }

// Change is s replaced by what in describes. Status and consent source stay as they are where in leaves
// them out. Errors are Invalid as of New, and Conflict (confirmation_required): who has unsubscribed comes back only by
// confirming that they want to, and so does who is pending and got messages before. Nobody can say so for them.
func (s Subscriber) Change(in Input) (Change, error) {
	if in.Status == "" {
		in.Status = string(s.Status)
	}
	next, err := New(in)
	if err != nil {
		return Change{}, err
	}
	if s.Status == Unsubscribed && next.Status != Unsubscribed || s.MustConfirm() && next.Status == Active {
		return Change{}, fault.New(fault.Conflict, CodeMustConfirm,
			"This subscriber has unsubscribed. Only they can come back, by the link of a confirmation that is mailed to them.")
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
