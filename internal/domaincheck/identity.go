package domaincheck

import "strings"

// ses looks at what SES says of the domain.
func (c *check) ses() {
	i := c.options.Identity
	if i == nil {
		return
	}
	add := func(level Level, code, detail, advice string, publish ...Record) {
		c.add(Finding{Check: "ses", Level: level, Code: code, Detail: detail, Advice: advice, Publish: publish})
	}
	switch {
	case !i.Found:
		add(Failure, "none", "SES does not know "+c.domain+" in this region.", "Create the identity in SES, with Easy DKIM.")
		return
	case !i.Verified:
		add(Failure, "not_verified", "SES has not verified "+c.domain+", and sends nothing from it.", "Publish the records, and wait some minutes.", i.cnames()...)
	case i.DKIMStatus != "SUCCESS" || !i.Signing:
		add(Failure, "not_signed", "SES does not sign mail of "+c.domain+": its DKIM is "+strings.ToLower(i.DKIMStatus)+".", "Publish the records, and switch signing on.", i.cnames()...)
	default:
		add(OK, "verified", "SES has verified "+c.domain+" and signs its mail.", "")
	}
	if i.MailFrom == "" {
		add(Note, "mail_from", "The envelope of mail by SES is of amazonses.com.", "Set a MAIL FROM domain, as in mail."+c.domain+", so that mail passes DMARC by SPF as well.")
		return
	}
	feedback := Record{i.MailFrom, "MX", "10 feedback-smtp." + i.Region + ".amazonses.com"}
	switch {
	case i.MailFromStatus != "SUCCESS":
		add(Warning, "mail_from_pending", "SES does not use the MAIL FROM domain "+i.MailFrom+": it is "+strings.ToLower(i.MailFromStatus)+".", "Publish the records.",
			feedback, Record{i.MailFrom, "TXT", spfValue([]string{sesInclude})})
	default:
		add(OK, "mail_from", "The envelope of mail by SES is of "+i.MailFrom+".", "")
	}
}

// mx looks for where answers go. A domain that takes no mail looks like one that nobody has.
func (c *check) mx() {
	list, err := c.resolver.LookupMX(c, c.domain)
	if !c.answered("mx", c.domain, err) {
		return
	}
	switch {
	case len(list) == 0:
		c.add(Finding{Check: "mx", Level: Warning, Code: "none", Detail: c.domain + " has no MX record: answers have nowhere to go.", Advice: "Publish one, or send from a domain that has one."})
	case len(list) == 1 && list[0].Host == ".":
		c.add(Finding{Check: "mx", Level: Warning, Code: "null", Detail: c.domain + " says that it takes no mail (RFC 7505): some receivers refuse mail from it.",
			Advice: "Send from a domain that takes answers."})
	default:
		c.add(Finding{Check: "mx", Level: OK, Code: "found", Detail: "Answers go to " + strings.TrimSuffix(list[0].Host, ".") + "."})
	}
}
