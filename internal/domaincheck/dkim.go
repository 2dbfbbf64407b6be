package domaincheck

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// RFC 8301 has signers use at least 2048 bits, and receivers refuse less than 1024.
const (
	leastBits = 1024
	goodBits  = 2048
)

func (c *check) dkim() {
	var easy []Record
	if c.options.Identity != nil {
		easy = c.options.Identity.cnames()
	}
	if len(easy)+len(c.options.Selectors) == 0 {
		c.add(Finding{Check: "dkim", Level: Unknown, Code: "no_selector", Detail: "No DKIM key was looked for: the DNS does not say which there are.",
			Advice: "Name the selector of the signature (s=) of a mail that was sent, or ask SES."})
	}
	for _, selector := range c.options.Selectors {
		c.key(selector + "._domainkey." + c.domain)
	}
	for _, record := range easy {
		c.key(record.Name, record)
	}
}

// key looks at the key at a name. publish is the record that leads to it, if that is known.
func (c *check) key(name string, publish ...Record) {
	list, ok := c.txt("dkim", name)
	if !ok {
		return
	}
	list = slices.DeleteFunc(list, func(text string) bool { return !strings.Contains(text, "p=") })
	f := Finding{Check: "dkim", Level: Failure, Publish: publish}
	switch {
	case len(list) == 0:
		f.Code, f.Detail, f.Advice = "none", "There is no DKIM key at "+name+".", "Publish the record that whoever signs the mail names."
	case len(list) > 1:
		f.Code, f.Detail, f.Advice = "several", fmt.Sprintf("There are %d DKIM keys at %s: receivers may take any.", len(list), name), "Leave only the one that mail is signed with."
	default:
		f = judgeKey(name, list[0], f)
	}
	c.add(f)
}

func judgeKey(name, record string, f Finding) Finding {
	tags, _ := tagList(record)
	bits, err := keyBits(tags)
	switch {
	case tags["v"] != "" && tags["v"] != "DKIM1":
		f.Code, f.Detail, f.Advice = "syntax", "The record at "+name+" is no DKIM key: v= is not DKIM1.", "Publish it anew."
	case tags["p"] == "":
		f.Code, f.Detail, f.Advice = "revoked", "The DKIM key at "+name+" is revoked (p= is empty).", "Sign with another key, or publish this one anew."
	case err != nil:
		f.Code, f.Detail, f.Advice = "syntax", "The DKIM key at "+name+" cannot be read: "+err.Error()+".", "Publish it anew; look for characters that were lost, and for quotes."
	case bits < leastBits:
		f.Code, f.Detail, f.Advice = "weak", fmt.Sprintf("The DKIM key at %s has %d bits: receivers do not believe it.", name, bits), "Make one of 2048 bits."
	case bits < goodBits:
		f.Level, f.Code = Warning, "short"
		f.Detail, f.Advice = fmt.Sprintf("The DKIM key at %s has %d bits.", name, bits), "Make one of 2048 bits."
	case slices.Contains(strings.Split(tags["t"], ":"), "y"):
		f.Level, f.Code = Warning, "testing"
		f.Detail, f.Advice = "The DKIM key at "+name+" says that it is being tested (t=y): receivers may take mail for unsigned.", "Remove t=y."
	default:
		return Finding{Check: "dkim", Level: OK, Code: "found", Detail: "There is a good DKIM key at " + name + "."}
	}
	return f
}

// keyBits is the strength of the public key of a record, in bits of RSA.
func keyBits(tags map[string]string) (int, error) {
	if tags["p"] == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(tags["p"]), ""))
	if err != nil {
		return 0, fmt.Errorf("p= is not base64")
	}
	switch tags["k"] {
	case "ed25519":
		if len(raw) != ed25519.PublicKeySize {
			return 0, fmt.Errorf("it has %d bytes, of Ed25519 it should have %d", len(raw), ed25519.PublicKeySize)
		}
		return goodBits, nil
	case "", "rsa":
		if key, err := x509.ParsePKIXPublicKey(raw); err == nil {
			if public, is := key.(*rsa.PublicKey); is {
				return public.N.BitLen(), nil
			}
		}
		if key, err := x509.ParsePKCS1PublicKey(raw); err == nil { // as RFC 6376 has it in an erratum
			return key.N.BitLen(), nil
		}
		return 0, fmt.Errorf("p= is no RSA key")
	default:
		return 0, fmt.Errorf("k= is neither rsa nor ed25519")
	}
}

// tagList reads "v=DKIM1; k=rsa; p=…" (RFC 6376, 3.2), with the names in their order.
func tagList(text string) (tags map[string]string, names []string) {
	tags = map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, is := strings.Cut(part, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); is && name != "" {
			if _, twice := tags[name]; !twice {
				tags[name], names = strings.TrimSpace(value), append(names, name)
			}
		}
	}
	return tags, names
}
