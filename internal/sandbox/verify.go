package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// What a sender asks before it sends anything, and what reaches nobody. None of it is recorded or counted, and faults other
// than an outage leave it alone.

// up answers for a provider that is down, and reports whether it is not.
func (s *Sandbox) up(w http.ResponseWriter, provider string, refuse func(http.ResponseWriter, verdict)) bool {
	switch s.faults.outage(provider) {
	case HangUp:
		hangUp()
	case Unavailable:
		refuse(w, verdict{outcome: down})
		return false
	case Up:
	}
	return true
}

// isTest reports whether a webhook's body is a test: nothing was published.
func isTest(body []byte) bool {
	var event struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(body, &event) == nil && event.Type == "presswork.test"
}

// isEmptyPost reports whether a post has nothing in it. Slack refuses it.
func isEmptyPost(body []byte) bool { return string(body) == "{}" }

// sesIdentity answers GetEmailIdentity: whatever is asked for was verified, and is signed by Easy DKIM.
func (s *Sandbox) sesIdentity(w http.ResponseWriter, _ *http.Request) {
	if !s.up(w, ProviderSES, refuseSES) {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"IdentityType": "DOMAIN", "VerificationStatus": "SUCCESS", "VerifiedForSendingStatus": true,
		"FeedbackForwardingStatus": true, "ConfigurationSetName": "", "Tags": []any{},
		"DkimAttributes": map[string]any{
			"Status": "SUCCESS", "SigningEnabled": true, "SigningAttributesOrigin": "AWS_SES", "Tokens": []string{"tokenone", "tokentwo", "tokenthree"},
		},
	})
}

// discordVersion finds the version in a path, which may be left out.
var discordVersion = regexp.MustCompile(`^v\d+/`)

// discordGet answers a bot that asks who it is, and Get Webhook with Token.
func (s *Sandbox) discordGet(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(discordVersion.ReplaceAllString(r.PathValue("path"), ""), "/")
	if !s.discordUp(w) {
		return
	}
	switch {
	case len(path) == 2 && path[0] == "users" && path[1] == "@me":
		writeJSON(w, http.StatusOK, map[string]any{
			"id": "100000000000000001", "username": "presswork", "discriminator": "0", "bot": true,
		})
	case len(path) == 3 && path[0] == "webhooks":
		writeJSON(w, http.StatusOK, map[string]any{
			"id": path[1], "type": 1, "name": "Presswork", "channel_id": "100000000000000042",
		})
	default:
		answerDiscord(w, &discordRefusal{http.StatusNotFound, 0, "404: Not Found"})
	}
}

func (s *Sandbox) discordUp(w http.ResponseWriter) bool {
	return s.up(w, ProviderDiscord, func(w http.ResponseWriter, _ verdict) {
		answerDiscord(w, &discordRefusal{http.StatusServiceUnavailable, 0, "503: Service Unavailable"})
	})
}
