package providertest

import (
	"io"
	"net"
	"net/http"
	"testing"
)

// Silence answers a request with "101 Switching Protocols" and then says nothing more. It gives the connection away, which whoever
// takes it closes.
func Silence(t testing.TB, conns chan<- net.Conn) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: silence\r\n\r\n")
		conns <- conn
	}
}
