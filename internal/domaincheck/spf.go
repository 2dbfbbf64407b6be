package domaincheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Bounds of evaluating SPF.
const (
	// maxLookups is how many terms that ask the DNS a receiver follows (RFC 7208, 4.6.4).
	maxLookups = 10
	// sesInclude is what mail from SES needs where its envelope is the domain's own.
	sesInclude = "amazonses.com"
	// maxTXT is beyond what a record should have, so that an answer fits a packet (RFC 7208, 3.4).
	maxTXT = 450
)

// spfRun is the evaluation of one record with all that it includes.
type spfRun struct {
	*check
	lookups  int
	included []string // every name, in the order in which it was met
	broken   *Finding // what makes the record void
}

// spf looks at the record of the domain in mail's envelope: that of the From header, or SES's MAIL FROM domain if there is one.
func (c *check) spf() {
	envelope, relays := c.domain, c.options.Relays
	if i := c.options.Identity; i != nil && i.MailFrom != "" {
		envelope, relays = i.MailFrom, append(slices.Clone(relays), sesInclude)
	}
	records, ok := c.spfRecords(envelope)
	if !ok {
		return
	}
	want := []Record{{Name: envelope, Type: "TXT", Value: spfValue(relays)}}
	switch len(records) {
	case 0:
		c.add(Finding{Check: "spf", Level: c.spfMissing(envelope), Code: "none", Detail: envelope + " has no SPF record.",
			Advice: "Publish one that names whoever sends for the domain.", Publish: want})
		return
	case 1:
	default:
		c.add(Finding{Check: "spf", Level: Failure, Code: "several", Detail: fmt.Sprintf("%s has %d SPF records, so receivers go by none of them.", envelope, len(records)),
			Advice: "Join them into one, and remove the others.", Publish: want})
		return
	}
	run, before := &spfRun{check: c}, len(c.findings)
	last := run.follow(envelope, records[0], []string{envelope})
	if run.broken != nil {
		c.add(*run.broken)
		return
	}
	c.judgeSPF(envelope, records[0], last, run, relays)
	if len(c.findings) == before {
		c.add(Finding{Check: "spf", Level: OK, Code: "found", Detail: fmt.Sprintf("The SPF record of %s ends with %s and takes %d of %d look-ups.", envelope, last, run.lookups, maxLookups)})
	}
}

// spfMissing: mail by SES with SES's own envelope passes SPF without, and is aligned by DKIM.
func (c *check) spfMissing(envelope string) Level {
	if c.options.Identity != nil && envelope == c.domain {
		return Note
	}
	return Failure
}

func spfValue(relays []string) string {
	parts := []string{"v=spf1"}
	for _, relay := range relays {
		parts = append(parts, "include:"+relay)
	}
	return strings.Join(append(parts, "~all"), " ")
}

func (c *check) judgeSPF(envelope, record, last string, run *spfRun, relays []string) {
	for _, relay := range relays {
		if !slices.Contains(run.included, relay) {
			c.add(Finding{Check: "spf", Level: Failure, Code: "not_included", Detail: "The SPF record of " + envelope + " does not include " + relay + ".",
				Advice: "Add it before the last term.", Publish: []Record{{envelope, "TXT", including(record, relay)}}})
		}
	}
	switch {
	case run.lookups > maxLookups:
		c.add(Finding{Check: "spf", Level: Failure, Code: "too_many_lookups",
			Detail: fmt.Sprintf("The SPF record of %s takes %d look-ups; receivers give up after %d.", envelope, run.lookups, maxLookups),
			Advice: "Leave out what does not send any more, and replace a and mx by ip4 and ip6."})
	case last == "+all":
		c.add(Finding{Check: "spf", Level: Failure, Code: "open", Detail: "The SPF record of " + envelope + " lets everybody send for it (+all).", Advice: "End it with ~all."})
	case last == "?all" || last == "":
		c.add(Finding{Check: "spf", Level: Warning, Code: "neutral", Detail: "The SPF record of " + envelope + " says nothing of who is not named.", Advice: "End it with ~all."})
	}
	if len(record) > maxTXT {
		c.add(Finding{Check: "spf", Level: Note, Code: "long", Detail: fmt.Sprintf("The SPF record of %s has %d characters, more than fit a packet with what else is there.", envelope, len(record)),
			Advice: "Shorten it."})
	}
}

// including is a record with one more include, before its last term.
func including(record, relay string) string {
	terms := strings.Fields(record)
	at := len(terms)
	if last := strings.ToLower(terms[at-1]); strings.HasSuffix(last, "all") || strings.HasPrefix(last, "redirect=") {
		at--
	}
	return strings.Join(slices.Insert(terms, at, "include:"+relay), " ")
}

func (c *check) spfRecords(name string) ([]string, bool) {
	list, ok := c.txt("spf", name)
	return slices.DeleteFunc(list, func(text string) bool {
		version, _, _ := strings.Cut(text, " ")
		return !strings.EqualFold(version, "v=spf1")
	}), ok
}

// follow goes through the terms of a record and all that it includes, and returns the "all" that holds, with its sign; empty
// if there is none. path are the names that led here.
func (r *spfRun) follow(name, record string, path []string) (all string) {
	redirect := ""
	for _, term := range strings.Fields(record)[1:] {
		if r.broken != nil || r.lookups > 2*maxLookups {
			return ""
		}
		sign, mechanism, value, known := spfTerm(term)
		switch {
		case !known:
			r.fail(name, "syntax", "has a term that is none: "+term, "Correct or remove it.")
			return ""
		case mechanism == "all":
			return sign + "all"
		case mechanism == "redirect":
			redirect = value
		case mechanism == "include":
			r.enter(name, value, path)
		case slices.Contains([]string{"a", "mx", "ptr", "exists"}, mechanism):
			r.lookups++
		}
	}
	if redirect == "" {
		return ""
	}
	return r.enter(name, redirect, path)
}

// enter follows the record of a name that another one includes.
func (r *spfRun) enter(from, name string, path []string) string {
	r.lookups++
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.Contains(name, "%") {
		return "" // a macro: it depends on the mail
	}
	r.included = append(r.included, name)
	if slices.Contains(path, name) {
		r.fail(from, "loop", "includes "+name+", which leads back to it", "Remove one of the includes.")
		return ""
	}
	if r.lookups > maxLookups {
		return ""
	}
	records, ok := r.spfRecords(name)
	if !ok {
		return ""
	}
	if len(records) != 1 {
		r.fail(from, "include_void", fmt.Sprintf("includes %s, which has %d SPF records", name, len(records)), "Remove it, or have whoever runs it mend it.")
		return ""
	}
	return r.follow(name, records[0], append(path[:len(path):len(path)], name))
}

func (r *spfRun) fail(name, code, what, advice string) {
	if r.broken == nil {
		r.broken = &Finding{Check: "spf", Level: Failure, Code: code, Detail: "The SPF record of " + name + " " + what + ": receivers take it for broken.", Advice: advice}
	}
}

// spfTerm reads a term (RFC 7208, 4.6.1 and 12).
func spfTerm(term string) (sign, mechanism, value string, known bool) {
	text := strings.ToLower(term)
	if name, value, is := strings.Cut(text, "="); is && !strings.ContainsAny(name, ":/") {
		return "", name, value, name != "" && (name != "redirect" || value != "") // unknown modifiers are passed over
	}
	sign = "+"
	if strings.ContainsAny(text[:1], "+-~?") {
		sign, text = text[:1], text[1:]
	}
	mechanism, value, given := strings.Cut(text, ":")
	if !given {
		mechanism, _, _ = strings.Cut(mechanism, "/")
	}
	switch mechanism {
	case "all", "ptr", "a", "mx":
		known = mechanism != "all" || text == "all"
	case "include", "exists":
		known = value != ""
	case "ip4", "ip6":
		known = isNetwork(value, mechanism == "ip4")
	}
	return sign, mechanism, value, known
}

func isNetwork(text string, four bool) bool {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Addr().Is4() == four
	}
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is4() == four
}
