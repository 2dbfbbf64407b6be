package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUpdateIsForAVersion: it says which one the caller looked at, and a draft is asked for as one.
func TestUpdateIsForAVersion(t *testing.T) {
	t.Parallel()
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = r.Method + " " + r.URL.Path + " " + r.Header.Get("If-Match") + " " + string(body)
		_, _ = io.WriteString(w, `{"id":"p","state":"draft","version":8,"cloned_from":"o","approval":{"state":"rejected","reason":"no","version":6}}`)
	}))
	defer server.Close()
	c := New(server.URL, "key")
	defer c.Close()
	p, err := c.UpdatePublication(t.Context(), "p", 7, PublicationRequest{Title: "A", Draft: true})
	if err != nil || p.Version != 8 || p.ClonedFrom != "o" || p.Approval.Reason != "no" || p.Approval.Version != 6 {
		t.Errorf("%+v, %v", p, err)
	}
	if !strings.HasPrefix(asked, `PUT /api/v1/publications/p "7" {"title":"A",`) || !strings.HasSuffix(asked, `"draft":true}`) {
		t.Errorf("asked %s", asked)
	}
}
