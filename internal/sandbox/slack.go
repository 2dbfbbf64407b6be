package sandbox

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	slackMaxText   = 40_000 // characters; https://docs.slack.dev/reference/methods/chat.postMessage
	slackMaxBlocks = 50
)

// slackPost is what chat.postMessage and incoming webhooks take, as far as the stand-in looks at it.
type slackPost struct {
	Channel     string            `json:"channel,omitempty"`
	Text        string            `json:"text,omitempty"`
	Blocks      []json.RawMessage `json:"blocks,omitempty"`
	Attachments []json.RawMessage `json:"attachments,omitempty"`
	Metadata    struct {
		EventPayload struct {
			Delivery string `json:"delivery"`
		} `json:"event_payload"`
	} `json:"metadata,omitzero"`
}

func (s *Sandbox) routeSlack(mux *http.ServeMux) {
	mux.HandleFunc("POST /slack/api/chat.postMessage", s.slackPostMessage)
	mux.HandleFunc("/slack/api/auth.test", s.slackAuthTest)
	mux.HandleFunc("/slack/api/", func(w http.ResponseWriter, _ *http.Request) { slackError(w, "unknown_method") })
	mux.HandleFunc("POST /slack/services/{name...}", s.slackHook)
}

func (s *Sandbox) slackPostMessage(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, chatMaxBody)
	if !ok {
		return
	}
	document, token, err := slackDocument(r, body)
	var post slackPost
	if err != nil || json.Unmarshal(document, &post) != nil {
		slackError(w, "invalid_arguments")
		return
	}
	if token == "" {
		slackError(w, "not_authed")
		return
	}
	m := newRequestMessage(r, ProviderSlack, ChannelSlack)
	m.To, m.Body = post.Channel, document
	if m.Identity == "" {
		m.Identity = post.Metadata.EventPayload.Delivery
	}
	if problem := slackProblem(post, true); problem != "" {
		s.book.invalid(m, problem)
		slackError(w, problem)
		return
	}
	if !s.accept(w, m, refuseSlackAPI) {
		return
	}
	ts := fmt.Sprintf("%d.%06d", m.At.Unix(), m.number%1_000_000)
	writeJSON(w, http.StatusOK, map[string]any{
		"ok": true, "channel": post.Channel, "ts": ts,
		"message": map[string]any{
			"type": "message", "text": post.Text, "ts": ts, "bot_id": "B0SANDBOX", "user": "U0SANDBOX",
		},
	})
}

// slackDocument reads a call's arguments, sent as JSON or as a form whose structured values are JSON in
// themselves, into one JSON document. The token is taken out of it.
func slackDocument(r *http.Request, body []byte) (document []byte, token string, err error) {
	token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		return body, token, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "", fmt.Errorf("read form: %w", err)
	}
	if token == "" {
		token = form.Get("token")
	}
	arguments := map[string]any{}
	for name := range form {
		value := form.Get(name)
		switch name {
		case "token":
		case "blocks", "attachments", "metadata":
			if !json.Valid([]byte(value)) {
				return nil, "", fmt.Errorf("%s is not JSON", name)
			}
			arguments[name] = json.RawMessage(value)
		default:
			arguments[name] = value
		}
	}
	document, err = json.Marshal(arguments)
	return document, token, err
}

// slackProblem names Slack's error for a post it would not take.
func slackProblem(post slackPost, toChannel bool) string {
	switch {
	case toChannel && post.Channel == "":
		return "channel_not_found"
	case post.Text == "" && len(post.Blocks) == 0 && len(post.Attachments) == 0:
		return "no_text"
	case utf8.RuneCountInString(post.Text) > slackMaxText:
		return "msg_too_long"
	case len(post.Blocks) > slackMaxBlocks:
		return "invalid_blocks"
	}
	return ""
}

// slackHook is an incoming webhook: it answers in plain text.
func (s *Sandbox) slackHook(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, chatMaxBody)
	if !ok {
		return
	}
	if isEmptyPost(body) {
		if !s.up(w, ProviderSlack, refuseSlackHook) {
			return
		}
		http.Error(w, "no_text", http.StatusBadRequest)
		return
	}
	m := newRequestMessage(r, ProviderSlack, ChannelSlack)
	m.To, m.Body = r.PathValue("name"), body
	var post slackPost
	problem := "invalid_payload"
	if json.Unmarshal(body, &post) == nil {
		problem = slackProblem(post, false)
	}
	if problem != "" {
		s.book.invalid(m, problem)
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	if s.accept(w, m, refuseSlackHook) {
		_, _ = w.Write([]byte("ok"))
	}
}

func (s *Sandbox) slackAuthTest(w http.ResponseWriter, _ *http.Request) {
	if !s.up(w, ProviderSlack, refuseSlackAPI) {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"ok": true, "url": s.Base + "/", "team": "Sandbox", "user": "presswork",
		"team_id": "T0SANDBOX", "user_id": "U0SANDBOX", "bot_id": "B0SANDBOX",
	})
}

// slackError answers as the Web API does: 200, and the error in the body.
func slackError(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": code})
}

// refuseSlackAPI answers a call an injected fault turned down.
func refuseSlackAPI(w http.ResponseWriter, v verdict) {
	switch v.outcome {
	case throttled:
		w.Header().Set("Retry-After", strconv.Itoa(wholeSeconds(v.quota.wait)))
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"})
	case rejected:
		slackError(w, "channel_not_found")
	case down:
		http.Error(w, "service unavailable", http.StatusServiceUnavailable)
	case failed, accepted, hungUp:
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// refuseSlackHook is refuseSlackAPI for incoming webhooks, which tell more by their status.
func refuseSlackHook(w http.ResponseWriter, v verdict) {
	if v.outcome == rejected {
		http.Error(w, "channel_not_found", http.StatusNotFound)
		return
	}
	refuseSlackAPI(w, v)
}
