package subscriber

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mailbox"
	"github.com/presswork/presswork/internal/zone"
)

// Input is a subscriber as a client describes them. Only Email is required.
type Input struct {
	Email, Name, Language, Timezone, Country, Status, ConsentSource string
	Topics                                                          []string
	Attributes                                                      map[string]any
}

// New is the subscriber that in describes, normalised, with defaults for what it leaves out, or an
// Invalid error with every problem: /email, /name, /language, /timezone, /country, /status,
// /topics/0, /attributes/city, /consent_source. Time zones need the IANA database, which the program embeds by
// importing time/tzdata.
func New(in Input) (Subscriber, error) {
	s, err := newParser().parse(in)
	if err != nil {
		return Subscriber{}, err
	}
	return s.withDefaults(), nil
}

func (s Subscriber) withDefaults() Subscriber {
	if s.Language == "" {
		s.Language = DefaultLanguage
	}
	if s.Timezone == "" {
		s.Timezone = DefaultTimezone
	}
	if s.Status == "" {
		s.Status = DefaultStatus
	}
	return s
}

// parser remembers what was looked up: a file of 100,000 lines has few zones, languages and topics.
type parser struct {
	zones     map[string]error
	languages map[string]parsedLanguage
	countries map[string]parsedCountry
}

type parsedLanguage struct {
	tag string
	err error
}

type parsedCountry struct {
	code string
	err  error
}

func newParser() *parser {
	return &parser{zones: map[string]error{}, languages: map[string]parsedLanguage{}, countries: map[string]parsedCountry{}}
}

// parse is New without the defaults: what was left out stays empty.
func (p *parser) parse(in Input) (Subscriber, error) {
	var f fault.Fields
	s := Subscriber{
		Email:         email(&f, in.Email),
		Name:          line(&f, "/name", in.Name, MaxName),
		Language:      p.language(&f, strings.TrimSpace(in.Language)),
		Timezone:      p.timezone(&f, strings.TrimSpace(in.Timezone)),
		Country:       p.country(&f, strings.TrimSpace(in.Country)),
		Status:        status(&f, in.Status),
		Topics:        topics(&f, in.Topics),
		Attributes:    attributes(&f, in.Attributes),
		ConsentSource: line(&f, "/consent_source", in.ConsentSource, MaxConsentSource),
	}
	return s, f.Err()
}

func email(f *fault.Fields, text string) string {
	if strings.TrimSpace(text) == "" {
		f.Add("/email", "required", "is required")
		return ""
	}
	address, err := mailbox.Parse(text)
	if err == nil && strings.HasSuffix(address, TombstoneSuffix) {
		address, err = "", mailbox.ErrDomain
	}
	if err != nil {
		f.Add("/email", "format", "%s", err)
	}
	return address
}

// line is text of one line: names stand in headers of mails.
func line(f *fault.Fields, pointer, text string, limit int) string {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		f.Add(pointer, "format", "must be one line of text without control characters")
	}
	if utf8.RuneCountInString(text) > limit {
		f.Add(pointer, "too_long", "must be at most %d characters", limit)
	}
	return text
}

// ReadConsentSource is where somebody consented, as a field of a subscriber has it, or Invalid at /consent_source.
func ReadConsentSource(given string) (string, error) {
	var f fault.Fields
	source := line(&f, "/consent_source", given, MaxConsentSource)
	return source, f.Err()
}

func status(f *fault.Fields, text string) Status {
	if text != "" && !slices.Contains(Statuses(), Status(text)) {
		f.Add("/status", "unknown_status", "must be pending, active or unsubscribed")
	}
	return Status(text)
}

func (p *parser) language(f *fault.Fields, text string) string {
	if text == "" {
		return ""
	}
	known, ok := p.languages[text]
	if !ok {
		known.tag, known.err = canonical.Language(text)
		p.languages[text] = known
	}
	if known.err != nil {
		f.Add("/language", "format", "%s", known.err)
	}
	return known.tag
}

func (p *parser) country(f *fault.Fields, text string) string {
	if text == "" {
		return ""
	}
	known, ok := p.countries[text]
	if !ok {
		known.code, known.err = canonical.Country(text)
		p.countries[text] = known
	}
	if known.err != nil {
		f.Add("/country", "format", "%s", known.err)
	}
	return known.code
}

func (p *parser) timezone(f *fault.Fields, text string) string {
	if text == "" {
		return ""
	}
	err, known := p.zones[text]
	if !known {
		err = zone.Check(text)
		p.zones[text] = err
	}
	if err != nil {
		f.Add("/timezone", "format", "must be a time zone of the IANA database like Europe/Lisbon")
		return ""
	}
	return text
}
