// Package webhook delivers a publication to an HTTP endpoint of the client's own, as a JSON document with
// Standard Webhooks headers: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/signed"
)

// Name is the provider's name in a channel.
const Name = "webhook"

// Options of the provider.
type Options struct {
	// Network says which addresses may be called; the zero value allows public ones only.
	Network attempt.Network
	// Now is the clock for signatures; nil is time.Now.
	Now func() time.Time
}

// Provider delivers to the endpoint in the setting url. Its secret signing_secrets holds one or more
// blank-separated "whsec_…", newest first: every message is signed with each of them, so that a receiver
// can change over at its leisure.
func Provider(o Options) channel.Provider {
	return channel.Provider{
		Name:  Name,
		Kinds: []channel.Kind{channel.Webhook},
		Settings: []channel.Setting{
			{Name: "url", Required: true, URL: true, Doc: "The endpoint that publications are posted to."},
			{
				Name: "signing_secrets", Secret: true, Required: true,
				Valid: func(value string) error { _, err := signersOf(value); return err },
				Real:  realSecrets,
				Doc:   "Signing secrets (whsec_…), separated by blanks, newest first.",
			},
		},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) { return open(o, c) },
	}
}

func open(o Options, c channel.Channel) (*sender, error) {
	s := &sender{url: c.Settings["url"], client: o.Network.Client(), now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.signers, err = signersOf(c.Secrets["signing_secrets"]); err != nil {
		return nil, err
	}
	if s.url == "" {
		return nil, errors.New("webhook needs a url and signing_secrets")
	}
	return s, nil
}

// signersOf reads one or more signing secrets, separated by blanks.
func signersOf(secrets string) (signed.Signers, error) {
	signers, err := signed.Parse(strings.Fields(secrets)...)
	if errors.Is(err, signed.ErrNoSecret) {
		return nil, errors.New("webhook needs a url and signing_secrets")
	}
	return signers, err
}

// The bytes that a signing secret has.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
const (
	leastSecret = 24
	mostSecret  = 64
)

// realSecrets says why one of the signing secrets cannot be a real one.
func realSecrets(value string) error {
	for i, secret := range strings.Fields(value) {
		if err := credential.Check(secret, 0); err != nil {
			return fmt.Errorf("has a secret, number %d, that %w", i+1, err)
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(raw) < leastSecret || len(raw) > mostSecret {
			return fmt.Errorf("has a secret, number %d, that has not %d to %d bytes", i+1, leastSecret, mostSecret)
		}
	}
	return nil
}

type sender struct {
	url     string
	client  *http.Client
	signers signed.Signers
	now     func() time.Time
}

// Send posts m.Post once. 2xx is acceptance; 410 is fault.GiveUp channel.CodeGone, upon which the channel
// is switched off; the rest is attempt.Refusal.
func (s *sender) Send(ctx context.Context, m *channel.Message) error {
	if m.Post == nil {
		return fault.New(fault.GiveUp, "empty_message", "There is no post to send.")
	}
	at := s.now()
	body, err := encode(m, at)
	if err != nil {
		return err
	}
	ctx, a := attempt.Start(ctx, m.ID)
	// The id, and so what a receiver tells repeats by, is the delivery's.
	req, err := s.signers.Request(ctx, signed.Message{URL: s.url, ID: m.ID.String(), At: at, ContentType: "application/json", Body: body})
	if err != nil {
		return fault.Wrap(attempt.Cause(err), fault.GiveUp, "invalid_url")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return a.Fault(err)
	}
	defer resp.Body.Close()
	defer attempt.Drain(resp.Body)
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return nil
	case resp.StatusCode == http.StatusGone:
		return fault.New(fault.GiveUp, channel.CodeGone, "The endpoint asked for no more messages.")
	}
	return attempt.Refusal(resp.StatusCode, resp.Header, nil)
}

// Close lets go of connections.
func (s *sender) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
