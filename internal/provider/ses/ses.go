// Package ses sends mail through Amazon SES, API version 2.
package ses

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// Name is the provider's name in a channel.
const Name = "ses"

// Options of the provider.
type Options struct {
	// Network says which addresses may be called and how many connections are kept; the zero value
	// allows public addresses only. It does not apply to fetching credentials.
	Network attempt.Network
	// Now is the clock for the header Date; nil is time.Now.
	Now func() time.Time
}

// Provider sends through SES. Without access keys it uses the AWS SDK's default chain (environment,
// shared files, instance role); AWS_REGION and AWS_ENDPOINT_URL_SESV2 apply unless a setting says otherwise.
func Provider(o Options) channel.Provider {
	gate := attempt.NewGate()
	return channel.Provider{
		Name:  Name,
		Kinds: []channel.Kind{channel.Email, channel.Newsletter},
		Settings: []channel.Setting{
			{Name: "region", Doc: "AWS region; AWS_REGION if not given."},
			{Name: "configuration_set", Doc: "SES configuration set, which publishes bounces, complaints and deliveries."},
			{Name: "endpoint", URL: true, Doc: "Address of the SES v2 API, for VPC endpoints and stand-ins."},
			{Name: "access_key_id", Secret: true, With: "secret_access_key", Env: "AWS_ACCESS_KEY_ID", Real: realKey, Doc: "Static access key; prefer an instance role."},
			{Name: "secret_access_key", Secret: true, With: "access_key_id", Env: "AWS_SECRET_ACCESS_KEY", Real: realKey, Doc: "The access key's secret."},
			{Name: "session_token", Secret: true, Env: "AWS_SESSION_TOKEN", Real: realKey, Doc: "The token of an access key that expires."},
		},
		Open: func(ctx context.Context, c channel.Channel) (channel.Sender, error) { return open(ctx, o, gate, c) },
	}
}

// leastKey is the length of an access key's id; its secret has twice as many characters.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
const leastKey = 20

func realKey(value string) error { return credential.Check(value, leastKey) }

func open(ctx context.Context, o Options, gate *attempt.Gate, c channel.Channel) (*sender, error) {
	options := []func(*config.LoadOptions) error{}
	if region := c.Settings["region"]; region != "" {
		options = append(options, config.WithRegion(region))
	}
	id, secret := c.Secrets["access_key_id"], c.Secrets["secret_access_key"]
	if (id == "") != (secret == "") {
		return nil, fmt.Errorf("ses needs both access_key_id and secret_access_key, or neither")
	}
	if id != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, c.Secrets["session_token"])))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("ses needs a region")
	}
	client := o.Network.Client()
	s := &sender{set: c.Settings["configuration_set"], gate: gate, now: o.Now, close: client.CloseIdleConnections}
	if s.now == nil {
		s.now = time.Now
	}
	s.api = sesv2.NewFromConfig(cfg, func(options *sesv2.Options) {
		options.HTTPClient = client
		options.Retryer = aws.NopRetryer{}
		if endpoint := c.Settings["endpoint"]; endpoint != "" {
			options.BaseEndpoint = &endpoint
		}
	})
	return s, nil
}

type sender struct {
	api   *sesv2.Client
	set   string
	gate  *attempt.Gate
	now   func() time.Time
	close func()
	bufs  mime.Buffers
}

// Send hands over m.Mail as raw content, tagged with the delivery's identity, which SES returns in its
// events. The SDK wants the mail in one piece and encodes it once more, so large ones wait their turn.
func (s *sender) Send(ctx context.Context, m *channel.Message) error {
	if m.Mail != nil {
		leave, err := s.gate.Enter(ctx, mime.TailSize(m.Mail))
		if err != nil {
			return err
		}
		defer leave()
	}
	buf := s.bufs.Get()
	defer s.bufs.Put(buf)
	raw, err := mime.Append(*buf, m, s.now())
	if err != nil {
		return err
	}
	*buf = raw
	// Append has checked both.
	from, _ := mime.Mailbox(m.Mail.From.Email)
	to, _ := mime.Mailbox(m.Mail.To.Email)
	in := &sesv2.SendEmailInput{
		FromEmailAddress: &from,
		Destination:      &types.Destination{ToAddresses: []string{to}},
		Content:          &types.EmailContent{Raw: &types.RawMessage{Data: raw}},
		EmailTags:        tags(m.ID),
	}
	if s.set != "" {
		in.ConfigurationSetName = &s.set
	}
	ctx, a := attempt.Start(ctx, m.ID)
	if _, err := s.api.SendEmail(ctx, in); err != nil {
		return classify(a, err)
	}
	return nil
}

// tags name the delivery. SES allows letters, digits, "_", "-", ".", "@", at most 256 of them:
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
func tags(id channel.Identity) []types.MessageTag {
	return []types.MessageTag{
		{Name: aws.String("publication"), Value: aws.String(tagValue(id.Publication))},
		{Name: aws.String("channel"), Value: aws.String(tagValue(string(id.Kind)))},
		{Name: aws.String("recipient"), Value: aws.String(strconv.FormatInt(id.Recipient, 10))},
	}
}

// tagValue replaces what SES does not allow; a UID has nothing of the kind.
func tagValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.@", r) {
			return r
		}
		return '_'
	}, s)
	const longest = 256
	return s[:min(len(s), longest)]
}

// Quota asks for the account's present quota; see channel.Quoter.
func (s *sender) Quota(ctx context.Context) (channel.Quota, error) {
	out, err := s.account(ctx)
	if err != nil || out.SendQuota == nil {
		return channel.Quota{}, err
	}
	q := out.SendQuota
	return channel.Quota{PerSecond: q.MaxSendRate, Per24h: q.Max24HourSend, Sent24h: q.SentLast24Hours}, nil
}

// Verify proves the credentials, and that the account may send.
func (s *sender) Verify(ctx context.Context) error {
	out, err := s.account(ctx)
	if err != nil {
		return err
	}
	if !out.SendingEnabled {
		return fault.New(fault.Unavailable, "sending_paused", "SES does not let this account send.")
	}
	return nil
}

func (s *sender) account(ctx context.Context) (*sesv2.GetAccountOutput, error) {
	out, err := s.api.GetAccount(ctx, &sesv2.GetAccountInput{})
	if err != nil {
		return nil, fmt.Errorf("get SES account: %w", attempt.Cause(err))
	}
	return out, nil
}

// Close lets go of connections.
func (s *sender) Close() error {
	s.close()
	return nil
}
