package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestSnapshots: one is taken, listed, compared and gone with its id; who is asked for by it must belong to the same segment.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.do("POST", "/api/v1/subscribers", `{"email":"ann@reader.example","country":"DE"}`).want(http.StatusCreated)
	bob := a.do("POST", "/api/v1/subscribers", `{"email":"bob@reader.example","country":"DE"}`).location()
	segment := a.do("POST", "/api/v1/segments", `{"name":"Germans","rule":{"country":["DE"]}}`).location()
	other := a.do("POST", "/api/v1/segments", `{"name":"Austrians","rule":{"country":["AT"]}}`).location()
	r := a.do("POST", segment+"/snapshots", nil).want(http.StatusCreated)
	where := r.Header.Get("Location")
	if taken := read[wire.SegmentSnapshot](r); taken.Segment != "germans" || taken.Version != 1 || taken.Count != 2 || taken.Words != "Readers who live in DE." {
		t.Error(r.Body)
	}
	a.do("POST", "/api/v1/subscribers", `{"email":"cid@reader.example","country":"DE"}`).want(http.StatusCreated)
	later := a.do("POST", segment+"/snapshots", nil).location()
	list := read[wire.SegmentSnapshotPage](a.do("GET", segment+"/snapshots?limit=1", nil).want(http.StatusOK))
	rest := read[wire.SegmentSnapshotPage](a.do("GET", segment+"/snapshots?limit=1&cursor="+list.Next, nil).want(http.StatusOK))
	if len(list.Items) != 1 || len(rest.Items) != 1 || list.Items[0].Count != 3 || rest.Items[0].Count != 2 || rest.Next != "" {
		t.Errorf("%+v, then %+v", list, rest)
	}
	a.do("DELETE", bob, nil).want(http.StatusNoContent)
	if taken := read[wire.SegmentSnapshot](a.do("GET", where, nil).want(http.StatusOK)); taken.Count != 1 {
		t.Errorf("who is erased counts: %+v", taken)
	}
	members := read[wire.SnapshotMemberPage](a.do("GET", later+"/members?limit=1", nil).want(http.StatusOK))
	more := read[wire.SnapshotMemberPage](a.do("GET", later+"/members?cursor="+members.Next, nil).want(http.StatusOK))
	if len(members.Items) != 1 || len(more.Items) != 1 || more.Next != "" {
		t.Errorf("%+v, then %+v", members, more)
	}
	for _, path := range []string{where + "/changes", where + "/changes?to=" + later[strings.LastIndex(later, "/")+1:]} {
		if got := read[wire.SnapshotChanges](a.do("GET", path, nil).want(http.StatusOK)); got != (wire.SnapshotChanges{Before: 1, After: 2, Added: 1}) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	elsewhere := a.do("POST", other+"/snapshots", nil).location()
	a.do("GET", where+"/changes?to="+elsewhere[strings.LastIndex(elsewhere, "/")+1:], nil).problem(http.StatusBadRequest, "invalid_query")
	a.do("GET", where+"/changes?to=now", nil).problem(http.StatusBadRequest, "invalid_query")
	a.do("DELETE", where, nil).want(http.StatusNoContent)
	for _, gone := range []string{where, where + "/members", where + "/changes"} {
		a.do("GET", gone, nil).problem(http.StatusNotFound, "not_found")
	}
}

// TestSnapshotMembersAreReaders: whoever may see segments and no readers sees how many there are, and not who.
func TestSnapshotMembersAreReaders(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Auth = auth.NewGate(testKey, auth.NewKeys(d.Topics.(auth.KeyStore)), nil) })
	segment := a.do("POST", "/api/v1/segments", `{"name":"Germans","rule":{"country":["DE"]}}`).location()
	where := a.do("POST", segment+"/snapshots", nil).location()
	key := read[wire.APIKeyMade](a.do("POST", "/api/v1/api-keys", `{"name":"k","role":"analyst"}`).want(http.StatusCreated)).Key
	analyst := "Authorization: Bearer " + key
	a.do("GET", where, nil, analyst).want(http.StatusOK)
	a.do("GET", where+"/members", nil, analyst).problem(http.StatusForbidden, "forbidden")
	a.do("POST", segment+"/snapshots", nil, analyst).problem(http.StatusForbidden, "forbidden")
}
