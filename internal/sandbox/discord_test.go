package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"
)

// redirect sends what is meant for https://discord.com/ to the sandbox. discordgo's endpoints are
// package variables: tests that run at once cannot each change them.
type redirect struct {
	to   *url.URL
	next http.RoundTripper
}

func (r redirect) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host = r.to.Scheme, r.to.Host
	request.URL.Path = "/discord" + request.URL.Path
	return r.next.RoundTrip(request)
}

func discordClient(t *testing.T, s *Sandbox) *discordgo.Session {
	t.Helper()
	session, err := discordgo.New("Bot token")
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	session.Client = client(t)
	session.Client.Transport = redirect{base, session.Client.Transport}
	session.ShouldRetryOnRateLimit = false
	session.MaxRestRetries = 0
	return session
}

// nonced is a message with a nonce, which discordgo's own type lacks.
type nonced struct {
	*discordgo.MessageSend
	Nonce        string `json:"nonce"`
	EnforceNonce bool   `json:"enforce_nonce"`
}

func sendNonced(t *testing.T, session *discordgo.Session, channel, nonce string, enforce bool) *discordgo.Message {
	t.Helper()
	endpoint := discordgo.EndpointChannelMessages(channel)
	body, err := session.RequestWithBucketID(http.MethodPost, endpoint,
		nonced{&discordgo.MessageSend{Content: "hi"}, nonce, enforce}, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var m discordgo.Message
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func TestDiscordMessage(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	session := discordClient(t, s)
	m, err := session.ChannelMessageSendComplex("123", &discordgo.MessageSend{
		Content: "Hello Discord",
		Embeds:  []*discordgo.MessageEmbed{{Title: "News", Description: "text", Color: 0xff8800}},
	})
	if err != nil || m.ChannelID != "123" || m.ID == "" || m.Content != "Hello Discord" {
		t.Fatalf("answer %+v, %v", m, err)
	}
	kept := s.Messages(ChannelDiscord)[0]
	if cards := kept.Read().Cards; len(cards) != 1 || cards[0].Color != "#ff8800" || kept.Subject() != "Hello Discord" {
		t.Errorf("subject %q, cards %+v", kept.Subject(), cards)
	}
	if me, err := session.User("@me"); err != nil || !me.Bot {
		t.Errorf("me %+v, %v", me, err)
	}
}

func TestDiscordFile(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	_, err := discordClient(t, s).ChannelMessageSendComplex("123", &discordgo.MessageSend{
		Content: "with a file", Files: []*discordgo.File{{Name: "a.txt", Reader: strings.NewReader("a")}},
	})
	if err != nil || s.Messages(ChannelDiscord)[0].Subject() != "with a file" {
		t.Errorf("error %v", err)
	}
}

func TestDiscordNonce(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	session := discordClient(t, s)
	first := sendNonced(t, session, "1", "nonce-1", true)
	again := sendNonced(t, session, "1", "nonce-1", true)
	if first.ID != again.ID {
		t.Error("an enforced nonce made two messages")
	}
	counted(t, s, ChannelDiscord, ChannelCounts{Received: 1, Requests: 2})
	sendNonced(t, session, "2", "nonce-2", false)
	sendNonced(t, session, "2", "nonce-2", false)
	counted(t, s, ChannelDiscord, ChannelCounts{Received: 2, Doubled: 1, Requests: 4})
	if s.Received("nonce-1") != 1 || s.Received("nonce-2") != 2 {
		t.Error("the nonces were not counted as identities")
	}
}

func TestDiscordNonceAfterNoAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	session := discordClient(t, s)
	inject(t, s, ProviderDiscord, Fault{DropRatio: 1})
	endpoint := discordgo.EndpointChannelMessages("1")
	message := nonced{&discordgo.MessageSend{Content: "hi"}, "n", true}
	if _, err := session.RequestWithBucketID(http.MethodPost, endpoint, message, endpoint); err == nil {
		t.Fatal("an answer came")
	}
	s.Clear()
	sendNonced(t, session, "1", "n", true)
	counted(t, s, ChannelDiscord, ChannelCounts{Received: 1, Requests: 2, Unanswered: 1})
}

func TestDiscordHook(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	session := discordClient(t, s)
	m, err := session.WebhookExecute("77", "token", true, &discordgo.WebhookParams{Content: "hook"})
	if err != nil || m.ID == "" {
		t.Fatalf("answer %+v, %v", m, err)
	}
	if _, err := session.WebhookExecute("77", "token", false, &discordgo.WebhookParams{Content: "hook"}); err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if status, _, _ := call(t, http.MethodPost, s.DiscordHookURL("news"), header, `{"content":"x"}`); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	counted(t, s, ChannelDiscord, ChannelCounts{Received: 3, Requests: 3})
}

func TestDiscordThrottled(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderDiscord, Fault{RatePerSecond: 0.5, Burst: 1, Match: "9"})
	bot := http.Header{"Authorization": {"Bot x"}, "Content-Type": {"application/json"}}
	address := s.DiscordAPIURL() + "channels/9/messages"
	_, header, _ := call(t, http.MethodPost, address, bot, `{"content":"x"}`)
	if header.Get("X-RateLimit-Limit") != "1" || header.Get("X-RateLimit-Remaining") != "0" || header.Get("X-RateLimit-Reset-After") == "" {
		t.Errorf("headers %v", header)
	}
	_, err := discordClient(t, s).ChannelMessageSend("9", "x")
	var limited *discordgo.RateLimitError
	if !errors.As(err, &limited) || limited.RetryAfter <= 0 || limited.RetryAfter.Seconds() > 2 {
		t.Errorf("error %v", err)
	}
	if _, err := discordClient(t, s).ChannelMessageSend("10", "x"); err != nil {
		t.Errorf("another channel: %v", err)
	}
}

func TestDiscordRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	session := discordClient(t, s)
	send := func() error { _, err := session.ChannelMessageSend("1", "x"); return err }
	hook := func() error {
		_, err := session.WebhookExecute("1", "t", true, &discordgo.WebhookParams{Content: "x"})
		return err
	}
	for name, test := range map[string]struct {
		fault        Fault
		do           func() error
		status, code int
	}{
		"unknown channel": {Fault{ErrorRatio: 1, ErrorKind: Permanent}, send, http.StatusNotFound, 10003},
		"unknown webhook": {Fault{ErrorRatio: 1, ErrorKind: Permanent}, hook, http.StatusNotFound, 10015},
		"transient":       {Fault{ErrorRatio: 1}, send, http.StatusInternalServerError, 0},
		"outage":          {Fault{Outage: Unavailable}, send, http.StatusServiceUnavailable, 0},
		"empty": {Fault{}, func() error {
			_, err := session.ChannelMessageSend("1", "")
			return err
		}, http.StatusBadRequest, 50006},
		"too long": {Fault{}, func() error {
			_, err := session.ChannelMessageSend("1", strings.Repeat("ä", discordMaxContent+1))
			return err
		}, http.StatusBadRequest, 50035},
	} {
		inject(t, s, ProviderDiscord, test.fault)
		var rest *discordgo.RESTError
		err := test.do()
		if !errors.As(err, &rest) || rest.Response.StatusCode != test.status || rest.Message.Code != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.Counts()[ChannelDiscord]; n.Received != 0 || n.Refused != 4 || n.Invalid != 2 {
		t.Errorf("counts %+v", n)
	}
}
