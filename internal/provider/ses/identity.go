package ses

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/smithy-go"

	"github.com/presswork/presswork/internal/provider/attempt"
)

// VerifyFrom is nil if SES lets the account send from the address: it is a verified identity, or its domain or one above
// that is. An account that may send need not be allowed to ask; then it is taken at its word.
// https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html
func (s *sender) VerifyFrom(ctx context.Context, address string) error {
	_, domain, _ := strings.Cut(address, "@")
	for identity := address; strings.Contains(identity, "."); {
		out, err := s.api.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: &identity})
		var refused smithy.APIError
		switch {
		case err == nil && out.VerifiedForSendingStatus:
			return nil
		case err != nil && errors.As(err, &refused) && refused.ErrorCode() == "AccessDeniedException":
			return nil
		case err != nil && (!errors.As(err, &refused) || refused.ErrorCode() != "NotFoundException"):
			return fmt.Errorf("get an SES identity: %w", attempt.Cause(err))
		case identity == address:
			identity = domain
		default:
			_, identity, _ = strings.Cut(identity, ".")
		}
	}
	return fmt.Errorf("SES has verified neither the sender's address nor its domain %s", domain)
}
