package app

import (
	"net"
	"time"
)

// writeTime is how long a client may take to accept a part of an answer, and writePart how large that is: whoever takes
// less than 2 KB a second is cut off. It is looked at for each part, so that long answers and streams need no exception.
const (
	writeTime = 30 * time.Second
	writePart = 64 << 10
)

// impatient is a listener whose connections do not wait for clients that take nothing.
type impatient struct {
	net.Listener
	time time.Duration
}

// Accept is net.Listener's.
func (l impatient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // http.Server looks at what it is
	}
	return &reader{c, l.time}, nil
}

// reader is a client that has to take what it is sent.
type reader struct {
	net.Conn
	time time.Duration
}

// Write is net.Conn's. It takes the place of whatever write deadline was set.
func (r *reader) Write(p []byte) (int, error) {
	written := 0
	for {
		part := p[written:min(written+writePart, len(p))]
		if err := r.SetWriteDeadline(time.Now().Add(r.time)); err != nil {
			return written, err //nolint:wrapcheck // of the connection
		}
		n, err := r.Conn.Write(part)
		if written += n; err != nil || written == len(p) {
			return written, err //nolint:wrapcheck // of the connection
		}
	}
}
