package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

func TestSegments(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.do("POST", "/api/v1/topics", `{"name":"go"}`).want(http.StatusCreated)
	for _, body := range []string{
		`{"email":"ann@reader.example","topics":["go"],"country":"DE","attributes":{"plan":"pro","seats":4}}`,
		`{"email":"bob@reader.example","topics":["go"],"country":"AT"}`,
		`{"email":"cid@reader.example","country":"DE","status":"pending"}`,
	} {
		a.do("POST", "/api/v1/subscribers", body).want(http.StatusCreated)
	}
	r := a.do("POST", "/api/v1/segments", `{"name":"Germans","rule":{"country":["de"]}}`).want(http.StatusCreated)
	location := r.Header.Get("Location")
	if etag := r.Header.Get("ETag"); etag != `"1"` || !strings.Contains(r.Body, `"words":"Readers who live in DE."`) {
		t.Errorf("%s %s", etag, r.Body)
	}
	a.do("POST", "/api/v1/segments", `{"name":"germans","rule":{"country":["DE"]}}`).problem(http.StatusConflict, "already_exists")
	a.do("POST", "/api/v1/segments", `{"name":"Go in Germany","rule":{"all":[{"segment":"germans"},{"topic":{"any":["go"]}}]}}`).want(http.StatusCreated)
	a.do("DELETE", location, nil).problem(http.StatusConflict, "in_use")
	a.do("PUT", location, `{"name":"x","rule":{"country":["DE"]}}`).problem(http.StatusPreconditionRequired, "precondition_required")
	a.do("PUT", location, `{"name":"x","rule":{"not":{"segment":"go in germany"}}}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input")
	a.do("PUT", location, `{"name":"x","rule":{"country":["AT"]}}`, `If-Match: "1"`).want(http.StatusOK)
	a.do("PUT", location, `{"name":"x","rule":{"country":["DE"]}}`, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")

	r = a.do("POST", "/api/v1/segments/preview", `{"rule":{"segment":"go in germany"},"sample":2}`).want(http.StatusOK)
	if text := r.Body; !strings.Contains(text, `"count":1,"count_is_estimate":false`) || !strings.Contains(text, "bob@reader.example") {
		t.Error(text)
	}
	r = a.do("POST", location+"/preview?sample=0", nil).want(http.StatusOK)
	if text := strings.TrimSpace(r.Body); text != `{"count":1,"count_is_estimate":false,"sample":[]}` {
		t.Error(text)
	}
	a.do("POST", location+"/preview?sample=21", nil).problem(http.StatusBadRequest, "invalid_query")
}

// TestSegmentErrors: a rule is refused as a whole, with every problem.
func TestSegmentErrors(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for body, want := range map[string]string{
		`{"rule":{"all":[{"country":["EU"]},{"inactive":{}}]}}`: "/name required,/rule/all/0/country/0 format,/rule/all/1/inactive/days range",
		`{"name":"x"}`:                                   "/rule required",
		`{"name":"x","rule":{}}`:                         "/rule one_of",
		`{"name":"x","rule":{"segment":"none"}}`:         "/rule/segment unknown_segment",
		`{"name":"x","rule":{"segment":"x"}}`:            "/rule/segment cycle",
		`{"name":"x","rule":{"topic":{"any":["none"]}}}`: "/rule/topic/any/0 unknown_topic",
		`{"name":"x","rule":{"all":[{"topic":{"any":["zen","Ale"]}},{"not":{"segment":"none"}}]}}`: "/rule/all/0/topic/any/0 unknown_topic," +
			"/rule/all/0/topic/any/1 unknown_topic,/rule/all/1/not/segment unknown_segment",
		`{"ready_made":"by_topic","topic":"none"}`:                        "/topic unknown_topic",
		`{"ready_made":"none"}`:                                           "/ready_made unknown",
		`{"ready_made":"by_topic"}`:                                       "/topic format",
		`{"ready_made":"by_country","topic":"x"}`:                         "/country format|/topic not_allowed",
		`{"ready_made":"high_engagement","rule":{"inactive":{"days":1}}}`: "/rule not_allowed",
		`{"name":"x","rule":{"inactive":{"days":1}},"topic":"x"}`:         "/topic not_allowed",
	} {
		p := a.do("POST", "/api/v1/segments", body).problem(http.StatusUnprocessableEntity, "invalid_input")
		var got []string
		for _, f := range p.Errors {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if text := strings.Join(got, ","); text == "" || !strings.Contains("|"+want+"|", "|"+text+"|") {
			t.Errorf("%s: %s, not %s", body, text, want)
		}
	}
}

func TestReadyMadeSegments(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.do("POST", "/api/v1/topics", `{"name":"go"}`).want(http.StatusCreated)
	a.do("GET", "/api/v1/segments/ready-made", nil).want(http.StatusOK)
	for body, rule := range map[string]string{
		`{"ready_made":"high_engagement"}`:           `"rule":{"engagement":{"metric":"open_rate","min_sent":3,"op":"gt","value":0.7,"weeks":12}}`,
		`{"ready_made":"inactive_30_days"}`:          `"rule":{"inactive":{"days":30,"never_sent":false}}`,
		`{"ready_made":"by_topic","topic":"Go"}`:     `"rule":{"topic":{"any":["go"]}}`,
		`{"ready_made":"by_country","country":"at"}`: `"rule":{"country":["AT"]}`,
	} {
		if r := a.do("POST", "/api/v1/segments", body).want(http.StatusCreated); !strings.Contains(r.Body, rule) {
			t.Errorf("%s: %s", body, r.Body)
		}
	}
}

// TestSegmentsShowNobody to whom it is not for: addresses are masked, and nobody can be asked about.
func TestSegmentsShowNobody(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Auth = auth.NewGate(testKey, auth.NewKeys(d.Topics.(auth.KeyStore)), nil) })
	ann := strings.TrimPrefix(a.do("POST", "/api/v1/subscribers", `{"email":"ann@reader.example","country":"DE"}`).location(), "/api/v1/subscribers/")
	location := a.do("POST", "/api/v1/segments", `{"name":"x","rule":{"country":["DE"]}}`).location()
	key := read[wire.APIKeyMade](a.do("POST", "/api/v1/api-keys", `{"name":"k","role":"analyst"}`).want(http.StatusCreated)).Key
	analyst := "Authorization: Bearer " + key
	r := a.do("POST", location+"/preview", nil, analyst).want(http.StatusOK)
	if text := r.Body; !strings.Contains(text, `"email":"a…@reader.example"`) || strings.Contains(text, "ann@") {
		t.Error(text)
	}
	a.do("POST", location+"/explain", nil, analyst).want(http.StatusOK)
	a.do("POST", location+"/explain?subscriber_id="+ann, nil, analyst).problem(http.StatusForbidden, "forbidden")
	a.do("DELETE", location, nil, analyst).problem(http.StatusForbidden, "forbidden")
	if r := a.do("POST", location+"/preview", nil).want(http.StatusOK); !strings.Contains(r.Body, "ann@reader.example") {
		t.Error(r.Body)
	}
}

func TestExplainSegment(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r := a.do("POST", "/api/v1/subscribers", `{"email":"ann@reader.example","country":"DE"}`).want(http.StatusCreated)
	ann := strings.TrimPrefix(r.Header.Get("Location"), "/api/v1/subscribers/")
	a.do("POST", "/api/v1/subscribers", `{"email":"bob@reader.example","country":"AT"}`).want(http.StatusCreated)
	location := a.do("POST", "/api/v1/segments", `{"name":"x","rule":{"any":[{"country":["DE","AT"]},{"not":{"attribute":{"name":"plan","op":"eq","value":"pro"}}}]}}`).
		want(http.StatusCreated).Header.Get("Location")
	r = a.do("POST", location+"/explain?subscriber_id="+ann, nil).want(http.StatusOK)
	got := read[wire.SegmentExplanation](r)
	if got.Words != `Readers who live in AT or DE or do not fulfil: have the attribute "plan" as "pro".` || got.Belongs == nil || !*got.Belongs {
		t.Error(r.Body)
	}
	var parts []string
	for _, c := range got.Conditions {
		parts = append(parts, fmt.Sprint(c.Pointer, " ", *c.Count, " ", *c.Holds))
	}
	if strings.Join(parts, ",") != "/rule/any/0 2 true,/rule/any/1/not 0 false" {
		t.Error(parts)
	}
	a.do("POST", location+"/explain?subscriber_id="+strings.Replace(ann, ann[:8], "00000000", 1), nil).problem(http.StatusNotFound, "not_found")
	a.do("POST", location+"/explain?subscriber_id=ann", nil).problem(http.StatusBadRequest, "invalid_query")
	refused := a.do("POST", "/api/v1/segments/explain", `{"rule":{"all":[{"country":["DE"]},{"segment":"none"}]}}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	if len(refused.Errors) != 1 || refused.Errors[0].Pointer != "/rule/all/1/segment" || refused.Errors[0].Code != "unknown_segment" {
		t.Errorf("%+v", refused.Errors)
	}
}
