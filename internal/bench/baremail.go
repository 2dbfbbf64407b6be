package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/sandbox"
)

// bareConnections is how many connections the bare client keeps: more were not faster on two cores.
const bareConnections = 16

// sendBare sends a message so many times, as fast as SMTP goes, and returns how many a second.
func sendBare(ctx context.Context, smtpURL, letter string, mails int) (float64, error) {
	head, tail := aroundIdentity(letter)
	run := ident.New().String()
	var next atomic.Int64
	errs := make([]error, bareConnections)
	var connections sync.WaitGroup
	begun := time.Now()
	for i := range errs {
		connections.Go(func() {
			c, err := dialBare(ctx, smtpURL)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.close()
			for n := next.Add(1); n <= int64(mails) && errs[i] == nil; n = next.Add(1) {
				errs[i] = c.send(head, run+"/email/"+strconv.FormatInt(n, 10), tail)
			}
		})
	}
	connections.Wait()
	return float64(mails) / time.Since(begun).Seconds(), errors.Join(errs...)
}

// sendOne sends a message once, on a connection of its own.
func sendOne(ctx context.Context, smtpURL, letter string) error {
	c, err := dialBare(ctx, smtpURL)
	if err != nil {
		return err
	}
	defer c.close()
	head, tail := aroundIdentity(letter)
	return c.send(head, ident.New().String()+"/email/1", tail)
}

// aroundIdentity cuts a letter where its delivery's identity stands, so that each copy can have its own. The
// lines end as SMTP wants them, and lines that begin with a dot are stuffed (RFC 5321, 4.5.2).
func aroundIdentity(letter string) (head, tail string) {
	letter = strings.ReplaceAll(strings.ReplaceAll(letter, "\r\n", "\n"), "\n", "\r\n")
	letter = strings.ReplaceAll(letter, "\r\n.", "\r\n..")
	head, tail, found := strings.Cut(letter, sandbox.HeaderDelivery+": ")
	if !found {
		return sandbox.HeaderDelivery + ": ", "\r\n" + letter
	}
	_, tail, _ = strings.Cut(tail, "\r\n")
	return head + sandbox.HeaderDelivery + ": ", "\r\n" + tail
}

// bareClient is one SMTP connection (RFC 5321) that sends the envelope in one go (RFC 2920).
type bareClient struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	stop func() bool
}

// dialBare connects to smtp://host:port. The connection ends with ctx.
func dialBare(ctx context.Context, smtpURL string) (*bareClient, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(smtpURL, "smtp://"))
	if err != nil {
		return nil, fmt.Errorf("connect to the stand-in: %w", err)
	}
	c := &bareClient{conn, bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10),
		context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if err := c.say("EHLO bench\r\n", 2); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *bareClient) close() {
	c.stop()
	c.conn.Close()
}

// send hands over one message in two round trips.
func (c *bareClient) send(head, identity, tail string) error {
	const envelope = "MAIL FROM:<post@example.org>\r\nRCPT TO:<reader@example.net>\r\nDATA\r\n"
	if err := c.say(envelope, 3); err != nil {
		return err
	}
	for _, text := range []string{head, identity, tail} {
		if _, err := c.out.WriteString(text); err != nil {
			return fmt.Errorf("send a message: %w", err)
		}
	}
	return c.say("\r\n.\r\n", 1)
}

// say sends what was written and text, and reads so many answers, which may have several lines each.
func (c *bareClient) say(text string, answers int) error {
	if _, err := c.out.WriteString(text); err != nil {
		return fmt.Errorf("talk to the stand-in: %w", err)
	}
	if err := c.out.Flush(); err != nil {
		return fmt.Errorf("talk to the stand-in: %w", err)
	}
	for answers > 0 {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("talk to the stand-in: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		if len(line) < 4 || line[0] > '3' {
			return fmt.Errorf("the stand-in said %q", line)
		}
		if line[3] == ' ' {
			answers--
		}
	}
	return nil
}
