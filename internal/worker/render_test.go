package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/tasks"
)

var (
	email, newsletter, slack = channel.Email.ID(), channel.Newsletter.ID(), channel.Slack.ID()
	webhook                  = channel.Webhook.ID()
)

// story is a store with a publication on the given channels.
func story(channels ...int16) *memory {
	return &memory{audience: 10,
		p:     &publication.Publication{ID: 7, UID: ident.New(), Title: "Spring", Priority: publication.Normal, Channels: channels},
		items: []content.Item{{Title: "Seeds", Body: "Sow early.", Format: content.Markdown, URL: "https://example.org/seeds"}},
	}
}

// plain gives a store's publication an e-mail template of its own, which is quick to prepare.
func (m *memory) plain() *memory {
	m.p.Templates = map[string]publication.Pin{"email": {ID: 1, Version: 2}}
	m.set = template.Set{Name: "own", Channel: "email", Languages: map[string]template.Source{"en": {HTML: "<p>en</p>"}}}
	return m
}

// render runs the render task of a store's publication and says how often the relay was poked.
func render(t *testing.T, m *memory) (pokes int, err error) {
	t.Helper()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	var engine template.Engine
	if engine, err = jinja.New(nil); err != nil {
		t.Fatal(err)
	}
	if m.limit != "" {
		engine = limited{engine, m.limit, true}
	}
	poke := func() { pokes++ }
	h := Render{Store: m, Library: library, Engine: engine, Writer: content.NewWriter(), Sets: NewSets(), PublicURL: "https://house.example", Poke: poke, Log: zap.NewNop(),
		Retried: func(context.Context) int { return m.retried }, Personalize: &Personalize{Store: m, Poke: poke}}
	return pokes, h.Handle(t.Context(), tasks.NewRender(7, 1))
}

func TestHowAnAudienceIsExpanded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		size     int
		priority publication.Priority
		ranges   int
		inline   bool
		lane     tasks.Lane
	}{
		{0, publication.Normal, 1, true, tasks.LaneCritical},
		{publication.SmallAudience, publication.Normal, 1, true, tasks.LaneCritical},
		{publication.SmallAudience + 1, publication.Normal, 1, false, tasks.LaneNormal},
		{publication.LargeAudience - 1, publication.Normal, 1, false, tasks.LaneNormal},
		{publication.LargeAudience, publication.Normal, maxRanges, false, tasks.LaneBulk},
		{5_000_000, publication.Critical, maxRanges, false, tasks.LaneCritical},
		{10, publication.Bulk, 1, true, tasks.LaneBulk},
	} {
		m := story(email).plain()
		m.audience, m.p.Priority = tc.size, tc.priority
		if _, err := render(t, m); err != nil || m.fanout == nil {
			t.Fatalf("%d: %v", tc.size, err)
		}
		if f := m.fanout; f.Ranges != tc.ranges || f.Inline != tc.inline || f.Lane != tc.lane {
			t.Errorf("%d %s: %d ranges, inline %v, lane %s", tc.size, tc.priority, f.Ranges, f.Inline, f.Lane)
		}
	}
}

func TestSmallAudienceIsExpandedAtOnce(t *testing.T) {
	t.Parallel()
	m := story(email, slack, newsletter).plain()
	for gen := range 3 {
		m.pages = append(m.pages, &publication.Page{Range: 1, Gen: gen + 1, Publication: m.p, Readers: []publication.Reader{{ID: int64(gen)}}})
	}
	pokes, err := render(t, m)
	if err != nil || len(m.expanded) != 3 || pokes != 4 {
		t.Fatalf("%v, %d pages, %d pokes", err, len(m.expanded), pokes)
	}
	for i, e := range m.expanded {
		if e.gen != i+1 || !e.inline || !slices.Equal(e.channels, []int16{email, newsletter}) || len(e.choices) != 1 {
			t.Errorf("page %d: %+v", i, e)
		}
	}
	if !slices.Equal(m.fanout.Broadcasts, []int16{slack}) {
		t.Errorf("broadcasts %v", m.fanout.Broadcasts)
	}
	m.expandErr = errAway
	if _, err := render(t, m); !errors.Is(err, errAway) {
		t.Errorf("with the database away: %v", err)
	}
}

// TestBrandIsPinned: what is rendered has the brand as it was then, with its colours in the built-in template and the postal
// address that the sender has not.
func TestBrandIsPinned(t *testing.T) {
	t.Parallel()
	id := int32(3)
	m := story(email)
	m.p.SenderID, m.from.BrandID = &id, &id
	m.brand = brand.Brand{ID: id, Name: "Daily", Color: "#ffcc00", PostalAddress: "1 Street"}
	if _, err := render(t, m); err != nil {
		t.Fatal(err)
	}
	for _, stored := range m.fanout.Renditions {
		var r rendition.Rendition
		if err := json.Unmarshal(stored.Body, &r); err != nil {
			t.Fatal(err)
		}
		if r.Brand.Name != "Daily" || r.Brand.TextColor != "#000000" || r.Sender.PostalAddress != "1 Street" || !strings.Contains(r.HTML, "background-color:#ffcc00") {
			t.Errorf("in %s: %+v, %+v", stored.Language, r.Brand, r.Sender)
		}
	}
	m = m.plain()
	if _, err := render(t, m); err != nil || strings.Contains(string(m.fanout.Renditions[0].Body), "background-color") {
		t.Errorf("a template of its own: %v, %s", err, m.fanout.Renditions[0].Body)
	}
	m = story(email).plain()
	if _, err := render(t, m); err != nil || strings.Contains(string(m.fanout.Renditions[0].Body), `"brand":`) {
		t.Errorf("of no brand: %v, %s", err, m.fanout.Renditions[0].Body)
	}
}

func TestBroadcastsHaveNoAudience(t *testing.T) {
	t.Parallel()
	m := story(slack, webhook)
	if _, err := render(t, m); err != nil {
		t.Fatal(err)
	}
	if f := m.fanout; f.Ranges != 0 || m.counted != 0 || !slices.Equal(f.Broadcasts, []int16{slack, webhook}) || len(f.Renditions) != 2 || f.Lane != tasks.LaneNormal {
		t.Errorf("%+v, counted %d times", f, m.counted)
	}
}

// TestRenditions are one for each channel and language, with links that all of them share.
func TestRenditions(t *testing.T) {
	t.Parallel()
	m := story(email, newsletter, slack)
	id := int32(3)
	m.p.SenderID = &id
	m.from.FromName, m.from.PostalAddress = "The House", "1 Paper Lane"
	if _, err := render(t, m); err != nil {
		t.Fatal(err)
	}
	byKey := map[string]rendition.Rendition{}
	for _, s := range m.fanout.Renditions {
		var r rendition.Rendition
		if err := json.Unmarshal(s.Body, &r); err != nil {
			t.Fatal(err)
		}
		byKey[fmt.Sprint(s.Channel, s.Language)] = r
		if r.Language != s.Language || r.Publication.Title != "Spring" || r.Sender.PostalAddress != "1 Paper Lane" {
			t.Errorf("%d %s: %+v", s.Channel, s.Language, r)
		}
		if want := "https://house.example/p/n/" + m.p.UID.String(); r.Publication.URL != want {
			t.Errorf("its page is %s, want %s", r.Publication.URL, want)
		}
	}
	// The built-in templates speak five languages; Slack has one rendition for all.
	if len(byKey) != 5+5+1 || byKey["3en"].Text == "" || !strings.Contains(byKey["2de"].HTML, "Weiterlesen") {
		t.Errorf("%d renditions", len(byKey))
	}
	if !slices.Contains(m.fanout.Links, "https://example.org/seeds") {
		t.Errorf("links %v", m.fanout.Links)
	}
	if n := len(m.fanout.Links); n != len(slices.Compact(slices.Sorted(slices.Values(m.fanout.Links)))) {
		t.Errorf("a link has two numbers: %v", m.fanout.Links)
	}
}

func TestPinnedTemplate(t *testing.T) {
	t.Parallel()
	m := story(email)
	m.p.Templates = map[string]publication.Pin{"email": {ID: 1, Version: 2}}
	m.set = template.Set{Name: "own", Channel: "email", Languages: map[string]template.Source{
		"fr": {Subject: "Bonjour", HTML: "<p>fr</p>"}, "de": {Subject: "Hallo", HTML: "<p>de</p>", Text: "de"}}}
	if _, err := render(t, m); err != nil {
		t.Fatal(err)
	}
	list := m.fanout.Renditions
	if len(list) != 2 || list[0].Language != "de" || list[1].Language != "fr" {
		t.Fatalf("renditions %v", list)
	}
	var fr rendition.Rendition
	if err := json.Unmarshal(list[1].Body, &fr); err != nil || fr.Subject != "Bonjour" || fr.Text == "" || fr.Publication.URL != "" {
		t.Errorf("%+v, %v: want the built-in text where there is none, and no page", fr, err)
	}
}

// A version of a template is read once, however many publications use it; another version is another template.
func TestTemplatesAreReadOnce(t *testing.T) {
	t.Parallel()
	sets := NewSets()
	m := story(email)
	m.set = template.Set{Name: "own", Channel: "email", Languages: map[string]template.Source{"en": {Subject: "Hello", HTML: "<p>en</p>"}}}
	h := Render{Store: m, Sets: sets}
	for _, tc := range []struct{ version, reads int }{{1, 1}, {1, 1}, {2, 2}, {1, 2}, {2, 2}} {
		m.p.Templates = map[string]publication.Pin{"email": {ID: 1, Version: tc.version}}
		list, err := h.templates(t.Context(), m.p, channel.Email)
		if err != nil || len(list) != 1 || list[0].Subject != "Hello" || m.templatesRead != tc.reads {
			t.Errorf("version %d: %v, %v after %d reads, want %d", tc.version, list, err, m.templatesRead, tc.reads)
		}
	}
}

func TestWhatFailsForGood(t *testing.T) {
	t.Parallel()
	id := int32(3)
	gone := fault.New(fault.NotFound, "not_found", "It is gone.")
	for name, tc := range map[string]struct {
		change func(*memory)
		reason string
	}{
		"template that cannot be read": {func(m *memory) {
			m.p.Templates = map[string]publication.Pin{"email": {ID: 1}}
			m.set = template.Set{Channel: "email", Languages: map[string]template.Source{"en": {HTML: "<p>{{ item.title </p>"}}}
		}, "render email"},
		"template that is gone": {func(m *memory) {
			m.p.Templates, m.templateErr = map[string]publication.Pin{"email": {ID: 1}}, gone
		}, "read the template"},
		"sender that is gone":  {func(m *memory) { m.p.SenderID, m.senderErr = &id, gone }, "read the sender"},
		"content that is gone": {func(m *memory) { m.contentsErr = gone }, "read the contents"},
		"unknown channel":      {func(m *memory) { m.p.Channels = []int16{99} }, "unknown_channel"},
	} {
		m := story(email)
		tc.change(m)
		if _, err := render(t, m); err != nil || m.fanout != nil || !strings.Contains(m.failure, tc.reason) {
			t.Errorf("%s: failed because of %q, %v, want %q", name, m.failure, err, tc.reason)
		}
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	id := int32(3)
	for name, change := range map[string]func(*memory){
		"contents": func(m *memory) { m.contentsErr = errAway },
		"template": func(m *memory) { m.p.Templates, m.templateErr = map[string]publication.Pin{"email": {}}, errAway },
		"sender":   func(m *memory) { m.p.SenderID, m.senderErr = &id, errAway },
		"brand":    func(m *memory) { m.p.SenderID, m.from.BrandID, m.brandErr = &id, &id, errAway },
		"audience": func(m *memory) { m.countErr = errAway },
		"fan-out":  func(m *memory) { m.fanoutErr = errAway },
	} {
		m := story(email).plain()
		change(m)
		if pokes, err := render(t, m); !errors.Is(err, errAway) || m.failure != "" || pokes != 0 {
			t.Errorf("%s: %v, failed because of %q, %d pokes", name, err, m.failure, pokes)
		}
	}
}

// TestWantOfTime is no proof against a template, until it has been retried as often as a recipient is. Every other limit
// is at once.
func TestWantOfTime(t *testing.T) {
	t.Parallel()
	for limit, failsAfter := range map[string]int{template.LimitTime: 3, "memory": 0, "steps": 0, "output": 0, "depth": 0} {
		for retried := range 5 {
			m := story(email).plain()
			m.limit, m.retried = limit, retried
			pokes, err := render(t, m)
			if m.fanout != nil || pokes != 0 {
				t.Errorf("%s: sent anyway", limit)
			}
			if failed := m.failure != ""; failed != (retried >= failsAfter) || failed == (err != nil) {
				t.Errorf("%s, retried %d times: failed because of %q, %v", limit, retried, m.failure, err)
			}
		}
	}
}

func TestStaleRenderDoesNothing(t *testing.T) {
	t.Parallel()
	m := story(email).plain()
	m.stopped = true
	if pokes, err := render(t, m); err != nil || pokes != 0 || len(m.expanded) != 0 {
		t.Errorf("stopped while rendering: %v, %d pokes", err, pokes)
	}
	m = &memory{}
	if pokes, err := render(t, m); err != nil || pokes != 0 || m.fanout != nil || m.failure != "" {
		t.Errorf("nothing to render: %v, %d pokes, %+v", err, pokes, m)
	}
}

func TestExpandOnePage(t *testing.T) {
	t.Parallel()
	m := story(email, slack)
	m.items = []content.Item{{Title: "Garden", Topics: []string{"garden"}}, {Title: "Go", Topics: []string{"go"}}, {Title: "Other"}}
	m.pages = []*publication.Page{{Range: 1, Gen: 1, Publication: m.p, Readers: []publication.Reader{
		{ID: 1, Topics: []string{"go"}}, {ID: 2, Topics: []string{"garden"}, Language: "de"}, {ID: 3},
	}}, {Gen: 2, Publication: m.p}}
	pokes := 0
	h := Personalize{Store: m, Poke: func() { pokes++ }}
	if err := h.Handle(t.Context(), tasks.NewPersonalize(1, 1)); err != nil || len(m.expanded) != 1 || pokes != 1 || m.expanded[0].inline {
		t.Fatalf("%v, %+v, %d pokes", err, m.expanded, pokes)
	}
	for i, want := range []int{1, 0} {
		chosen, err := content.DecodeChoice(m.expanded[0].choices[i])
		if err != nil || len(chosen) == 0 || chosen[0] != want {
			t.Errorf("reader %d gets %v first, want item %d (%v)", i+1, chosen, want, err)
		}
	}
	if err := h.Handle(t.Context(), tasks.NewPersonalize(1, 9)); err != nil || len(m.expanded) != 1 || pokes != 1 {
		t.Errorf("a stale nudge: %v, %d pages, %d pokes", err, len(m.expanded), pokes)
	}
	for name, change := range map[string]func(){
		"page": func() { m.readErr = errAway }, "contents": func() { m.readErr, m.contentsErr = nil, errAway },
		"expanding": func() { m.contentsErr, m.expandErr = nil, errAway },
	} {
		m.readErr, m.contentsErr, m.expandErr = nil, nil, nil
		change()
		if err := h.Handle(t.Context(), tasks.NewPersonalize(1, 1)); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pages counts down as a backlog does.
type pages struct {
	left, sent int
	err        error
}

func (p *pages) AggregateEvents(context.Context) (int, error) {
	if p.left == 0 {
		return 0, p.err
	}
	p.left--
	return 1, nil
}

func (p *pages) CountEngagement(context.Context) (bool, error) {
	if p.sent == 0 {
		return false, p.err
	}
	p.sent--
	return true, nil
}

func TestAggregateUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	p := &pages{left: 3, sent: 2}
	h := Aggregate{Events: p}
	if err := h.Handle(t.Context(), tasks.AggregateAnalytics{}); err != nil || p.left != 0 || p.sent != 0 {
		t.Errorf("%v, %d and %d pages left", err, p.left, p.sent)
	}
	p.err = errAway
	if err := h.Handle(t.Context(), tasks.AggregateAnalytics{}); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
}
