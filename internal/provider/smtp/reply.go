package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

const (
	maxReplyLines = 100
	// defaultWait is for rate limits that name no time: SMTP has no field for it.
	defaultWait = 30 * time.Second
	maxWait     = time.Hour
)

var errReply = errors.New("the server's answer is not SMTP")

// authError is a refusal of the credentials.
type authError struct{ err error }

// Error is the server's refusal.
func (e *authError) Error() string { return "authenticate: " + e.err.Error() }

// Unwrap returns the reply.
func (e *authError) Unwrap() error { return e.err }

// readReply reads one answer. A code of the class expected (2 or 3, its first digit) is a success and
// costs no memory; any other is a *textproto.Error.
func readReply(r *bufio.Reader, class int) error {
	var text []string
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		code, more, ok := replyCode(line)
		if !ok {
			return errReply
		}
		if code/100 != class {
			text = append(text, strings.TrimSpace(string(line[min(4, len(line)):])))
		}
		if more {
			continue
		}
		if code/100 != class {
			return &textproto.Error{Code: code, Msg: strings.Join(text, " ")}
		}
		return nil
	}
	return errReply
}

// replyCode reads "250 text", "250-text" with more lines to follow, or "250".
func replyCode(line []byte) (code int, more, ok bool) {
	if len(line) < 4 {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	switch line[3] {
	case '-':
		return code, true, true
	case ' ', '\r', '\n':
		return code, false, true
	}
	return 0, false, false
}

// refused turns a server's refusal into what must happen next; any other error is left to otherwise.
//
//   - credentials refused: fault.Retry, for no recipient is at fault and the breaker should open;
//   - 421, 450, 451, 452, 454 that speak of a rate (4.7.x, or SES's "Throttling"): fault.Wait;
//   - other 4xx: fault.Retry;
//   - 5xx: fault.GiveUp.
func refused(err error, otherwise func(error) error) error {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return otherwise(err)
	}
	var auth *authError
	if errors.As(err, &auth) {
		return fault.Wrap(attempt.Cause(err), fault.Retry, "unauthenticated")
	}
	f := &fault.Error{Kind: fault.GiveUp, Code: fmt.Sprintf("smtp_%d", reply.Code), Err: attempt.Cause(reply)}
	switch {
	case limitsRate(reply):
		f.Kind, f.Code, f.After = fault.Wait, "rate_limited", toldWait(reply.Msg)
	case reply.Code < 500:
		f.Kind = fault.Retry
	}
	return f
}

// limitsRate reports whether a refusal is about how much is sent rather than what: by its enhanced code
// (RFC 3463, 3.8: 4.7.x is policy) or, as SES answers, by its words.
func limitsRate(reply *textproto.Error) bool {
	switch reply.Code {
	case 421, 450, 451, 452, 454:
		return strings.HasPrefix(reply.Msg, "4.7.") || strings.HasPrefix(reply.Msg, "Throttling")
	}
	return false
}

// timeHint finds what greylisting and rate-limiting servers say in words: "try again in 300 seconds".
var timeHint = regexp.MustCompile(`(?i)\b(?:in|after|for)\s+(\d{1,5})\s*(s|sec|secs|second|seconds|m|min|mins|minute|minutes)\b`)

// toldWait is the time that a refusal names, at most an hour.
func toldWait(text string) time.Duration {
	hint := timeHint.FindStringSubmatch(text)
	if hint == nil {
		return defaultWait
	}
	n, err := strconv.Atoi(hint[1])
	if err != nil {
		return defaultWait
	}
	unit := time.Second
	if strings.EqualFold(hint[2][:1], "m") {
		unit = time.Minute
	}
	return min(max(time.Duration(n)*unit, time.Second), maxWait)
}
