package sandbox

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkSMTP sends mails of 10 KB over one connection per goroutine, MAIL, RCPT and DATA pipelined, as
// a sender would. What it costs includes the client: with -cpu 1 both share one core.
func BenchmarkSMTP(b *testing.B) {
	s := start(b, Options{})
	html := strings.Repeat("<p>"+strings.Repeat("news ", 14)+"</p>\r\n", 130)
	var recipient atomic.Int64
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(b.Context(), "tcp", s.SMTPAddr())
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		out, in := bufio.NewWriterSize(conn, 64<<10), bufio.NewReader(conn)
		expect := func(lines int) {
			if err := out.Flush(); err != nil {
				b.Error(err)
			}
			for range lines {
				if line, err := in.ReadSlice('\n'); err != nil || line[0] > '3' {
					b.Errorf("%s %v", line, err)
				}
			}
		}
		expect(1)
		for pb.Next() {
			_, _ = out.WriteString("MAIL FROM:<news@example.com>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n")
			expect(3)
			fmt.Fprintf(out, "Subject: News\r\nFrom: news@example.com\r\n%s: 0192f0c4-0000-7000-8000-000000000000/newsletter/%d\r\n\r\n",
				HeaderDelivery, recipient.Add(1))
			_, _ = out.WriteString(html)
			_, _ = out.WriteString(".\r\n")
			expect(1)
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	if got := s.Counts()[ChannelNewsletter].Received; got != int64(b.N) {
		b.Errorf("received %d of %d", got, b.N)
	}
}
