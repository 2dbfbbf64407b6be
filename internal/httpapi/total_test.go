package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestEveryListHasATotal: every list says how many there are, if it is asked, and else does not.
func TestEveryListHasATotal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	lists := 0
	for path, item := range exampleDocument(t).Paths {
		o, there := item.operations(t)[http.MethodGet]
		refs := []string{}
		for _, p := range o.Parameters {
			refs = append(refs, p.Ref[strings.LastIndex(p.Ref, "/")+1:])
		}
		if !there || !slices.Contains(refs, "cursor") {
			continue
		}
		lists++
		path = w.real(strings.ReplaceAll(path, "{id}", idOf(path, "")))
		page := read[wire.Page[json.RawMessage]](w.do("GET", path+"?total=true&limit=200", nil).want(http.StatusOK))
		if page.Total == nil || page.TotalIsEstimate == nil || *page.TotalIsEstimate || page.Next == "" && *page.Total != int64(len(page.Items)) && o.ID != "listAuditEvents" {
			t.Errorf("%s: %d items, a total of %v", path, len(page.Items), page.Total)
		}
		if body := w.do("GET", path+"?total=false", nil).want(http.StatusOK).Body; strings.Contains(body, "total") {
			t.Errorf("%s: %s", path, body)
		}
		w.do("GET", path+"?total=1", nil).problem(http.StatusBadRequest, "invalid_query")
	}
	if lists < 17 {
		t.Errorf("only %d lists", lists)
	}
}

// TestTotalsOfFilters: a total is of the filter, not of the page.
func TestTotalsOfFilters(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, email := range []string{"b@x.org", "c@x.org", "d@y.org"} {
		n.do("POST", "/api/v1/subscribers", map[string]any{"email": email, "topics": []string{"art"}}).want(http.StatusCreated)
	}
	n.do("POST", "/api/v1/publications", n.body(map[string]any{"draft": true})).want(http.StatusAccepted)
	n.do("POST", "/api/v1/publications", n.body(map[string]any{"approval": true, "publication_type": "alert"})).want(http.StatusAccepted)
	for query, want := range map[string]int64{
		"subscribers?limit=1": 4, "subscribers?topic=art": 3, "subscribers?email=b": 1, "subscribers?status=pending": 0, "subscribers?topic=none": 0,
		"publications?limit=1": 2, "publications?state=draft,queued": 2, "publications?publication_type=alert": 1, "publications?approval=requested": 1,
		"publications?since=2100-01-01T00:00:00Z": 0, "topics?limit=1": 2,
	} {
		page := read[wire.Page[json.RawMessage]](n.do("GET", "/api/v1/"+query+"&total=true", nil).want(http.StatusOK))
		if page.Total == nil || *page.Total != want {
			t.Errorf("%s: %v, want %d", query, page.Total, want)
		}
	}
	for query := range map[string]bool{"status=": true, "status=gone": true, "email=": true, "email=%20": true, "topic=": true} {
		n.do("GET", "/api/v1/subscribers?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}
