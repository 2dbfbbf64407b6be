package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestListPage(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	_, header, page := call(t, http.MethodGet, s.URL()+"/", nil, "")
	if !strings.Contains(page, "Nothing has arrived here yet") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("empty page %v\n%s", header, page)
	}
	for i := range pageLength + 10 {
		if err := sendSMTP(s, fmt.Sprintf("reader%02d@example.com", i), smtpMail(fmt.Sprintf("p/newsletter/%d", i), "")); err != nil {
			t.Fatal(err)
		}
	}
	inject(t, s, ProviderSMTP, Fault{ErrorRatio: 0.5})
	inject(t, s, ProviderSES, Fault{ErrorRatio: 0.5})
	_, _, page = call(t, http.MethodGet, s.URL()+"/", nil, "")
	for _, want := range []string{"reader59@example.com", "<strong>60</strong>", `http-equiv="refresh"`, "before=11", "<b>ses, smtp</b>", "errors 0.5"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	_, _, page = call(t, http.MethodGet, s.URL()+"/?channel=newsletter&before=11", nil, "")
	if !strings.Contains(page, "reader09@") || strings.Contains(page, "reader10@") || strings.Contains(page, "refresh") {
		t.Errorf("older page\n%s", page)
	}
	if _, _, css := call(t, http.MethodGet, s.URL()+"/sandbox.css", nil, ""); !strings.Contains(css, ".tabs") {
		t.Error("no stylesheet")
	}
	if _, _, page = call(t, http.MethodPost, s.URL()+"/clear", nil, ""); !strings.Contains(page, "Nothing has arrived") {
		t.Errorf("after clearing\n%s", page)
	}
}

func TestMessagePage(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const mail = "Subject: <b>bold</b>\r\nContent-Type: text/html\r\n\r\n<script>alert(\"x\")</script><p>hi</p>"
	if err := sendSMTP(s, "ada@example.com", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	id := s.Messages(ChannelEmail)[0].ID
	_, _, page := call(t, http.MethodGet, s.URL()+"/messages/"+id, nil, "")
	for _, want := range []string{
		`sandbox="allow-popups allow-popups-to-escape-sandbox"`, "srcdoc=\"&lt;base", "&lt;b&gt;bold&lt;/b&gt;", "ada@example.com",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") {
		t.Error("the mail's markup is part of the page")
	}
	_, header, source := call(t, http.MethodGet, s.URL()+"/messages/"+id+"/source", nil, "")
	if strings.TrimSpace(source) != mail || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("source %q", source)
	}
}

func TestChatPages(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	bot := http.Header{"Authorization": {"Bot x"}, "Content-Type": {"application/json"}}
	call(t, http.MethodPost, s.DiscordAPIURL()+"channels/1/messages", bot,
		`{"content":"hello","embeds":[{"title":"News","url":"javascript:alert(1)","color":255,"fields":[{"name":"Where","value":"Here"}]}]}`)
	call(t, http.MethodPost, s.SlackAPIURL()+"chat.postMessage", bot,
		`{"channel":"C1","blocks":[{"type":"context","elements":[{"type":"mrkdwn","text":"small print"}]},`+
			`{"type":"actions","elements":[{"type":"button","text":{"text":"Press"},"url":"https://example.com/"}]},{"type":"divider"}]}`)
	call(t, http.MethodPost, s.WebhookURL("x"), nil, `{"type":"t"}`)
	for channel, wants := range map[string][]string{
		ChannelDiscord: {"hello", "News", "border-left-color: #0000ff", "Where", "&#34;title&#34;: &#34;News&#34;", `href="#ZgotmplZ"`},
		ChannelSlack:   {"small print", "Press", `href="https://example.com/"`, "<hr>"},
		ChannelWebhook: {"missing required headers", "&#34;type&#34;: &#34;t&#34;"},
	} {
		_, _, page := call(t, http.MethodGet, s.URL()+"/messages/"+s.Messages(channel)[0].ID, nil, "")
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", channel, want)
			}
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestFilePage(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:logo@x\">\r\n" +
		"--b\r\nContent-Type: image/png\r\nContent-Id: <logo@x>\r\nContent-Disposition: inline; filename=a.png\r\n\r\npicture\r\n" +
		"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n<script>\r\n--b--\r\n"
	if err := sendSMTP(s, "ada@example.com", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	base := "/messages/" + s.Messages(ChannelEmail)[0].ID
	_, _, page := call(t, http.MethodGet, s.URL()+base, nil, "")
	for _, want := range []string{base + "/files/0&#34;", `href="` + base + `/files/1"`, "a.html", "shown in the mail"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	for n, want := range []struct{ body, kind, disposition string }{
		{"picture", "image/png", "inline; filename=a.png"},
		{"<script>", "application/octet-stream", "attachment; filename=a.html"},
	} {
		_, header, body := call(t, http.MethodGet, fmt.Sprintf("%s%s/files/%d", s.URL(), base, n), nil, "")
		if body != want.body || header.Get("Content-Type") != want.kind || header.Get("Content-Disposition") != want.disposition ||
			header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("file %d: %q %v", n, body, header)
		}
	}
	for _, path := range []string{base + "/files/2", base + "/files/-1", base + "/files/x", "/messages/0/files/0"} {
		if status, _, _ := call(t, http.MethodGet, s.URL()+path, nil, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestLongSourceIsCut(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	if err := sendSMTP(s, "ada@example.com", []byte("Subject: x\r\n\r\n"+strings.Repeat("a line\r\n", 1<<17))); err != nil {
		t.Fatal(err)
	}
	if _, _, page := call(t, http.MethodGet, s.URL()+"/messages/"+s.Messages(ChannelEmail)[0].ID, nil, ""); len(page) > 2<<20 || !strings.Contains(page, "…") {
		t.Errorf("the page has %d bytes", len(page))
	}
}
