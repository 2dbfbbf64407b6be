package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := New(server.URL+"/", "key")
	t.Cleanup(c.Close)
	return c
}

func TestPublish(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var got PublicationRequest
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/api/v1/publications" || r.Header.Get("Authorization") != "Bearer key" ||
			r.Header.Get("Idempotency-Key") != "once" || got.Title != "News" || !got.Audience.All {
			t.Errorf("%s %v %+v", r.URL, r.Header, got)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"id":"p","state":"queued"}`))
	})
	p, err := c.Publish(t.Context(), PublicationRequest{Title: "News", Audience: &Audience{All: true}}, "once")
	if err != nil || p.ID != "p" || p.State != "queued" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestUploadAsset(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v1/assets" || r.URL.Query().Get("name") != "a & b.pdf" ||
			r.Header.Get("Content-Type") != "application/pdf" || r.ContentLength != 4 || string(body) != "%PDF" {
			t.Errorf("%s %v %q %v", r.URL, r.Header, body, err)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"a","size":4}`))
	})
	a, err := c.UploadAsset(t.Context(), "a & b.pdf", "application/pdf", strings.NewReader("%PDF"))
	if err != nil || a.ID != "a" || a.Size != 4 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"title":"Invalid","detail":"The input has errors.","errors":[{"pointer":"/title","detail":"is required"}]}`))
	})
	_, err := c.Publish(t.Context(), PublicationRequest{}, "")
	var p *Problem
	if !errors.As(err, &p) || p.Status != 422 || p.Error() != "422 Invalid: The input has errors.; /title is required" {
		t.Errorf("%v", err)
	}
}

func TestProblemThatIsNoJSON(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, err := c.Progress(t.Context(), "x")
	var p *Problem
	if !errors.As(err, &p) || p.Status != 502 || p.Title != "Bad Gateway" {
		t.Errorf("%v", err)
	}
}

func TestListFollowsCursors(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = w.Write([]byte(`{"items":[1,2],"next":"more"}`))
		default:
			_, _ = w.Write([]byte(`{"items":[3],"next":""}`))
		}
	})
	got, err := List[int](t.Context(), c, "/numbers", nil)
	if err != nil || len(got) != 3 || got[2] != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestProgressCounts(t *testing.T) {
	t.Parallel()
	p := Progress{State: "sending", Channels: []Counts{{Channel: "email", Sent: 2, Failed: 1}}}
	if p.Final() || p.Channel("email").Settled() != 3 || p.Channel("slack").Total != 0 {
		t.Errorf("%+v", p)
	}
	p.State = "completed_with_failures"
	if !p.Final() {
		t.Error("not final")
	}
}
