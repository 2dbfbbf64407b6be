package slack

import (
	"errors"

	"github.com/slack-go/slack"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// kinds says which of the Web API's errors, answered with status 200, are worth another attempt. All
// others are final: channel_not_found, not_in_channel, is_archived, invalid_auth, token_revoked,
// missing_scope, msg_too_long, invalid_blocks and their like.
// https://docs.slack.dev/reference/methods/chat.postMessage#errors
var kinds = map[string]fault.Kind{
	"ratelimited":            fault.Wait,
	"rate_limited":           fault.Wait,
	"message_limit_exceeded": fault.Wait,
	"internal_error":         fault.Uncertain, // Slack: "It's possible some aspect of the operation succeeded"
	"fatal_error":            fault.Uncertain, // as above
	"service_unavailable":    fault.Retry,
	"request_timeout":        fault.Retry,
	"team_added_to_org":      fault.Retry, // being moved: "try again shortly"
}

// classify says what must happen after err, which ended the attempt.
func classify(a *attempt.Attempt, err error) error {
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) || a.Status() != 200 {
		return a.Fault(err)
	}
	f := &fault.Error{Kind: fault.GiveUp, Code: attempt.Scrub(refused.Err)}
	if kind, known := kinds[refused.Err]; known {
		f.Kind = kind
	}
	if f.Kind == fault.Wait {
		f.Code, f.After = "rate_limited", attempt.DefaultWait
	}
	return f
}
