package sandbox

import (
	"net/http"
	"strconv"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func (s *Sandbox) routeWebhooks(mux *http.ServeMux) {
	mux.HandleFunc("POST /hooks/{name...}", s.webhook)
}

// webhook is a receiver that checks the signature before anything else, as it should.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func (s *Sandbox) webhook(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, chatMaxBody)
	if !ok {
		return
	}
	m := newRequestMessage(r, ProviderWebhook, ChannelWebhook)
	m.To, m.Body = r.PathValue("name"), body
	if m.Identity == "" {
		m.Identity = r.Header.Get(standardwebhooks.HeaderWebhookID)
	}
	receiver, err := standardwebhooks.NewWebhook(s.WebhookSecret(m.To))
	if err == nil {
		err = receiver.Verify(body, r.Header)
	}
	if isTest(body) && err == nil {
		if s.up(w, ProviderWebhook, refuseWebhook) {
			w.WriteHeader(http.StatusNoContent)
		}
		return
	}
	if err != nil {
		s.book.invalid(m, strings.TrimPrefix(err.Error(), "unable to verify payload, err: "))
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if s.accept(w, m, refuseWebhook) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// refuseWebhook answers a delivery an injected fault turned down. 410 asks the sender to stop for good.
func refuseWebhook(w http.ResponseWriter, v verdict) {
	status := http.StatusInternalServerError
	switch v.outcome {
	case throttled:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(wholeSeconds(v.quota.wait)))
	case rejected:
		status = http.StatusGone
	case down:
		status = http.StatusServiceUnavailable
	case failed, accepted, hungUp:
	}
	http.Error(w, http.StatusText(status), status)
}
