package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// maxSpam is the score that no mail of ours may reach; SpamAssassin calls 5 spam.
const maxSpam = 2.0

// quality is a publication whose mails are read by others' programs.
type quality struct {
	title, language, body string
	attachments           bool
}

// TestMailsAreGood: mails of each kind, as they reach the provider, are read without a defect by a parser that is not ours
// and have what readers and the law want to see, and a public spam filter takes none for spam.
func TestMailsAreGood(t *testing.T) {
	t.Parallel()
	const address = "1 Paper Lane, 00000 Example"
	h := open(t)
	h.ConnectAll(t)
	for _, p := range []map[string]any{
		{"email": "ann@reader.example", "name": "Ann Reader", "language": "en"},
		{"email": "joerg@bücher.example", "name": `Jörg "Joe" Größe, Dr.`, "language": "de"},
		{"email": "layla@reader.example", "name": "ليلى حداد", "language": "ar"},
	} {
		p["status"], p["consent_source"] = "active", "test"
		h.Call(t, http.MethodPost, "/subscribers", p, nil)
	}
	var from struct{ ID string }
	h.Call(t, http.MethodPost, "/senders", map[string]any{"name": "desk", "from_name": "Die Häuser-Post, täglich", "from_email": "post@house.example",
		"reply_to": "letters@house.example", "postal_address": address}, &from)
	image, file := upload(h, "garden.png", "image/png", pixel()), upload(h, "Übersicht 2026.pdf", "application/pdf", []byte("%PDF-1.4\n%%EOF\n"))
	for _, q := range []quality{
		{"What grew in the garden this week", "en", strings.Repeat("The first beans are ripe, and the slugs have found the lettuce. We walked along the beds on Tuesday and wrote down what we saw. ", 5) + "[The whole story](https://reading.example/garden)", true},
		{"Grüße aus dem Garten – was diese Woche wächst", "de", strings.Repeat("Die ersten Bohnen sind reif, und die Schnecken haben den Salat gefunden. Wir sind am Dienstag durch die Beete gegangen. ", 5) + "[Die ganze Geschichte](https://reading.example/garten)", false},
		{"ما الذي نما في الحديقة هذا الأسبوع", "ar", strings.Repeat("نضجت أولى حبات الفاصوليا، ووجدت البزاقات الخس. مشينا بين الأحواض يوم الثلاثاء وكتبنا ما رأيناه. ", 5) + "[القصة كاملة](https://reading.example/hadiqa)", false},
	} {
		publishQuality(h, q, from.ID, image, file)
	}
	var paths []string
	for _, kind := range []string{"email", "newsletter"} {
		for i, m := range h.Sandbox.Messages(kind) {
			path := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.eml", kind, i))
			if err := os.WriteFile(path, m.Body, 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	if len(paths) != 3*2*3 {
		t.Fatalf("%d mails", len(paths))
	}
	for i, l := range readByPython(t, paths) {
		l.check(t, filepath.Base(paths[i]), address)
	}
	scoreMails(t, paths)
}

// TestMessagesAreGood: so is mail to one person, which has no list to leave.
func TestMessagesAreGood(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Call(t, http.MethodPost, "/templates", map[string]any{"name": "Order", "channel": "email", "languages": map[string]any{"en": map[string]any{
		"subject": "Your order {{ data.order }} – thank you", "html": "<p>Dear {{ subscriber.name }}, your order {{ data.order }} is on its way.</p>",
		"text": "Dear {{ subscriber.name }}, your order {{ data.order }} is on its way."}}}, nil)
	h.Call(t, http.MethodPost, "/messages", map[string]any{"to": map[string]any{"email": "joerg@bücher.example", "name": "Jörg Größe", "language": "en"},
		"template": "Order", "data": map[string]any{"order": "№ 7"}}, nil)
	fixture.Until(t, patience, "the message arrives", func() (bool, string) { return len(h.Sandbox.Messages("email")) == 1, "" })
	path := filepath.Join(t.TempDir(), "message.eml")
	if err := os.WriteFile(path, h.Sandbox.Messages("email")[0].Body, 0o600); err != nil {
		t.Fatal(err)
	}
	l := readByPython(t, []string{path})[0]
	if len(l.Defects) > 0 || l.Subject != "Your order № 7 – thank you" || l.ListID+l.ListUnsubscribe != "" || len(l.To) != 1 || l.To[0][0] != "Jörg Größe" ||
		!strings.Contains(l.Text, "№ 7") || !strings.Contains(l.HTML, "Jörg Größe") {
		t.Errorf("%+v", l)
	}
	scoreMails(t, []string{path})
}

// TestLettersAreGood: so are our own letters, of each kind in each language, to readers who come, come back, and choose.
func TestLettersAreGood(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	for _, language := range letter.Languages() {
		for kind, status := range map[letter.Kind]string{letter.ConfirmSubscription: "pending", letter.Resubscribe: "unsubscribed", letter.PreferenceLink: "active"} {
			email := fmt.Sprintf("%s.%s@reader.example", kind, language)
			var one struct{ ID string }
			h.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": email, "name": "Ann Größe", "language": language, "status": status}, &one)
			if kind == letter.PreferenceLink {
				h.Visit(t, http.MethodPost, h.URL+"/p/preferences", []byte("email="+email), "Content-Type", "application/x-www-form-urlencoded")
			} else {
				h.Call(t, http.MethodPost, "/subscribers/"+one.ID+"/confirmation", nil, nil)
			}
		}
	}
	want := len(letter.Kinds()) * len(letter.Languages())
	fixture.Until(t, patience, "the letters", func() (bool, string) {
		n := len(h.Sandbox.Messages("email"))
		return n == want, fmt.Sprint(n)
	})
	var paths []string
	for _, m := range h.Sandbox.Messages("email") {
		path := filepath.Join(t.TempDir(), m.To+".eml")
		if err := os.WriteFile(path, m.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for i, l := range readByPython(t, paths) {
		link := regexp.MustCompile(h.config.PublicURL + `/p/(confirm|preferences)/[\w-]{20,}`).FindString(l.Text)
		if len(l.Defects) > 0 || len(l.To) != 1 || l.To[0][0] != "Ann Größe" || l.ListID+l.ListUnsubscribe != "" || !strings.Contains(l.Subject, "The House") ||
			link == "" || !strings.Contains(l.HTML, `href="`+link+`"`) || !strings.Contains(l.Text, "1 Paper Lane") || strings.ContainsAny(l.Subject+l.Text, "{}[]") {
			t.Errorf("%s: %+v", filepath.Base(paths[i]), l)
		}
	}
	scoreMails(t, paths)
}

// publishQuality sends an edition to everybody, by e-mail and as a newsletter.
func publishQuality(h *house, q quality, sender, image, file string) {
	h.t.Helper()
	if q.attachments {
		q.body = "![the garden](asset:" + image + ")\n\n" + q.body
	}
	var item, made struct{ ID string }
	h.Call(h.t, http.MethodPost, "/contents", map[string]any{"title": q.title, "language": q.language, "body": q.body}, &item)
	request := h.Request(fixture.Order{Title: q.title, Channels: []string{"email", "newsletter"}, Contents: []string{item.ID}})
	request["sender_id"] = sender
	if q.attachments {
		request["attachments"] = []string{file}
	}
	h.Call(h.t, http.MethodPost, "/publications", request, &made)
	h.Await(h.t, made.ID, "completed", patience)
}

// pixel is a PNG image.
func pixel() []byte {
	return []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
		"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x03\x00\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82")
}

// parsed is a mail as Python's parser reads it.
type parsed struct {
	Subject             string
	From, To            [][2]string
	ReplyTo             []string `json:"reply_to"`
	ListID              string   `json:"list_id"`
	ListUnsubscribe     string   `json:"list_unsubscribe"`
	ListUnsubscribePost string   `json:"list_unsubscribe_post"`
	Parts               [][]any
	Text, HTML          string
	Defects             []string
}

func readByPython(t *testing.T, paths []string) (list []parsed) {
	t.Helper()
	var errors bytes.Buffer
	command := exec.CommandContext(t.Context(), "python3", append([]string{"testdata/parse_mail.py"}, paths...)...) //nolint:gosec // files of this test
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		t.Fatalf("python3 does not read the mails (scripts/deps.sh python): %v\n%s", err, errors.String())
	}
	for line := range bytes.Lines(out) {
		var l parsed
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	if len(list) != len(paths) {
		t.Fatalf("%d of %d mails were read", len(list), len(paths))
	}
	return list
}

func (l parsed) check(t *testing.T, name, address string) {
	t.Helper()
	for what, wrong := range map[string]bool{
		"defects":                   len(l.Defects) > 0,
		"From":                      len(l.From) != 1 || l.From[0] != [2]string{"Die Häuser-Post, täglich", "post@house.example"},
		"Reply-To":                  len(l.ReplyTo) != 1 || l.ReplyTo[0] != "letters@house.example",
		"To":                        len(l.To) != 1 || l.To[0][0] == "" || !strings.Contains(l.To[0][1], "@"),
		"Subject":                   !strings.ContainsAny(l.Subject, " ") || strings.ContainsAny(l.Subject, "=?\r\n"),
		"List-Id":                   l.ListID == "",
		"List-Unsubscribe":          !strings.HasPrefix(l.ListUnsubscribe, "<http"),
		"List-Unsubscribe-Post":     l.ListUnsubscribePost != "List-Unsubscribe=One-Click",
		"a text and an HTML part":   l.Text == "" || l.HTML == "",
		"the address in the footer": !strings.Contains(l.Text, address) || !strings.Contains(l.HTML, address),
	} {
		if wrong {
			t.Errorf("%s: %s: %+v", name, what, l)
		}
	}
}

// scoreMails has SpamAssassin judge the mails by its local rules, all in one process.
func scoreMails(t *testing.T, paths []string) {
	t.Helper()
	home := t.TempDir()
	var box bytes.Buffer
	for _, path := range paths {
		raw, err := os.ReadFile(path) //nolint:gosec // a file of this test
		if err != nil {
			t.Fatal(err)
		}
		box.WriteString("From post@house.example Thu Jan  1 00:00:00 2026\n")
		box.Write(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
		box.WriteString("\n\n")
	}
	// No network, no user's preferences, no learning, no headers but those that are looked for.
	command := exec.CommandContext(t.Context(), "spamassassin", "--local", "--mbox", "--nocreate-prefs", "--cf=use_bayes 0", "--cf=use_auto_welcomelist 0",
		"--cf=fold_headers 0", "--cf=add_header all Status _YESNO_, score=_SCORE_ tests=_TESTSSCORES(,)_")
	command.Env = append(os.Environ(), "HOME="+home)
	command.Stdin = &box
	var errors bytes.Buffer
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		t.Fatalf("spamassassin does not run (scripts/deps.sh spamassassin): %v\n%s", err, errors.String())
	}
	found := 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		status := regexp.MustCompile(`^X-Spam-Status: \w+, score=(\S+) tests=(.*)`).FindStringSubmatch(lines.Text())
		if status == nil {
			continue
		}
		score, err := strconv.ParseFloat(status[1], 64)
		if err != nil || found >= len(paths) {
			t.Fatalf("%q, %v", lines.Text(), err)
		}
		t.Logf("%s: %s, %s", filepath.Base(paths[found]), status[1], status[2])
		if score >= maxSpam {
			t.Errorf("%s has the score %s: %s", filepath.Base(paths[found]), status[1], status[2])
		}
		found++
	}
	if found != len(paths) {
		t.Errorf("%d of %d mails were judged: %s", found, len(paths), errors.String())
	}
}
