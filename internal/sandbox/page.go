package sandbox

import (
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageLength is how many messages a page lists.
const pageLength = 50

//go:embed page
var pageFiles embed.FS

var (
	listPage    = parsePage("list.html")
	messagePage = parsePage("message.html")
)

func parsePage(name string) *template.Template {
	return template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.Format("15:04:05.000") },
		"stamp": func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000 MST") },
		"count": grouped,
	}).ParseFS(pageFiles, "page/layout.html", "page/"+name))
}

// grouped writes a number with commas between its thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	return out.String()
}

// routePages serves the inbox to people.
func (s *Sandbox) routePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.listPage)
	mux.HandleFunc("GET /messages/{id}", s.messagePage)
	mux.HandleFunc("GET /messages/{id}/source", s.sourcePage)
	mux.HandleFunc("POST /clear", func(w http.ResponseWriter, r *http.Request) {
		s.Reset()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /sandbox.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		http.ServeFileFS(w, r, pageFiles, "page/sandbox.css")
	})
}

// page is what every page shows: the counters, the tabs and the faults in force.
type page struct {
	Title   string
	Tabs    []tab
	Channel string
	Faults  map[string][]Fault
	Refresh bool
	Content any
}

// tab is one channel with its counters.
type tab struct {
	Channel string
	ChannelCounts
}

// listContent is one page of a channel's messages.
type listContent struct {
	Messages []*Message
	Older    string // id to go on from; "" at the end
	Latest   bool
	Kept     int
	Live     bool
}

// messageContent is one message.
type messageContent struct {
	*Message
	Letter Letter
	Frame  string // the HTML part as a document for the frame
}

func (s *Sandbox) newPage(title, channel string) page {
	counts := s.Counts()
	p := page{Title: title, Channel: channel, Faults: s.Faults()}
	for _, name := range Channels() {
		p.Tabs = append(p.Tabs, tab{name, counts[name]})
	}
	return p
}

// listPage lists a channel, by default the first with messages. While the newest are shown, and nobody
// asked it to stand still, it reloads itself.
func (s *Sandbox) listPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	channel := query.Get("channel")
	if !slices.Contains(Channels(), channel) {
		channel = s.busiest()
	}
	kept := s.Messages(channel)
	content := listContent{Kept: len(kept), Latest: true, Live: query.Get("still") == ""}
	if before, err := strconv.ParseUint(query.Get("before"), 10, 64); err == nil {
		content.Latest = false
		kept = slices.DeleteFunc(kept, func(m *Message) bool { return m.number >= before })
	}
	if len(kept) > pageLength {
		kept = kept[:pageLength]
		content.Older = kept[pageLength-1].ID
	}
	content.Messages = kept
	p := s.newPage("Inbox", channel)
	p.Refresh, p.Content = content.Latest && content.Live, content
	show(w, listPage, p, "style-src 'self'")
}

// busiest is the first channel with messages.
func (s *Sandbox) busiest() string {
	counts := s.Counts()
	for _, channel := range Channels() {
		if counts[channel].Received+counts[channel].Invalid > 0 {
			return channel
		}
	}
	return ChannelEmail
}

// messagePage shows one message as a mail program would. The HTML part is shut into a frame that runs
// no scripts and shares nothing with the page; its images are loaded and its links open elsewhere, so
// that opens and clicks can be tried.
func (s *Sandbox) messagePage(w http.ResponseWriter, r *http.Request) {
	m := s.Message(r.PathValue("id"))
	if m == nil {
		http.Error(w, "This message is unknown, or no longer kept.", http.StatusNotFound)
		return
	}
	letter := m.Read()
	content := messageContent{Message: m, Letter: letter}
	if letter.HTML != "" {
		content.Frame = `<base target="_blank">` + letter.HTML
	}
	p := s.newPage(letter.Subject, m.Channel)
	p.Content = content
	// The frame is under the page's policy: mails are full of inline styles and images from anywhere.
	show(w, messagePage, p, "style-src 'self' 'unsafe-inline'; img-src 'self' data: http: https:; font-src http: https:")
}

// sourcePage gives the raw mail or document as text.
func (s *Sandbox) sourcePage(w http.ResponseWriter, r *http.Request) {
	m := s.Message(r.PathValue("id"))
	if m == nil {
		http.Error(w, "This message is unknown, or no longer kept.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(m.Body)
}

// show renders a page under a policy that allows nothing but what is named.
func show(w http.ResponseWriter, t *template.Template, p page, allowed string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy",
		"default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'self'; "+allowed)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_ = t.Execute(w, p) // the client may be gone
}
