package ses

import (
	"errors"
	"time"

	"github.com/aws/smithy-go"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

const (
	// rateWait fits a rate that SES counts by the second; it names no time.
	rateWait = time.Second
	// pausedWait is for an account that may not send: people have to act, and no recipient is at fault,
	// so the mails wait without using up their attempts.
	pausedWait = 15 * time.Minute
)

// verdict is what must happen next, and for fault.Wait for how long.
type verdict struct {
	kind fault.Kind
	wait time.Duration
}

// verdicts holds the errors of SendEmail and those common to AWS, by their codes. Errors of credentials
// are fault.Retry: they concern every mail alike, so the circuit breaker should open over them, and no
// recipient should be given up.
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
var verdicts = map[string]verdict{
	"TooManyRequestsException":            {fault.Wait, rateWait},
	"Throttling":                          {fault.Wait, rateWait},
	"ThrottlingException":                 {fault.Wait, rateWait},
	"LimitExceededException":              {fault.Wait, pausedWait},
	"AccountSuspendedException":           {fault.Wait, pausedWait},
	"SendingPausedException":              {fault.Wait, pausedWait},
	"MessageRejected":                     {fault.GiveUp, 0},
	"MailFromDomainNotVerifiedException":  {fault.GiveUp, 0},
	"BadRequestException":                 {fault.GiveUp, 0},
	"NotFoundException":                   {fault.GiveUp, 0},
	"AccessDeniedException":               {fault.Retry, 0},
	"ExpiredTokenException":               {fault.Retry, 0},
	"IncompleteSignature":                 {fault.Retry, 0},
	"InvalidClientTokenId":                {fault.Retry, 0},
	"InvalidSignatureException":           {fault.Retry, 0},
	"MissingAuthenticationTokenException": {fault.Retry, 0},
	"NotAuthorized":                       {fault.Retry, 0},
	"OptInRequired":                       {fault.Retry, 0},
	"RequestExpired":                      {fault.Retry, 0},
	"SignatureDoesNotMatch":               {fault.Retry, 0},
	"UnrecognizedClientException":         {fault.Retry, 0},
}

// classify says what must happen after err, which ended the attempt.
func classify(a *attempt.Attempt, err error) error {
	var answered smithy.APIError
	if a.Status() < 300 || !errors.As(err, &answered) {
		return a.Fault(err)
	}
	v, known := verdicts[answered.ErrorCode()]
	if !known {
		return a.Fault(err)
	}
	f := &fault.Error{Kind: v.kind, Code: answered.ErrorCode(), After: v.wait, Err: attempt.Cause(err)}
	if after, told := attempt.RetryAfter(a.Header(), time.Now()); told && v.kind == fault.Wait {
		f.After = after
	}
	return f
}
