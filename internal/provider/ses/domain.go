package ses

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/smithy-go"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// Domain is what SES knows of a domain, or else of the ones above it, in the region of a channel, which may be one that nobody stored: settings and secrets
// are those of the provider.
func Domain(ctx context.Context, o Options, c channel.Channel, domain string) (*domaincheck.Identity, error) {
	s, err := open(ctx, o, nil, c)
	if err != nil {
		return nil, err
	}
	defer s.close()
	identity := &domaincheck.Identity{Region: s.api.Options().Region, Name: domain}
	var out *sesv2.GetEmailIdentityOutput
	for name := domain; err == nil && out == nil && strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		if out, err = s.identity(ctx, name); out != nil {
			identity.Name = name
		}
	}
	if err != nil || out == nil {
		return identity, err
	}
	identity.Found, identity.Verified = true, out.VerifiedForSendingStatus
	if dkim := out.DkimAttributes; dkim != nil {
		identity.DKIMStatus, identity.Signing = string(dkim.Status), dkim.SigningEnabled
		if dkim.SigningAttributesOrigin == "AWS_SES" || dkim.SigningAttributesOrigin == "" {
			identity.Tokens = dkim.Tokens // otherwise selectors of keys of one's own
		}
	}
	if from := out.MailFromAttributes; from != nil && from.MailFromDomain != nil {
		identity.MailFrom, identity.MailFromStatus = *from.MailFromDomain, string(from.MailFromDomainStatus)
	}
	return identity, nil
}

// identity is one of SES's, nil if it has none of this name.
func (s *sender) identity(ctx context.Context, name string) (*sesv2.GetEmailIdentityOutput, error) {
	out, err := s.api.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: &name})
	var refused smithy.APIError
	switch {
	case err != nil && errors.As(err, &refused) && refused.ErrorCode() == "NotFoundException":
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, fmt.Errorf("get an SES identity: %w", attempt.Cause(err))
	}
	return out, nil
}
