package sandbox

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// HeaderDelivery is the header in which an e-mail or an HTTP request names the delivery it belongs to.
const HeaderDelivery = "X-Presswork-Delivery"

// pageSize is how many neighbouring recipients share one block of counters: big enough that a dense
// audience costs two bytes a recipient, small enough that a thin one does not cost much more.
const pageSize = 128

// identitySet counts how often each identity was seen. Identities that end in a recipient number
// (nearly all of them) are counters in small pages; the others are kept as text.
type identitySet struct {
	prefixes map[string]int
	names    []string
	pages    map[pageKey]*[pageSize]uint16
	others   map[string]uint32
}

// pageKey names the page of one prefix ("publicationUID/channel") and one range of recipients.
type pageKey struct {
	prefix int
	page   uint64
}

func newIdentitySet() identitySet {
	return identitySet{
		prefixes: map[string]int{},
		pages:    map[pageKey]*[pageSize]uint16{},
		others:   map[string]uint32{},
	}
}

// add counts one more sighting and says how many there are now. Counts stop at 65,535.
func (s *identitySet) add(identity string) int {
	prefix, recipient, numbered := splitIdentity(identity)
	if !numbered {
		s.others[identity]++
		return int(s.others[identity])
	}
	index, known := s.prefixes[prefix]
	if !known {
		index = len(s.names)
		prefix = strings.Clone(prefix)
		s.prefixes[prefix] = index
		s.names = append(s.names, prefix)
	}
	key := pageKey{index, recipient / pageSize}
	page := s.pages[key]
	if page == nil {
		page = new([pageSize]uint16)
		s.pages[key] = page
	}
	count := &page[recipient%pageSize]
	if *count < ^uint16(0) {
		*count++
	}
	return int(*count)
}

// count says how often the identity was seen.
func (s *identitySet) count(identity string) int {
	prefix, recipient, numbered := splitIdentity(identity)
	if !numbered {
		return int(s.others[identity])
	}
	index, known := s.prefixes[prefix]
	if !known {
		return 0
	}
	page := s.pages[pageKey{index, recipient / pageSize}]
	if page == nil {
		return 0
	}
	return int(page[recipient%pageSize])
}

// clone copies the set, so that it can be read without holding anybody up.
func (s *identitySet) clone() identitySet {
	pages := make(map[pageKey]*[pageSize]uint16, len(s.pages))
	for key, page := range s.pages {
		copied := *page
		pages[key] = &copied
	}
	return identitySet{names: slices.Clone(s.names), pages: pages, others: maps.Clone(s.others)}
}

// all yields every identity with its count: numbered ones by publication in order of arrival and by
// recipient, then the others in order of their text.
func (s *identitySet) all() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		keys := slices.SortedFunc(maps.Keys(s.pages), func(a, b pageKey) int {
			return cmp.Or(cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.page, b.page))
		})
		for _, key := range keys {
			for i, count := range s.pages[key] {
				recipient := key.page*pageSize + uint64(i)
				if count > 0 && !yield(s.names[key.prefix]+"/"+strconv.FormatUint(recipient, 10), int(count)) {
					return
				}
			}
		}
		for _, identity := range slices.Sorted(maps.Keys(s.others)) {
			if !yield(identity, int(s.others[identity])) {
				return
			}
		}
	}
}

// splitIdentity takes "publicationUID/channel/42" apart before the recipient number. It declines
// whatever would not come back as the same text.
func splitIdentity(identity string) (prefix string, recipient uint64, ok bool) {
	slash := strings.LastIndexByte(identity, '/')
	if slash < 0 {
		return "", 0, false
	}
	digits := identity[slash+1:]
	if digits == "" || len(digits) > 19 || digits[0] == '+' || (digits[0] == '0' && len(digits) > 1) {
		return "", 0, false
	}
	recipient, err := strconv.ParseUint(digits, 10, 64)
	return identity[:slash], recipient, err == nil
}

// publicationOf returns the publication an identity belongs to, or "" if it does not say.
func publicationOf(identity string) string {
	publication, rest, found := strings.Cut(identity, "/")
	if !found || !strings.Contains(rest, "/") {
		return ""
	}
	return publication
}

// mailChannel says which channel a mail with this identity belongs to: its middle part if that is a
// mail channel, else email.
func mailChannel(identity string) string {
	_, rest, _ := strings.Cut(identity, "/")
	if channel, _, _ := strings.Cut(rest, "/"); channel == ChannelNewsletter {
		return ChannelNewsletter
	}
	return ChannelEmail
}

// deliveryHeader is HeaderDelivery as it stands at the beginning of a line.
var deliveryHeader = []byte("\r\n" + HeaderDelivery + ":")

// identityOf finds the identity in the head of a raw mail without parsing it; "" if there is none.
func identityOf(raw []byte) string {
	head := raw
	if end := bytes.Index(raw, []byte("\r\n\r\n")); end >= 0 {
		head = raw[:end+2]
	}
	if at := bytes.Index(head, deliveryHeader); at >= 0 {
		return headerValue(head[at+len(deliveryHeader):])
	}
	// The header is the first line, or its name is written in other letters.
	for line := head; len(line) > 0; {
		if name, value, found := bytes.Cut(line, []byte(":")); found && len(name) == len(HeaderDelivery) &&
			strings.EqualFold(string(name), HeaderDelivery) {
			return headerValue(value)
		}
		next := bytes.IndexByte(line, '\n')
		if next < 0 {
			break
		}
		line = line[next+1:]
	}
	return ""
}

// headerValue reads a header's value from what follows its colon, unfolding it (RFC 5322, 2.2.3). An
// identity has no blanks, so those that come from folding are dropped.
func headerValue(rest []byte) string {
	var value []byte
	for {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		value = append(value, bytes.TrimSpace(line)...)
		if !found || len(after) == 0 || (after[0] != ' ' && after[0] != '\t') {
			return string(value)
		}
		rest = after
	}
}
