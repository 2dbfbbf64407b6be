//go:build unix

package smtp_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/smtp"
	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/sandbox"
)

// BenchmarkSend sends mails of 5 KB HTML and 1 KB text to the sandbox in the same process. cpu-µs/mail is
// the whole process: client, MIME, server and its record.
func BenchmarkSend(b *testing.B) {
	const connections = 16
	server, err := sandbox.Start(b.Context(), sandbox.Options{Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	sender, err := smtp.Provider(smtp.Options{Connections: connections}).Open(b.Context(),
		channel.Channel{Secrets: map[string]string{"url": "smtp://" + server.SMTPAddr()}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sender.Close() })

	html := strings.Repeat("<p style=\"margin:0 0 1em\">Ten things, <a href=\"https://example.org/c/abc\">café</a>.</p>\n", 58)
	text := strings.Repeat("Ten things we learnt: https://example.org/c/abcdef\n", 20)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	began := cpuTime(b)
	for range connections {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				m := providertest.Message(channel.Email, n)
				m.Mail.HTML, m.Mail.Text = quoted.Plain(html), quoted.Plain(text)
				if err := sender.Send(b.Context(), m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	b.ReportMetric(float64((cpuTime(b)-began).Microseconds())/float64(b.N), "cpu-µs/mail")
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
