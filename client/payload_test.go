package client

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/presswork/presswork/client/api"
)

// sent is what a payload sends each time that it is opened.
func sent(t *testing.T, p *payload, times int) []string {
	t.Helper()
	var all []string
	for range times {
		r, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// TestPayloads that can be sent again are the same again, a file from where it was.
func TestPayloads(t *testing.T) {
	t.Parallel()
	file := strings.NewReader("head,rest")
	if _, err := file.Seek(5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body any
		want string
	}{{nil, ""}, {file, "rest"}, {api.TopicRename{Name: "n"}, `{"name":"n"}`}} {
		p, err := newPayload(&api.Request{Body: c.body})
		if err != nil || !p.again {
			t.Fatalf("%v, %v", p, err)
		}
		if got := sent(t, p, 2); got[0] != c.want || got[1] != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestStreamsAreSentOnce, and stay the caller's to close.
func TestStreamsAreSentOnce(t *testing.T) {
	t.Parallel()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := in.WriteString("rest"); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := newPayload(&api.Request{Body: out})
	if err != nil || p.again {
		t.Fatalf("%v, %v", p, err)
	}
	r, err := p.open()
	if _, closes := r.(io.Closer); err != nil || closes {
		t.Errorf("%T, %v", r, err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "rest" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestWhatCannotBeWritten is an error before anything is sent.
func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	c := New("http://127.0.0.1:1", "key")
	defer c.Close()
	_, err := c.Publish(t.Context(), api.PublicationInput{Data: map[string]any{"x": func() {}}})
	if err == nil || !strings.Contains(err.Error(), "POST /api/v1/publications: write the request") {
		t.Errorf("%v", err)
	}
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPayload(&api.Request{Body: closed})
	if err != nil || closed.Close() != nil {
		t.Fatal(err)
	}
	if p.again {
		if _, err := p.open(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	list := func(yield func(int, error) bool) {
		for i := range 3 {
			if !yield(i, nil) {
				return
			}
		}
		yield(0, broken)
	}
	if got, err := Collect(list, 2); err != nil || len(got) != 2 || got[1] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Collect(list, 0); !errors.Is(err, broken) || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}
