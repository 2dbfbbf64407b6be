package sandbox

import (
	"bytes"
	"errors"
	"strings"
)

var (
	dataEnd  = []byte("\r\n.\r\n")
	lineDot  = []byte("\r\n.")
	errLarge = errors.New("message too large")
)

// takeData reads a mail, lets the faults decide about it and records it.
func (s *smtpSession) takeData(string) error {
	if len(s.to) == 0 {
		return s.say("503 5.5.1 No valid recipients")
	}
	if err := s.say("354 End data with <CR><LF>.<CR><LF>"); err != nil {
		return err
	}
	raw, err := s.readData()
	defer s.reset()
	if errors.Is(err, errLarge) {
		return s.say("552 5.3.4 Message too big")
	}
	if err != nil {
		return err
	}
	return s.deliver(raw)
}

// deliver records the mail unless a fault says otherwise.
func (s *smtpSession) deliver(raw []byte) error {
	identity := identityOf(raw)
	m := &Message{
		Provider: ProviderSMTP,
		Channel:  mailChannel(identity),
		Identity: identity,
		From:     s.from,
		To:       strings.Join(s.to, ", "),
		Body:     raw,
	}
	v := s.verdict
	if s.judged {
		s.sandbox.book.request(m.Channel, false)
	} else {
		v = s.sandbox.judge(ProviderSMTP, m.Channel, m.To)
	}
	if v.outcome != accepted {
		if v.outcome == hungUp {
			s.sandbox.book.journal.note(m, Dropped)
		}
		return s.refuse(v)
	}
	s.sandbox.book.receive(m, v.drop)
	if v.drop {
		return errSessionOver
	}
	return s.say("250 2.0.0 Ok: queued as " + m.ID)
}

// readData reads up to the line with the single dot and returns the mail in memory of its own. It looks
// at whole buffers, never at lines: that is what makes it cheap. A mail beyond the limit is read to its
// end without being kept.
func (s *smtpSession) readData() ([]byte, error) {
	// The end is CRLF.CRLF, and the CRLF before the first line of the mail was the one of DATA.
	data := s.data[:0]
	data = append(data, "\r\n"...)
	tooLarge := false
	for {
		if s.in.Buffered() == 0 {
			if err := s.flush(); err != nil {
				return nil, err
			}
		}
		if _, err := s.in.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := s.in.Peek(s.in.Buffered())
		had := len(data)
		data = append(data, chunk...)
		from := max(0, had-len(dataEnd)+1)
		if end := bytes.Index(data[from:], dataEnd); end >= 0 {
			end += from
			_, _ = s.in.Discard(end + len(dataEnd) - had)
			s.data = kept(data)
			if tooLarge || end > s.limit {
				return nil, errLarge
			}
			return unstuffed(data[:end+2]), nil
		}
		_, _ = s.in.Discard(len(chunk))
		if len(data) > s.limit+len(dataEnd) {
			tooLarge = true
			data = append(data[:0], data[len(data)-len(dataEnd):]...)
		}
	}
}

// kept returns the buffer for the next mail, unless it has grown too big to hold on to.
func kept(buffer []byte) []byte {
	const largest = 1 << 20
	if cap(buffer) > largest {
		return nil
	}
	return buffer
}

// unstuffed copies what was read, without the CRLF in front and the dots that were doubled for the
// transfer (RFC 5321, 4.5.2).
func unstuffed(data []byte) []byte {
	if !bytes.Contains(data, lineDot) {
		return bytes.Clone(data[2:])
	}
	clean := make([]byte, 0, len(data))
	for {
		at := bytes.Index(data, lineDot)
		if at < 0 {
			clean = append(clean, data...)
			return clean[2:]
		}
		clean = append(clean, data[:at+2]...)
		// The text after a dot cannot begin inside the match, so nothing is looked at twice.
		data = data[at+len(lineDot):]
	}
}
