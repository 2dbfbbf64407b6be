package smtp

import (
	"context"
	"errors"
	"iter"
	"net/textproto"
	"strconv"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// goodbye is the code with which a server ends the connection, at any time (RFC 5321, 3.8).
const goodbye = 421

// errStale is a connection that was dead before the mail's content was sent: the mail may be tried on
// another one.
var errStale = errors.New("the connection was closed by the server")

// letter is a mail on its way: head is its own (mime.AppendHead), tail is shared with others (mime.Tail). No line of
// either begins with a dot: that is package mime's promise, and there is none to double (RFC 5321, 4.5.2). Both
// addresses are dot-atoms (mime.Mailbox); what comes last ends in CRLF.
type letter struct {
	from, to string
	head     []byte
	tail     iter.Seq[[]byte]
	// tailSize is 0 for a mail without a tail.
	tailSize int
}

// send hands over one mail.
//
// The content is 7-bit, whatever the mail says, and so are the addresses: neither 8BITMIME (RFC 6152) nor
// SMTPUTF8 (RFC 6531) is needed.
func (c *conn) send(ctx context.Context, l letter) error {
	release := c.watch(ctx)
	err := c.transact(l)
	if release() {
		c.broken = true
	}
	c.mails++
	return err
}

func (c *conn) transact(l letter) error {
	if err := c.envelope(l); err != nil {
		return err
	}
	if err := c.content(l); err != nil {
		c.broken = true
		return notSent(err)
	}
	// From here on the server may have the mail.
	err := c.reply(success(false))
	if err == nil {
		return nil
	}
	var answer *textproto.Error
	c.broken = !errors.As(err, &answer) || answer.Code == goodbye
	return refused(err, func(err error) error {
		return fault.Wrap(attempt.Cause(err), fault.Uncertain, "no_answer")
	})
}

// content writes the mail and the final dot, which leaves last: until then every failure is certain. A tail goes
// from where it is into the connection: no copy of it is made for each mail.
func (c *conn) content(l letter) error {
	if l.tailSize == 0 {
		return c.write(append(l.head, end...)) // the buffer is the letter's own
	}
	if _, err := c.client.Text.W.Write(l.head); err != nil {
		return err
	}
	for piece := range l.tail {
		if _, err := c.client.Text.W.Write(piece); err != nil {
			return err
		}
	}
	return c.write(end)
}

// envelope says MAIL, RCPT and DATA, and returns nil once the server wants the content.
func (c *conn) envelope(l letter) error {
	commands := [3]string{"MAIL FROM:<" + l.from + ">" + c.size(l) + "\r\n", "RCPT TO:<" + l.to + ">\r\n", "DATA\r\n"}
	if c.pipelining {
		c.out = append(append(append(c.out[:0], commands[0]...), commands[1]...), commands[2]...)
		if err := c.write(c.out); err != nil {
			return c.lost(err)
		}
	}
	var refusal *textproto.Error
	for i, command := range commands {
		if !c.pipelining {
			if refusal != nil {
				break
			}
			if err := c.write([]byte(command)); err != nil {
				return c.lost(err)
			}
		}
		content := i == len(commands)-1
		err := c.reply(success(content))
		var answer *textproto.Error
		switch {
		case err == nil:
			// A server that wants content for nobody must not get any (RFC 2920, 3.1).
			c.broken = c.broken || (content && refusal != nil)
		case refusal != nil:
			c.broken = c.broken || !errors.As(err, &answer)
		case !errors.As(err, &answer):
			return c.lost(err)
		case answer.Code == goodbye:
			return c.leave(i, answer)
		default:
			refusal = answer
		}
		if c.broken {
			break
		}
	}
	if refusal == nil {
		return nil
	}
	if !c.broken && c.reset() != nil {
		c.broken = true
	}
	return refused(refusal, notSent)
}

// size announces a mail with files, if the server wants to know (RFC 1870): one that is too large for it is then
// refused before it was sent.
func (c *conn) size(l letter) string {
	if l.tailSize == 0 || !c.sizes {
		return ""
	}
	return " SIZE=" + strconv.Itoa(len(l.head)+l.tailSize)
}

// success is the class of codes by which a server wants the content (354), or takes another command.
func success(content bool) int {
	if content {
		return 3
	}
	return 2
}

// leave handles 421, upon which the server closes the connection. Said to the first command of a mail on
// a connection that was kept, and not about a rate, it means that the connection had been idle too long.
func (c *conn) leave(command int, answer *textproto.Error) error {
	c.broken = true
	if command == 0 && c.kept && !limitsRate(answer) {
		return errStale
	}
	return refused(answer, notSent)
}

// lost handles a connection that broke before the content was sent.
func (c *conn) lost(err error) error {
	c.broken = true
	if c.kept {
		return errors.Join(errStale, err)
	}
	return notSent(err)
}

// reset takes back a refused envelope.
func (c *conn) reset() error {
	if err := c.write([]byte("RSET\r\n")); err != nil {
		return err
	}
	return c.reply(success(false))
}

func (c *conn) noop(ctx context.Context) error {
	release := c.watch(ctx)
	err := c.write([]byte("NOOP\r\n"))
	if err == nil {
		err = c.reply(success(false))
	}
	if release() || err != nil {
		c.broken = true
	}
	if err != nil {
		return refused(err, c.lost)
	}
	return nil
}

// write hands b to the kernel, or to TLS, in one call. It returns nil only if all of b was taken.
func (c *conn) write(b []byte) error {
	if _, err := c.client.Text.W.Write(b); err != nil {
		return err
	}
	return c.client.Text.W.Flush()
}

func (c *conn) reply(class int) error { return readReply(c.client.Text.R, class) }

var end = []byte(".\r\n")
