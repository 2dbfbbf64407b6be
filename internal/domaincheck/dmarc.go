package domaincheck

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// organisation is the domain that was registered: DMARC falls back to its record, and alignment is within it.
func organisation(domain string) string {
	name, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return name
}

// dmarcRecords are those at a name.
func (c *check) dmarcRecords(domain string) ([]string, bool) {
	list, ok := c.txt("dmarc", "_dmarc."+domain)
	return slices.DeleteFunc(list, func(text string) bool {
		tags, names := tagList(text)
		return len(names) == 0 || names[0] != "v" || tags["v"] != "DMARC1"
	}), ok
}

func (c *check) dmarc() {
	at := c.domain
	records, ok := c.dmarcRecords(at)
	if organisation(at) != at && ok && len(records) == 0 {
		at = organisation(at)
		records, ok = c.dmarcRecords(at)
	}
	if !ok {
		return
	}
	want := []Record{{"_dmarc." + organisation(c.domain), "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@" + organisation(c.domain)}}
	switch len(records) {
	case 0:
		c.add(Finding{Check: "dmarc", Level: Failure, Code: "none", Detail: c.domain + " has no DMARC record; Gmail and Yahoo want one of whoever sends many mails.",
			Advice: "Publish one that only has reports sent, and make it stricter when they show that all of your mail passes.", Publish: want})
	case 1:
		c.judgeDMARC(at, records[0])
	default:
		c.add(Finding{Check: "dmarc", Level: Failure, Code: "several", Detail: fmt.Sprintf("_dmarc.%s has %d DMARC records, so receivers go by none of them.", at, len(records)), Advice: "Leave one."})
	}
}

func (c *check) judgeDMARC(at, record string) {
	tags, _ := tagList(record)
	asks, policy := "p", tags["p"]
	if sub := tags["sp"]; sub != "" && at != c.domain {
		asks, policy = "sp", sub
	}
	name := "_dmarc." + at
	f := Finding{Check: "dmarc", Level: OK, Code: "found", Detail: "DMARC asks receivers for " + asks + "=" + policy + " (" + name + ")."}
	switch {
	case !slices.Contains([]string{"none", "quarantine", "reject"}, strings.ToLower(policy)):
		f = Finding{Check: "dmarc", Level: Failure, Code: "syntax", Detail: "The DMARC record at " + name + " has no policy that is one.", Advice: "Have it say p=none, p=quarantine or p=reject."}
	case strings.EqualFold(policy, "none"):
		f.Level, f.Code, f.Advice = Note, "watching", "When the reports show that all of your mail passes, ask for "+asks+"=quarantine."
		f.Publish = []Record{{name, "TXT", saying(record, asks, "quarantine")}}
	case tags["pct"] != "" && tags["pct"] != "100":
		f.Level, f.Code, f.Advice = Note, "partial", "pct="+tags["pct"]+" leaves some mail out: remove it."
	}
	c.add(f)
	c.reports(at, name, tags["rua"])
	if f.Level != Failure {
		c.alignment(tags)
	}
}

// saying is a record with another value of a tag that it has.
func saying(record, tag, value string) string {
	parts := strings.Split(record, ";")
	for i, part := range parts {
		if name, _, _ := strings.Cut(part, "="); strings.EqualFold(strings.TrimSpace(name), tag) {
			before := part[:len(part)-len(strings.TrimLeft(part, " \t"))]
			parts[i] = before + tag + "=" + value
			break
		}
	}
	return strings.Join(parts, ";")
}

// reports looks at where reports go. Another domain has to agree (RFC 7489, 7.1).
func (c *check) reports(at, name, rua string) {
	if rua == "" {
		c.add(Finding{Check: "dmarc", Level: Note, Code: "no_reports", Detail: "Nobody gets DMARC's reports of " + at + ".", Advice: "Add rua=mailto:… to " + name + "."})
		return
	}
	for uri := range strings.SplitSeq(rua, ",") {
		address, is := strings.CutPrefix(strings.ToLower(strings.TrimSpace(uri)), "mailto:")
		address, _, _ = strings.Cut(address, "!")
		_, domain, has := strings.Cut(address, "@")
		if !is || !has || domain == "" {
			c.add(Finding{Check: "dmarc", Level: Warning, Code: "bad_rua", Detail: "rua at " + name + " has something that is no mailto: address.", Advice: "Correct it."})
			continue
		}
		if organisation(domain) == organisation(at) {
			continue
		}
		agrees := at + "._report._dmarc." + domain
		list, ok := c.txt("dmarc", agrees)
		if ok && !slices.ContainsFunc(list, func(text string) bool { return strings.HasPrefix(text, "v=DMARC1") }) {
			c.add(Finding{Check: "dmarc", Level: Warning, Code: "rua_not_agreed", Detail: domain + " does not say that it takes reports of " + at + ", so nobody sends any.",
				Advice: "Have it publish the record, or name another address.", Publish: []Record{{agrees, "TXT", "v=DMARC1"}}})
		}
	}
}

// alignment says by what mail from SES passes DMARC: a signature or an envelope of the domain of the From header.
func (c *check) alignment(tags map[string]string) {
	i := c.options.Identity
	if i == nil || !i.Found {
		return
	}
	signed := i.Signing && i.DKIMStatus == "SUCCESS" // SES signs with d= the identity
	aligned := i.MailFrom != "" && i.MailFromStatus == "SUCCESS" &&
		(i.MailFrom == c.domain || tags["aspf"] != "s" && organisation(i.MailFrom) == organisation(c.domain))
	switch {
	case signed && aligned:
		c.add(Finding{Check: "dmarc", Level: OK, Code: "aligned", Detail: "Mail by SES passes DMARC by its signature and by its envelope."})
	case signed:
		c.add(Finding{Check: "dmarc", Level: OK, Code: "aligned_dkim", Detail: "Mail by SES passes DMARC by its signature; its envelope is of another domain.",
			Advice: "A MAIL FROM domain of your own, as in mail." + c.domain + ", makes it pass by both."})
	case aligned:
		c.add(Finding{Check: "dmarc", Level: Warning, Code: "aligned_spf", Detail: "Mail by SES passes DMARC by its envelope only, which forwarding breaks.", Advice: "Switch DKIM on for the identity."})
	default:
		c.add(Finding{Check: "dmarc", Level: Failure, Code: "not_aligned", Detail: "Mail by SES does not pass DMARC: neither its signature nor its envelope is of " + c.domain + ".",
			Advice: "Switch DKIM on for the identity."})
	}
}
