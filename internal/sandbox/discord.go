package sandbox

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	discordMaxContent = 2000 // characters; https://discord.com/developers/docs/resources/message
	discordMaxEmbeds  = 10
	discordMaxNonce   = 25
	discordEpoch      = 1420070400000 // ms; snowflakes count from the start of 2015
)

// discordPost is what a message or a webhook execution takes, as far as the stand-in looks at it.
type discordPost struct {
	Content      string            `json:"content"`
	Embeds       []json.RawMessage `json:"embeds"`
	Components   []json.RawMessage `json:"components"`
	StickerIDs   []string          `json:"sticker_ids"`
	Poll         json.RawMessage   `json:"poll"`
	Nonce        discordNonce      `json:"nonce"`
	EnforceNonce bool              `json:"enforce_nonce"`
	files        bool
}

// discordNonce is a nonce, which may be written as text or as a number.
type discordNonce string

// UnmarshalJSON reads either form.
func (n *discordNonce) UnmarshalJSON(data []byte) error {
	var number json.Number
	if json.Unmarshal(data, &number) == nil {
		*n = discordNonce(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(n))
}

// discordRefusal is an error in Discord's form.
type discordRefusal struct {
	status  int
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (s *Sandbox) routeDiscord(mux *http.ServeMux) {
	mux.HandleFunc("POST /discord/api/{version}/channels/{id}/messages", s.discordMessage)
	mux.HandleFunc("POST /discord/api/{version}/webhooks/{id}/{token}", s.discordHook)
	mux.HandleFunc("POST /discord/api/webhooks/{id}/{token}", s.discordHook)
	mux.HandleFunc("GET /discord/api/{path...}", s.discordGet)
	mux.HandleFunc("/discord/", func(w http.ResponseWriter, _ *http.Request) {
		answerDiscord(w, &discordRefusal{http.StatusNotFound, 0, "404: Not Found"})
	})
}

// discordMessage is what a bot calls.
func (s *Sandbox) discordMessage(w http.ResponseWriter, r *http.Request) {
	m := newRequestMessage(r, ProviderDiscord, ChannelDiscord)
	m.To = r.PathValue("id")
	if r.Header.Get("Authorization") == "" {
		answerDiscord(w, &discordRefusal{http.StatusUnauthorized, 0, "401: Unauthorized"})
		return
	}
	post, ok := s.readDiscord(w, r, m)
	if !ok {
		return
	}
	v, refused := s.judgeDiscord(w, m, &discordRefusal{http.StatusNotFound, 10003, "Unknown Channel"})
	if refused {
		return
	}
	if m.Identity == "" {
		m.Identity = string(post.Nonce)
	}
	receive := func() *Message { s.book.receive(m, v.drop); return m }
	first := m
	if post.EnforceNonce && post.Nonce != "" {
		first = s.nonces.once(m.To+" "+string(post.Nonce), receive)
	} else {
		receive()
	}
	if v.drop {
		hangUp()
	}
	writeJSON(w, http.StatusOK, discordAnswer(first))
}

// discordHook executes a webhook: with wait=true the message is answered, else nothing.
func (s *Sandbox) discordHook(w http.ResponseWriter, r *http.Request) {
	m := newRequestMessage(r, ProviderDiscord, ChannelDiscord)
	m.To = r.PathValue("id") + "/" + r.PathValue("token")
	if _, ok := s.readDiscord(w, r, m); !ok {
		return
	}
	v, refused := s.judgeDiscord(w, m, &discordRefusal{http.StatusNotFound, 10015, "Unknown Webhook"})
	if refused {
		return
	}
	s.book.receive(m, v.drop)
	switch {
	case v.drop:
		hangUp()
	case r.URL.Query().Get("wait") == "true":
		writeJSON(w, http.StatusOK, discordAnswer(m))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// readDiscord reads the post into the record; it answers itself if Discord would not take it.
func (s *Sandbox) readDiscord(w http.ResponseWriter, r *http.Request, m *Message) (discordPost, bool) {
	body, ok := readBody(w, r, chatMaxBody)
	if !ok {
		return discordPost{}, false
	}
	document, files := discordDocument(r.Header.Get("Content-Type"), body)
	m.Body = document
	post := discordPost{files: files}
	problem := &discordRefusal{http.StatusBadRequest, 50109, "The request body contains invalid JSON."}
	if json.Unmarshal(document, &post) == nil {
		problem = discordProblem(post)
	}
	if problem != nil {
		s.book.invalid(m, problem.Message)
		answerDiscord(w, problem)
	}
	return post, problem == nil
}

// discordDocument returns the JSON of a post, which files turn into one part of a form.
func discordDocument(contentType string, body []byte) (document []byte, files bool) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return body, false
	}
	form, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(chatMaxBody)
	if err != nil {
		return nil, false
	}
	defer func() { _ = form.RemoveAll() }()
	if payload := form.Value["payload_json"]; len(payload) > 0 {
		document = []byte(payload[0])
	}
	return document, len(form.File) > 0
}

func discordProblem(post discordPost) *discordRefusal {
	switch {
	case utf8.RuneCountInString(post.Content) > discordMaxContent,
		len(post.Embeds) > discordMaxEmbeds,
		utf8.RuneCountInString(string(post.Nonce)) > discordMaxNonce:
		return &discordRefusal{http.StatusBadRequest, 50035, "Invalid Form Body"}
	case strings.TrimSpace(post.Content) == "" && len(post.Embeds)+len(post.Components)+len(post.StickerIDs) == 0 &&
		post.Poll == nil && !post.files:
		return &discordRefusal{http.StatusBadRequest, 50006, "Cannot send an empty message"}
	}
	return nil
}

// judgeDiscord asks the faults, sets the rate limit headers and answers refusals.
func (s *Sandbox) judgeDiscord(w http.ResponseWriter, m *Message, unknown *discordRefusal) (verdict, bool) {
	v := s.judge(m.Provider, m.Channel, m.To)
	discordLimits(w.Header(), v.quota, m.To)
	switch v.outcome {
	case accepted:
		return v, false
	case hungUp:
		hangUp()
	case throttled:
		w.Header().Set("Retry-After", strconv.Itoa(wholeSeconds(v.quota.wait)))
		w.Header().Set("X-RateLimit-Scope", "user")
		writeJSON(w, http.StatusTooManyRequests, map[string]any{
			"message": "You are being rate limited.", "retry_after": seconds(v.quota.wait), "global": false,
		})
	case rejected:
		answerDiscord(w, unknown)
	case down:
		answerDiscord(w, &discordRefusal{http.StatusServiceUnavailable, 0, "503: Service Unavailable"})
	case failed:
		answerDiscord(w, &discordRefusal{http.StatusInternalServerError, 0, "500: Internal Server Error"})
	}
	return v, true
}

// discordLimits writes the headers every answer carries. With no limit injected they leave plenty.
// https://discord.com/developers/docs/topics/rate-limits
func discordLimits(h http.Header, q quota, route string) {
	if q.limit == 0 {
		q = quota{limit: 1000, remaining: 999, wait: time.Second}
	}
	reset := time.Now().Add(q.wait)
	h.Set("X-RateLimit-Bucket", "sandbox-"+route)
	h.Set("X-RateLimit-Limit", strconv.Itoa(q.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(q.remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatFloat(float64(reset.UnixMilli())/1000, 'f', 3, 64))
	h.Set("X-RateLimit-Reset-After", strconv.FormatFloat(seconds(q.wait), 'f', 3, 64))
}

// seconds rounds up to milliseconds, as Discord writes waits.
func seconds(d time.Duration) float64 { return math.Ceil(d.Seconds()*1000) / 1000 }

func answerDiscord(w http.ResponseWriter, refusal *discordRefusal) {
	writeJSON(w, refusal.status, refusal)
}

// discordAnswer is the message as Discord shows it to whoever sent it.
func discordAnswer(m *Message) map[string]any {
	var sent map[string]any
	_ = json.Unmarshal(m.Body, &sent) // it was read before
	channel, _, _ := strings.Cut(m.To, "/")
	answer := map[string]any{
		"id": snowflake(m), "channel_id": channel, "type": 0,
		"content": sent["content"], "embeds": sent["embeds"], "timestamp": m.At.Format(time.RFC3339Nano),
		"author":   map[string]any{"id": "100000000000000001", "username": "presswork", "bot": true},
		"mentions": []any{}, "mention_roles": []any{}, "attachments": []any{},
	}
	if nonce, given := sent["nonce"]; given {
		answer["nonce"] = nonce
	}
	return answer
}

// snowflake is an id in Discord's layout: the time, and the record's id in the lower bits.
func snowflake(m *Message) string {
	const lower = 1<<22 - 1
	return strconv.FormatInt((m.At.UnixMilli()-discordEpoch)<<22|int64(m.number&lower), 10)
}
