package sender_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/sender"
)

func TestCheckNormalises(t *testing.T) {
	t.Parallel()
	got, err := sender.Identity{
		Name: " main ", FromName: "Die Zeitung", FromEmail: "News@EXAMPLE.org", ReplyTo: " ", PostalAddress: "1 Street\r\nTown\n",
	}.Check()
	if err != nil {
		t.Fatal(err)
	}
	got2, err := got.Check()
	if err != nil || strings.TrimSpace(got2.ReplyTo) != "" {
		t.Fatalf("%+v, %v", got2, err)
	}
	if got.Name != "main" || got.FromEmail != "news@example.org" || got.PostalAddress != "1 Street\nTown" {
		t.Errorf("got %+v", got)
	}
}

func TestCheckCollectsEveryProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   sender.Identity
		want []string
	}{
		"nothing": {sender.Identity{}, []string{"/name required", "/from_name required", "/from_email required", "/postal_address required"}},
		"everything": {sender.Identity{
			Name: strings.Repeat("x", 101), FromName: "a\r\nBcc: b@x.org", FromEmail: "x", ReplyTo: "Anna <a@x.org>", PostalAddress: "a\x00",
		}, []string{"/name too_long", "/from_name format", "/from_email format", "/reply_to format", "/postal_address format"}},
	} {
		_, err := c.in.Check()
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
