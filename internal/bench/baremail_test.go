package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/sandbox"
)

func TestSendBare(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	letter := "Subject: News\r\n" + sandbox.HeaderDelivery + ": 0192f0c4-0000-7000-8000-000000000000/email/7\r\n\r\nHello\r\n..dots\r\n.\r\nend\r\n"
	rate, err := sendBare(t.Context(), "smtp://"+s.SMTPAddr(), letter, 100)
	if err != nil || rate <= 0 {
		t.Fatalf("%v, %v", rate, err)
	}
	counts := s.Counts()[sandbox.ChannelEmail]
	if counts.Received != 100 || counts.Doubled != 0 {
		t.Errorf("%+v", counts)
	}
	if got := string(s.Messages(sandbox.ChannelEmail)[0].Body); !strings.HasSuffix(got, "\r\n\r\nHello\r\n..dots\r\n.\r\nend\r\n\r\n") {
		t.Errorf("%q", got)
	}
	if err := s.Inject(sandbox.ProviderSMTP, sandbox.Fault{Outage: sandbox.Unavailable}); err != nil {
		t.Fatal(err)
	}
	if _, err := sendBare(t.Context(), "smtp://"+s.SMTPAddr(), letter, 100); err == nil {
		t.Error("an outage was not told")
	}
	if err := sendOne(t.Context(), "smtp://127.0.0.1:1", letter); err == nil {
		t.Error("nobody listens there")
	}
}

func TestAroundIdentity(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ letter, want string }{
		{"A: b\nX-Presswork-Delivery: old\nC: d\n\n.x\n", "A: b\r\nX-Presswork-Delivery: NEW\r\nC: d\r\n\r\n..x\r\n"},
		{"A: b\r\n\r\nx\r\n", "X-Presswork-Delivery: NEW\r\nA: b\r\n\r\nx\r\n"},
	} {
		head, tail := aroundIdentity(tc.letter)
		if got := fmt.Sprint(head, "NEW", tail); got != tc.want {
			t.Errorf("%q: %q", tc.letter, got)
		}
	}
}
