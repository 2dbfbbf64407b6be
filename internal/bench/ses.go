package bench

import (
	"context"

	"github.com/presswork/presswork/internal/sandbox"
)

// sesRate is what the stand-in says the account may send a second: enough not to be the limit.
const sesRate = 100_000

// mailSES measures e-mail through the API of SES, with the client of AWS's own SDK, which signs each request.
func mailSES(ctx context.Context, r *runner, s *system) (Line, error) {
	if err := s.fault(ctx, "ses", sandbox.Fault{RatePerSecond: sesRate}); err != nil {
		return Line{}, err
	}
	return mail(ctx, r, s, "ses", r.size.calls)
}
