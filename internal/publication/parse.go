package publication

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

func parseTitle(f *fault.Fields, title string) string {
	title = strings.TrimSpace(title)
	switch n := utf8.RuneCountInString(title); {
	case n == 0:
		f.Add("/title", "required", "must have 1 to %d characters", MaxTitle)
	case n > MaxTitle:
		f.Add("/title", "too_long", "must have at most %d characters", MaxTitle)
	case strings.ContainsFunc(title, unicode.IsControl):
		// It becomes the subject of a mail, where a line end would begin another header.
		f.Add("/title", "format", "must not contain control characters")
	}
	return title
}

func oneOf[T ~string](f *fault.Fields, pointer, value string, allowed ...T) T {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if value == string(a) {
			return a
		}
		names[i] = string(a)
	}
	code := "not_allowed"
	if value == "" {
		code = "required"
	}
	f.Add(pointer, code, "must be one of %s", strings.Join(names, ", "))
	return ""
}

func parseChannels(f *fault.Fields, names []string, known []Channel) []Channel {
	if len(names) == 0 || len(names) > MaxChannels {
		f.Add("/channels", countCode(len(names)), "must name 1 to %d channels", MaxChannels)
		return nil
	}
	channels := make([]Channel, 0, len(names))
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		pointer := fmt.Sprintf("/channels/%d", i)
		c, ok := channelNamed(known, name)
		switch {
		case !ok:
			f.Add(pointer, "unknown_channel", "must be one of %s", namesOf(known))
		case seen[name]:
			f.Add(pointer, "duplicate", "is named twice")
		default:
			seen[name] = true
			channels = append(channels, c)
		}
	}
	return channels
}

func channelNamed(channels []Channel, name string) (Channel, bool) {
	for _, c := range channels {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

func namesOf(channels []Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

func parseContents(f *fault.Fields, ids []string) []ident.UID {
	if len(ids) == 0 || len(ids) > MaxContents {
		f.Add("/content_ids", countCode(len(ids)), "must name 1 to %d content items", MaxContents)
		return nil
	}
	return parseIDs(f, "/content_ids", ids)
}

func parseAttachments(f *fault.Fields, ids []string, personal bool) []ident.UID {
	switch {
	case len(ids) > MaxAttachments:
		f.Add("/attachments", "too_many", "must name at most %d files", MaxAttachments)
		return nil
	case len(ids) > 0 && !personal:
		f.Add("/attachments", "not_allowed", "need a channel that sends mails")
	}
	return parseIDs(f, "/attachments", ids)
}

// parseIDs reads a list of ids, each of which may stand there once.
func parseIDs(f *fault.Fields, list string, ids []string) []ident.UID {
	uids := make([]ident.UID, 0, len(ids))
	seen := make(map[ident.UID]bool, len(ids))
	for i, text := range ids {
		pointer := fmt.Sprintf("%s/%d", list, i)
		uid := parseID(f, pointer, text)
		if seen[uid] && !uid.IsZero() {
			f.Add(pointer, "duplicate", "is named twice")
		}
		seen[uid] = true
		uids = append(uids, uid)
	}
	return uids
}

func parseTemplates(f *fault.Fields, ids map[string]string, channels []Channel) map[string]ident.UID {
	templates := make(map[string]ident.UID, len(ids))
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		pointer := "/template_ids/" + fault.Token(name)
		if _, ok := channelNamed(channels, name); !ok {
			f.Add(pointer, "unknown_channel", "must be one of the publication's channels")
			continue
		}
		templates[name] = parseID(f, pointer, ids[name])
	}
	return templates
}

// LocalSuffix ends a time that is meant by each reader's own clock: "2030-01-31T09:00 local". It has to be said: a time whose
// zone was forgotten is none.
const (
	LocalSuffix = " local"
	localForm   = "2006-01-02T15:04"
)

// What a clock shows comes first on earth firstAhead before UTC shows it, and last lastBehind after.
const (
	firstAhead = 14 * time.Hour
	lastBehind = 12 * time.Hour
)

// parseSchedule is when a publication begins, and whether that is when its time of day comes first on earth.
func parseSchedule(f *fault.Fields, text string, now time.Time) (at *time.Time, local bool) {
	if text == "" {
		return nil, false
	}
	shown, local := strings.CutSuffix(text, LocalSuffix)
	begins, err := time.Parse(time.RFC3339, text)
	ends := begins
	if local {
		if begins, err = time.Parse(localForm, shown); err == nil && len(shown) != len(localForm) {
			err = errors.New("the hour has two digits")
		}
		begins, ends = begins.Add(-firstAhead), begins.Add(lastBehind)
	}
	switch {
	case err != nil:
		f.Add("/schedule_at", "format", "must be an RFC 3339 time such as 2030-01-31T09:00:00Z, or one of each reader's own day such as 2030-01-31T09:00 local")
	case !ends.After(now):
		f.Add("/schedule_at", "not_in_future", "must be in the future")
	case begins.After(now.Add(MaxAhead)):
		f.Add("/schedule_at", "too_far", "must be within %d days", MaxAhead/(24*time.Hour))
	}
	begins = begins.UTC()
	return &begins, local
}

// LocalTime is what readers' clocks show when it is their turn, of a publication by local time that begins at a moment; without
// a zone of its own, it stands in UTC.
func LocalTime(begins time.Time) time.Time { return begins.UTC().Add(firstAhead) }

// ShowLocal is such a time as a request has it.
func ShowLocal(begins time.Time) string { return LocalTime(begins).Format(localForm) + LocalSuffix }

// checkLocal refuses a time of readers' own days for what has no readers, or waits for nobody's.
func checkLocal(f *fault.Fields, o Order) {
	if !o.ByLocalTime {
		return
	}
	for _, c := range o.Channels {
		if !c.Personal {
			f.Add("/schedule_at", "not_allowed", "can be by each reader's own clock on channels only that reach readers one by one, and %s is none", c.Name)
			return
		}
	}
	if o.Priority == Critical || o.Type == Transactional {
		f.Add("/schedule_at", "not_allowed", "cannot be by each reader's own clock of what is critical or transactional: that waits for nobody")
	}
}

func parseRate(f *fault.Fields, perMinute *int) int {
	if perMinute == nil {
		return 0
	}
	if *perMinute < 1 || *perMinute > MaxRate {
		f.Add("/rate_per_minute", "out_of_range", "must be 1 to %d messages a minute", MaxRate)
	}
	return *perMinute
}

func parseID(f *fault.Fields, pointer, text string) ident.UID {
	uid, err := ident.Parse(text)
	if err != nil || uid.IsZero() {
		f.Add(pointer, "format", "must be a UUID")
		return ident.UID{}
	}
	return uid
}

func countCode(n int) string {
	if n == 0 {
		return "required"
	}
	return "too_many"
}
