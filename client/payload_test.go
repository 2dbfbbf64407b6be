package client

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/client/api"
)

// sent is what a payload sends each time that it is opened.
func sent(t *testing.T, p *payload, times int) []string {
	t.Helper()
	var all []string
	for range times {
		r, end, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		end()
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
	r, end, err := p.open()
	if _, closes := r.(io.Closer); err != nil || closes {
		t.Errorf("%T, %v", r, err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "rest" {
		t.Errorf("%q, %v", text, err)
	}
	end()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, errOver) {
		t.Errorf("read after its attempt: %v", err)
	}
}

// TestAnAttemptIsOverBeforeTheNext: of a file that is refused before it was read, nothing is missing when it is sent again.
func TestAnAttemptIsOverBeforeTheNext(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("0123456789abcdef", 1<<15)
	var attempts atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if attempts.Add(1) < 4 { // the answer is there while the file is still on its way
			w.Header().Set("Content-Length", "0")
			early := http.NewResponseController(w)
			if err := early.EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusTooManyRequests)
			if err := early.Flush(); err != nil {
				t.Error(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != whole {
			t.Errorf("%d of %d bytes came, %v", len(got), len(whole), err)
		}
		write(t, w, http.StatusCreated, `{"id":"x"}`)
	})
	for range 4 {
		attempts.Store(0)
		file := strings.NewReader(whole)
		if _, err := c.UploadAsset(t.Context(), api.UploadAssetParams{Name: "a"}, "text/plain", file); err != nil || attempts.Load() != 4 {
			t.Errorf("%v after %d attempts", err, attempts.Load())
		}
		if file.Len() != 0 { // it is the caller's again
			t.Errorf("%d bytes are left", file.Len())
		}
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
		if _, _, err := p.open(); !errors.Is(err, os.ErrClosed) {
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
