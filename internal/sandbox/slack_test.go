package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

func slackClient(t *testing.T, s *Sandbox) *slack.Client {
	t.Helper()
	return slack.New("xoxb-token", slack.OptionAPIURL(s.SlackAPIURL()), slack.OptionHTTPClient(client(t)))
}

// slackOptions say hello under an identity.
func slackOptions(identity string) slack.MsgOption {
	return slack.MsgOptionCompose(
		slack.MsgOptionText("Hello Slack", false),
		slack.MsgOptionBlocks(
			slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "News", false, false)),
			slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "*bold*", false, false), nil, nil),
			slack.NewDividerBlock(),
		),
		slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType: "presswork_delivery", EventPayload: map[string]any{"delivery": identity},
		}),
	)
}

func TestSlackPostMessage(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	channel, ts, err := slackClient(t, s).PostMessageContext(t.Context(), "C1", slackOptions("p1/slack/3"))
	if err != nil || channel != "C1" || !strings.Contains(ts, ".") {
		t.Fatalf("answer %q, %q, %v", channel, ts, err)
	}
	if s.Received("p1/slack/3") != 1 {
		t.Error("the identity was not found")
	}
	m := s.Messages(ChannelSlack)[0]
	letter := m.Read()
	if m.Subject() != "Hello Slack" || len(letter.Cards) != 3 || letter.Cards[0].Title != "News" || !letter.Cards[2].Rule {
		t.Errorf("subject %q, read %+v", m.Subject(), letter)
	}
	if strings.Contains(letter.Source, "xoxb") {
		t.Error("the token was recorded")
	}
}

func TestSlackPostMessageAsJSON(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	body := `{"channel":"C1","text":"hi","metadata":{"event_type":"presswork_delivery","event_payload":{"delivery":"p1/slack/4"}}}`
	header := http.Header{"Authorization": {"Bearer xoxb"}, "Content-Type": {"application/json; charset=utf-8"}}
	_, _, answer := call(t, http.MethodPost, s.SlackAPIURL()+"chat.postMessage", header, body)
	if !strings.Contains(answer, `"ok":true`) || s.Received("p1/slack/4") != 1 {
		t.Errorf("answer %s", answer)
	}
}

func TestSlackAuthTest(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	who, err := slackClient(t, s).AuthTestContext(t.Context())
	if err != nil || who.TeamID == "" || who.BotID == "" {
		t.Errorf("answer %+v, %v", who, err)
	}
}

func TestSlackHook(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for range 2 {
		err := slack.PostWebhookCustomHTTPContext(t.Context(), s.SlackHookURL("T1/B1/x"), client(t), &slack.WebhookMessage{Text: "hi"})
		if err != nil {
			t.Fatal(err)
		}
	}
	counted(t, s, ChannelSlack, ChannelCounts{Received: 2, Requests: 2})
	if to := s.Messages(ChannelSlack)[0].To; to != "T1/B1/x" {
		t.Errorf("to %q", to)
	}
}

func TestSlackRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	api := slackClient(t, s)
	post := func() error {
		_, _, err := api.PostMessageContext(t.Context(), "C1", slackOptions("p1/slack/1"))
		return err
	}
	inject(t, s, ProviderSlack, Fault{RatePerSecond: 0.25})
	if err := post(); err != nil {
		t.Fatal(err)
	}
	var limited *slack.RateLimitedError
	if err := post(); !errors.As(err, &limited) || limited.RetryAfter.Seconds() < 1 || limited.RetryAfter.Seconds() > 4 {
		t.Errorf("throttled: %v", err)
	}
	inject(t, s, ProviderSlack, Fault{ErrorRatio: 1, ErrorKind: Permanent})
	if err := post(); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("permanent: %v", err)
	}
	hook := slack.PostWebhookCustomHTTPContext(t.Context(), s.SlackHookURL("x"), client(t), &slack.WebhookMessage{Text: "hi"})
	var status slack.StatusCodeError
	if !errors.As(hook, &status) || status.Code != http.StatusNotFound {
		t.Errorf("permanent hook: %v", hook)
	}
	for outage, want := range map[Outage]int{Up: http.StatusInternalServerError, Unavailable: http.StatusServiceUnavailable} {
		inject(t, s, ProviderSlack, Fault{ErrorRatio: 1, Outage: outage})
		if err := post(); !errors.As(err, &status) || status.Code != want {
			t.Errorf("want %d: %v", want, err)
		}
	}
	counted(t, s, ChannelSlack, ChannelCounts{Received: 1, Requests: 6, Refused: 5})
}

func TestSlackInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	bearer := http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/json"}}
	for want, test := range map[string]struct {
		method, body string
		header       http.Header
	}{
		"channel_not_found": {"chat.postMessage", `{"text":"x"}`, bearer},
		"no_text":           {"chat.postMessage", `{"channel":"C"}`, bearer},
		"msg_too_long":      {"chat.postMessage", `{"channel":"C","text":"` + strings.Repeat("x", slackMaxText+1) + `"}`, bearer},
		"invalid_blocks":    {"chat.postMessage", `{"channel":"C","blocks":[` + strings.Repeat("{},", slackMaxBlocks) + `{}]}`, bearer},
		"invalid_arguments": {"chat.postMessage", `{`, bearer},
		"not_authed":        {"chat.postMessage", `channel=C&text=x`, nil},
		"unknown_method":    {"chat.delete", ``, nil},
	} {
		_, _, answer := call(t, http.MethodPost, s.SlackAPIURL()+test.method, test.header, test.body)
		if !strings.Contains(answer, `"error":"`+want+`"`) {
			t.Errorf("want %s, got %s", want, answer)
		}
	}
	if n := s.Counts()[ChannelSlack]; n.Received != 0 || n.Invalid != 4 {
		t.Errorf("counts %+v", n)
	}
}
