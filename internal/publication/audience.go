package publication

import (
	"fmt"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// AudienceRequest is an audience as a client names it: exactly one of All, Topics and Subscribers.
type AudienceRequest struct {
	All         *bool    `json:"all,omitempty"`
	Topics      []string `json:"topics,omitempty"`
	Subscribers []string `json:"subscriber_ids,omitempty"`
	Exclude     []string `json:"exclude_subscriber_ids,omitempty"`
}

// AudienceOrder is an audience that was understood. With no channel that is personal it may be empty.
type AudienceOrder struct {
	All bool
	// Topics are slugs.
	Topics []string
	// Subscribers and Exclude are sets.
	Subscribers, Exclude []ident.UID
}

// maxFieldErrors bounds how many bad elements of one list are told.
const maxFieldErrors = 100

func parseAudience(f *fault.Fields, r *AudienceRequest, slug func(string) (string, error), required bool) AudienceOrder {
	if r == nil {
		if required {
			f.Add("/audience", "required", "is required by a channel that reaches subscribers one by one")
		}
		return AudienceOrder{}
	}
	ways := 0
	for _, given := range []bool{r.All != nil, r.Topics != nil, r.Subscribers != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		f.Add("/audience", "one_of", "must have exactly one of all, topics and subscriber_ids")
	}
	if r.All != nil && !*r.All {
		f.Add("/audience/all", "not_allowed", "must be true where it is given")
	}
	return AudienceOrder{
		All:         r.All != nil && *r.All,
		Topics:      parseTopics(f, r.Topics, slug),
		Subscribers: parseSubscribers(f, "/audience/subscriber_ids", r.Subscribers),
		Exclude:     parseSubscribers(f, "/audience/exclude_subscriber_ids", r.Exclude),
	}
}

func parseTopics(f *fault.Fields, names []string, slug func(string) (string, error)) []string {
	if names == nil {
		return nil
	}
	if len(names) == 0 || len(names) > MaxTopics {
		f.Add("/audience/topics", countCode(len(names)), "must name 1 to %d topics", MaxTopics)
		return nil
	}
	topics := make([]string, 0, len(names))
	for i, name := range names {
		topic, err := slug(name)
		if err != nil {
			f.Add(fmt.Sprintf("/audience/topics/%d", i), "format", "%s", err)
		}
		topics = append(topics, topic)
	}
	return topics
}

// parseSubscribers reads a set of ids: one that is named twice counts once.
func parseSubscribers(f *fault.Fields, pointer string, ids []string) []ident.UID {
	if ids == nil {
		return nil
	}
	if len(ids) > MaxSubscribers || len(ids) == 0 && pointer == "/audience/subscriber_ids" {
		f.Add(pointer, countCode(len(ids)), "must name 1 to %d subscribers", MaxSubscribers)
		return nil
	}
	set := make([]ident.UID, 0, len(ids))
	seen := make(map[ident.UID]bool, len(ids))
	bad := 0
	for i, text := range ids {
		if bad == maxFieldErrors {
			break
		}
		uid := parseID(f, fmt.Sprintf("%s/%d", pointer, i), text)
		if uid.IsZero() {
			bad++
		} else if !seen[uid] {
			seen[uid] = true
			set = append(set, uid)
		}
	}
	return set
}
