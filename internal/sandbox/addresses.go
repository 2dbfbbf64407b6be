package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"
)

// Addresses are where the providers of a sandbox are reached, be it in this process or in another.
type Addresses struct {
	Base string // of the HTTP listener, without a slash at its end
	SMTP string // host and port of the SMTP listener
}

// URL is the base of the HTTP listener, without a slash at its end, and the address of the inbox page.
func (a Addresses) URL() string { return a.Base }

// SMTPAddr is the host and port of the SMTP listener. It takes any credentials and speaks no TLS.
func (a Addresses) SMTPAddr() string { return a.SMTP }

// SESEndpoint is the base of the SES v2 API, for AWS_ENDPOINT_URL_SESV2.
func (a Addresses) SESEndpoint() string { return a.Base + "/ses" }

// SlackAPIURL is the base of Slack's Web API, for slack.OptionAPIURL.
func (a Addresses) SlackAPIURL() string { return a.Base + "/slack/api/" }

// SlackHookURL is the address of an incoming webhook, shaped like https://hooks.slack.com/services/….
func (a Addresses) SlackHookURL(name string) string {
	return a.Base + "/slack/services/" + escaped(name)
}

// DiscordAPIURL stands for https://discord.com/api/v9/.
func (a Addresses) DiscordAPIURL() string { return a.Base + "/discord/api/v9/" }

// DiscordHookURL is the address of a webhook, shaped like https://discord.com/api/webhooks/{id}/{token}:
// the id is a number made from the name, the token is the name.
func (a Addresses) DiscordHookURL(name string) string {
	sum := sha256.Sum256([]byte("discord hook " + name))
	id := strconv.FormatUint(1<<60|binary.BigEndian.Uint64(sum[:])>>4, 10)
	return a.Base + "/discord/api/webhooks/" + id + "/" + url.PathEscape(name)
}

// WebhookURL is the address of a webhook receiver. Any name will do, also one with slashes.
func (a Addresses) WebhookURL(name string) string { return a.Base + "/hooks/" + escaped(name) }

// WebhookSecret is what the receiver of that name checks signatures with ("whsec_…"). It is the same in
// every sandbox.
func (a Addresses) WebhookSecret(name string) string {
	sum := sha256.Sum256([]byte("presswork sandbox webhook " + name))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:24])
}

// escaped makes a name fit a path, leaving its slashes.
func escaped(name string) string { return (&url.URL{Path: name}).EscapedPath() }
