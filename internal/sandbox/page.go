package sandbox

import (
	"embed"
	"html/template"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	pageLength = 50        // messages that a page lists
	pageSource = 256 << 10 // bytes of a source that a page shows
)

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
		"file":  filePath,
		"join":  func(list []string) string { return strings.Join(list, ", ") },
		"chat":  chatMarkup,
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
	mux.HandleFunc("GET /messages/{id}/files/{n}", s.filePage)
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
	Faults  []faultRow
	Refresh bool
	Content any
}

// faultRow is a fault with the providers that have it.
type faultRow struct {
	Providers []string
	Fault
}

// faultRows are the faults in force, each once.
func (s *Sandbox) faultRows() []faultRow {
	var rows []faultRow
	for _, provider := range Providers() {
		for _, fault := range s.faults.list(provider) {
			i := slices.IndexFunc(rows, func(r faultRow) bool { return r.Fault == fault })
			if i < 0 {
				i = len(rows)
				rows = append(rows, faultRow{Fault: fault})
			}
			rows[i].Providers = append(rows[i].Providers, provider)
		}
	}
	return rows
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
	p := page{Title: title, Channel: channel, Faults: s.faultRows()}
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
		content.Frame = `<base target="_blank">` + shownFiles(m.ID, letter)
	}
	if cut := letter.Source; len(cut) > pageSource {
		content.Letter.Source = strings.ToValidUTF8(cut[:pageSource], "") + "…"
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

// shownFiles is the HTML with the addresses of the files that it shows.
func shownFiles(id string, letter Letter) string {
	html := letter.HTML
	for n, file := range letter.Files {
		if file.ContentID != "" {
			html = strings.ReplaceAll(html, "cid:"+file.ContentID, filePath(id, n))
		}
	}
	return html
}

func filePath(id string, n int) string { return "/messages/" + id + "/files/" + strconv.Itoa(n) }

// filePage gives a file of a mail: images to be shown, anything else to be saved.
func (s *Sandbox) filePage(w http.ResponseWriter, r *http.Request) {
	m := s.Message(r.PathValue("id"))
	n, err := strconv.Atoi(r.PathValue("n"))
	if m == nil || err != nil {
		http.NotFound(w, r)
		return
	}
	files := m.Read().Files
	if n < 0 || n >= len(files) {
		http.NotFound(w, r)
		return
	}
	disposition, kind := "attachment", "application/octet-stream"
	if file := files[n]; slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, file.Type) {
		disposition, kind = "inline", file.Type
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": files[n].Name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(files[n].Data) // the client may be gone
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
