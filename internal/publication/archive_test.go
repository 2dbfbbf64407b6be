package publication

import (
	"slices"
	"testing"
)

// What is in the public archive unless somebody asked for it: nothing that was meant for named people, and no
// alert or transaction.
func TestListed(t *testing.T) {
	t.Parallel()
	all := map[string]any{"all": true}
	topics := map[string]any{"topics": []string{"go"}}
	named := map[string]any{"subscriber_ids": []string{idA}}
	both, mail := []string{"email", "newsletter"}, []string{"email", "slack"}
	for name, c := range map[string]struct {
		kind     string
		audience map[string]any
		channels []string
		asked    any
		listed   bool
		errors   []string
	}{
		"newsletter to all":         {"newsletter", all, both, nil, true, nil},
		"digest to topics":          {"digest", topics, both, nil, true, nil},
		"announcement":              {"announcement", all, both, nil, true, nil},
		"all but some":              {"newsletter", map[string]any{"all": true, "exclude_subscriber_ids": []string{idA}}, both, nil, true, nil},
		"named readers":             {"newsletter", named, both, nil, false, nil},
		"alert":                     {"alert", all, both, nil, false, nil},
		"transactional":             {"transactional", topics, both, nil, false, nil},
		"no page":                   {"newsletter", all, mail, nil, false, nil},
		"places only":               {"newsletter", nil, []string{"slack"}, nil, false, nil},
		"not wanted":                {"newsletter", all, both, false, false, nil},
		"not wanted, no page":       {"newsletter", all, mail, false, false, nil},
		"wanted":                    {"newsletter", topics, both, true, true, nil},
		"wanted for named readers":  {"newsletter", named, both, true, true, nil},
		"wanted alert":              {"alert", all, both, true, true, nil},
		"wanted transactional":      {"transactional", named, both, true, true, nil},
		"wanted, but has no page":   {"newsletter", all, mail, true, true, []string{"/listed not_allowed"}},
		"wanted of unknown channel": {"newsletter", all, []string{"fax"}, true, true, []string{"/channels/0 unknown_channel"}},
	} {
		r := with(map[string]any{"publication_type": c.kind, "audience": c.audience, "channels": c.channels, "listed": c.asked})
		o, err := r.Parse(now, known)
		if o.Listed != c.listed || !slices.Equal(fieldsOf(err), c.errors) {
			t.Errorf("%s: listed %t, %v", name, o.Listed, err)
		}
	}
}

// A publication that is not out in a state is one that somebody may have stopped, or that has not begun.
func TestOutStates(t *testing.T) {
	t.Parallel()
	for _, s := range States() {
		stopped := May(s, Cancelled) || May(s, Paused) || s == Cancelled || s == Paused
		begun := s != Draft && s != Scheduled && s != Queued && s != Rendering && s != Failed
		if got := slices.Contains(OutStates(), s); got != (begun && !stopped) {
			t.Errorf("%s is out: %t", s, got)
		}
	}
}
