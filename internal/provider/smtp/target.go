package smtp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"github.com/presswork/presswork/internal/credential"
)

// tlsMode says when a connection is encrypted.
type tlsMode uint8

const (
	tlsNever     tlsMode = iota
	tlsIfOffered         // STARTTLS, if the server offers it
	tlsRequired          // STARTTLS, or no mail
	tlsImplicit          // from the first byte (RFC 8314)
)

// target is a relay.
type target struct {
	host, port     string
	user, password string
	tls            tlsMode
}

var (
	errURL  = errors.New("smtp needs a url such as smtp://user:password@host:587")
	errMode = errors.New("tls in the smtp url must be none, starttls or required")
)

// parseTarget reads a relay's URL. Its errors do not quote it: it holds a password.
func parseTarget(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return target{}, errURL
	}
	t := target{host: u.Hostname(), port: u.Port(), user: u.User.Username()}
	t.password, _ = u.User.Password()
	mode := u.Query().Get("tls")
	switch {
	case u.Scheme == "smtps":
		t.tls = tlsImplicit
	case mode == "none":
		t.tls = tlsNever
	case mode == "starttls":
		t.tls = tlsIfOffered
	case mode == "required":
		t.tls = tlsRequired
	case mode != "":
		return target{}, errMode
	case t.user != "" && !t.loopback():
		t.tls = tlsRequired
	default:
		t.tls = tlsIfOffered
	}
	if t.port == "" {
		t.port = t.usualPort()
	}
	if _, _, err := net.SplitHostPort(t.address()); err != nil { // net/url lets a stray bracket pass
		return target{}, errURL
	}
	return t, nil
}

// leastPassword is short for a password, and longer than those that are guessed first.
const leastPassword = 8

// realTarget says why a relay's password cannot be a real one. A relay may know its clients otherwise, and ask for none.
func realTarget(text string) error {
	t, err := parseTarget(text)
	if err != nil {
		return err
	}
	if t.user == "" {
		return nil
	}
	if t.password == "" {
		return errors.New("has a user without a password")
	}
	if err := credential.Check(t.password, leastPassword); err != nil {
		return fmt.Errorf("has a password that %w", err)
	}
	return nil
}

func (t target) usualPort() string {
	switch {
	case t.tls == tlsImplicit:
		return "465"
	case t.user != "":
		return "587"
	}
	return "25"
}

func (t target) address() string { return net.JoinHostPort(t.host, t.port) }

// loopback reports whether what is sent there does not leave the machine.
func (t target) loopback() bool {
	ip, err := netip.ParseAddr(t.host)
	return t.host == "localhost" || (err == nil && ip.IsLoopback())
}
