package chaos

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// echo is a server that sends everything back.
func echo(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c) // ends with the connection
			}()
		}
	}()
	return l.Addr().String()
}

// dialled is a connection through the link, with what it answers.
func dialled(t *testing.T, k *link) (net.Conn, *bufio.Reader) {
	t.Helper()
	var dialer net.Dialer
	c, err := dialer.DialContext(t.Context(), "tcp", k.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// say sends a line and returns what came back.
func say(c net.Conn, in *bufio.Reader, line string) (string, error) {
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		return "", err
	}
	return in.ReadString('\n')
}

func TestLink(t *testing.T) {
	t.Parallel()
	k := newLink(t, "tcp", echo(t))
	c, in := dialled(t, k)
	if got, err := say(c, in, "one"); got != "one\n" {
		t.Fatalf("%q, %v", got, err)
	}

	k.delay(20 * time.Millisecond)
	began := time.Now()
	if got, err := say(c, in, "two"); got != "two\n" || time.Since(began) < 40*time.Millisecond {
		t.Errorf("%q after %v, %v", got, time.Since(began), err)
	}
	k.delay(0)

	k.freeze()
	if _, err := c.Write([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got, err := in.ReadString('\n'); err == nil {
		t.Errorf("a frozen link lets %q pass", got)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	k.thaw()
	if got, err := in.ReadString('\n'); got != "three\n" {
		t.Errorf("%q, %v", got, err)
	}

	k.cut()
	if got, err := say(c, in, "four"); err == nil {
		t.Errorf("a cut link lets %q pass", got)
	}
	c, in = dialled(t, k)
	if got, err := say(c, in, "five"); got != "five\n" {
		t.Errorf("%q, %v", got, err)
	}
	if n := k.hazards.Load(); n != 2 {
		t.Errorf("%d connections met a cut or a freeze, not 2", n)
	}
}
