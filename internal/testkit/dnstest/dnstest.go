// Package dnstest is a small name server on the loopback, by UDP and TCP, for tests.
package dnstest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone is what the server knows, by name in lower case without the last dot. A name that is not in it does not exist.
type Zone map[string]Answer

// Answer is what there is at a name.
type Answer struct {
	TXT []string // each is divided into strings of 255 bytes
	MX  []string // hosts, "." for none
	// CNAME is another name of the zone.
	CNAME string
	// Fails is answered with SERVFAIL, Silent not at all.
	Fails, Silent bool
}

// maxUDP is what fits an answer without EDNS (RFC 1035, 4.2.1): what is longer is cut, and asked for by TCP.
const maxUDP = 512

// Serve answers until the test ends, and returns HOST:PORT.
func Serve(tb testing.TB, zone Zone) string {
	tb.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
		if err != nil {
			tb.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String()) //nolint:noctx // it ends with the test
		if err != nil {                                          // somebody has this port
			_ = tcp.Close()
			continue
		}
		done := make(chan struct{}, 2)
		go func() { zone.overUDP(udp); done <- struct{}{} }()
		go func() { zone.overTCP(tcp); done <- struct{}{} }()
		tb.Cleanup(func() {
			_, _ = udp.Close(), tcp.Close()
			<-done
			<-done
		})
		return tcp.Addr().String()
	}
	tb.Fatal("no port is free for both UDP and TCP")
	return ""
}

func (z Zone) overUDP(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if answer := z.answer(buf[:n]); len(answer) > maxUDP {
			_, _ = conn.WriteTo(cut(answer), from)
		} else if answer != nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

// cut leaves only the header and the question, and says so.
func cut(answer []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(answer) != nil {
		return nil
	}
	m.Truncated, m.Answers = true, nil
	short, err := m.Pack()
	if err != nil {
		return nil
	}
	return short
}

func (z Zone) overTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			var size [2]byte
			for {
				if _, err := io.ReadFull(conn, size[:]); err != nil {
					return
				}
				question := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(conn, question); err != nil {
					return
				}
				answer := z.answer(question)
				if answer == nil {
					return
				}
				if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil { //nolint:gosec // shorter than 64 KiB
					return
				}
			}
		}()
	}
}

// answer is nil for what is not answered.
func (z Zone) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	known, there := z[name]
	switch {
	case known.Silent:
		return nil
	case known.Fails:
		m.RCode = dnsmessage.RCodeServerFailure
	case !there:
		m.RCode = dnsmessage.RCodeNameError
	default:
		m.Answers = z.resources(q.Name, q.Type, known)
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}

func (z Zone) resources(name dnsmessage.Name, kind dnsmessage.Type, a Answer) (list []dnsmessage.Resource) {
	add := func(kind dnsmessage.Type, body dnsmessage.ResourceBody) {
		list = append(list, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET, TTL: 1}, Body: body})
	}
	if a.CNAME != "" {
		target := dnsmessage.MustNewName(a.CNAME + ".")
		add(dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: target})
		return append(list, z.resources(target, kind, z[a.CNAME])...)
	}
	switch kind {
	case dnsmessage.TypeTXT:
		for _, text := range a.TXT {
			var parts []string
			for ; len(text) > 255; text = text[255:] {
				parts = append(parts, text[:255])
			}
			add(kind, &dnsmessage.TXTResource{TXT: append(parts, text)})
		}
	case dnsmessage.TypeMX:
		for i, host := range a.MX {
			add(kind, &dnsmessage.MXResource{Pref: uint16(i), MX: dnsmessage.MustNewName(strings.TrimSuffix(host, ".") + ".")})
		}
	}
	return list
}
