package publication

import (
	"fmt"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// AudienceRequest is an audience as a client names it: exactly one of All, Topics, Segments, Snapshot and Subscribers.
type AudienceRequest struct {
	All         *bool    `json:"all,omitempty"`
	Topics      []string `json:"topics,omitempty"`
	Subscribers []string `json:"subscriber_ids,omitempty"`
	Exclude     []string `json:"exclude_subscriber_ids,omitempty"`
	// Segments and ExcludeSegments are slugs.
	Segments        []string `json:"segments,omitempty"`
	ExcludeSegments []string `json:"exclude_segments,omitempty"`
	// Snapshot is the id of a snapshot of a segment.
	Snapshot *string `json:"snapshot,omitempty"`
}

// AudienceOrder is an audience that was understood. With no channel that is personal it may be empty.
type AudienceOrder struct {
	All bool
	// Topics are slugs.
	Topics []string
	// Subscribers and Exclude are sets.
	Subscribers, Exclude []ident.UID
	// Segments and ExcludeSegments are slugs.
	Segments, ExcludeSegments []string
	Snapshot                  ident.UID
}

// MaxSegments is how many segments an audience is for, or leaves out.
const MaxSegments = 20

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
	for _, given := range []bool{r.All != nil, r.Topics != nil, r.Segments != nil, r.Snapshot != nil, r.Subscribers != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		f.Add("/audience", "one_of", "must have exactly one of all, topics, segments, snapshot and subscriber_ids")
	}
	if r.All != nil && !*r.All {
		f.Add("/audience/all", "not_allowed", "must be true where it is given")
	}
	order := AudienceOrder{
		All:         r.All != nil && *r.All,
		Topics:      parseSlugs(f, "/audience/topics", r.Topics, MaxTopics, slug),
		Subscribers: parseSubscribers(f, "/audience/subscriber_ids", r.Subscribers),
		Exclude:     parseSubscribers(f, "/audience/exclude_subscriber_ids", r.Exclude),
		Segments:    parseSlugs(f, "/audience/segments", r.Segments, MaxSegments, slug),

		ExcludeSegments: parseSlugs(f, "/audience/exclude_segments", r.ExcludeSegments, MaxSegments, slug),
	}
	if r.Snapshot != nil {
		order.Snapshot = parseID(f, "/audience/snapshot", *r.Snapshot)
	}
	return order
}

// parseSlugs reads the slugs of topics or segments, which have one form.
func parseSlugs(f *fault.Fields, pointer string, names []string, most int, slug func(string) (string, error)) []string {
	if names == nil {
		return nil
	}
	if len(names) == 0 || len(names) > most {
		f.Add(pointer, countCode(len(names)), "must name 1 to %d", most)
		return nil
	}
	slugs := make([]string, 0, len(names))
	for i, name := range names {
		text, err := slug(name)
		if err != nil {
			f.Add(fmt.Sprintf("%s/%d", pointer, i), "format", "%s", err)
		}
		slugs = append(slugs, text)
	}
	return slugs
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
