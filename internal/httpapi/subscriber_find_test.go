package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

const subscribersPath = "/api/v1/subscribers"

// found is the addresses that a search finds, page by page of two.
func (a *api) foundBy(query string) (addresses, cursors []string) {
	a.t.Helper()
	next := ""
	for {
		page := read[wire.SubscriberPage](a.do("GET", subscribersPath+"?limit=2&"+query+next, nil).want(200))
		for _, s := range page.Items {
			addresses = append(addresses, s.Email)
		}
		if page.Next == "" {
			return addresses, cursors
		}
		cursors = append(cursors, page.Next)
		next = "&cursor=" + page.Next
	}
}

func TestSearchSubscribers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for i, in := range []obj{
		{"email": "dora@x.org", "name": "Dóra Kovács", "country": "hu", "language": "hu", "attributes": obj{"seats": 4}},
		{"email": "ann@x.org", "name": "Ann", "country": "PT", "attributes": obj{"seats": "4"}},
		{"email": "andy@x.org", "name": "Andy", "country": "PT", "topics": []string{"go"}},
		{"email": "ana@x.org", "name": "Ana", "status": "pending", "attributes": obj{"seats": 4, "plan": "pro"}},
	} {
		s := read[wire.Subscriber](a.do("POST", subscribersPath, in).want(201))
		if want := []string{"HU", "PT", "PT", ""}[i]; s.Country != want {
			t.Errorf("country %q, want %q", s.Country, want)
		}
	}
	created := read[wire.SubscriberPage](a.do("GET", subscribersPath+"?email=andy", nil).want(200)).Items[0].CreatedAt.Format("2006-01-02T15:04:05.999999Z07:00")
	for query, want := range map[string]string{
		"":                    "dora ann andy ana",
		"email=AN":            "ana andy ann",
		"q=dora+kov":          "dora",
		"q=an&status=active":  "ann andy",
		"country=pt":          "ann andy",
		"language=HU":         "dora",
		"topic=Go&country=PT": "andy",
		"created_after=" + url.QueryEscape(created):         "andy ana",
		"created_before=" + url.QueryEscape(created):        "dora ann",
		"attributes=" + url.QueryEscape(`{"seats":4}`):      "dora ana",
		"attributes=" + url.QueryEscape(`{"seats":"4"}`):    "ann",
		"attributes=" + url.QueryEscape(`{"plan":"other"}`): "",
	} {
		got, cursors := a.foundBy(query)
		if have := strings.ReplaceAll(strings.Join(got, " "), "@x.org", ""); have != want {
			t.Errorf("%s: %s, want %s", query, have, want)
		}
		for _, c := range cursors {
			if plain, err := base64.RawURLEncoding.DecodeString(c); err != nil || strings.Contains(string(plain), "x.org") {
				t.Errorf("%s: the cursor says whose: %q, %v", query, plain, err)
			}
		}
	}
	exported := a.do("GET", subscribersPath+"/export?email=an&country=PT", nil).want(200)
	if strings.Count(exported.Body, "\n") != 3 {
		t.Errorf("exported %s", exported.Body)
	}
}

func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for i := range 3 {
		a.do("POST", subscribersPath, obj{"email": fmt.Sprintf("a%d@x.org", i)}).want(201)
	}
	byID := read[wire.SubscriberPage](a.do("GET", subscribersPath+"?limit=1", nil).want(200)).Next
	byAddress := read[wire.SubscriberPage](a.do("GET", subscribersPath+"?limit=1&email=a", nil).want(200)).Next
	for _, query := range []string{
		"country=Portugal", "country=", "country=UK", "language=%3F", "q=", "q=+", "q=" + strings.Repeat("x", 201), "created_after=today", "created_before=",
		"attributes=", "attributes=%7B%7D", "attributes=pro", "attributes=" + url.QueryEscape(`{"a":null}`), "q=a&q=b", "name=a",
		"cursor=x", "email=a&cursor=x", "email=a&cursor=" + byID, "cursor=" + byAddress, "email=a&cursor=" + byAddress[:len(byAddress)-4],
	} {
		a.do("GET", subscribersPath+"?"+query, nil).problem(400, "invalid_query")
	}
}

func TestTopicDescription(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	made := read[wire.Topic](a.do("POST", "/api/v1/topics", obj{"name": "Go", "description": " What is new "}).want(201))
	if made.Description != "What is new" || !made.Public {
		t.Errorf("made %+v", made)
	}
	path := "/api/v1/topics/" + made.ID.String()
	changed := read[wire.Topic](a.do("PUT", path, obj{"name": "Go", "public": false}, `If-Match: "1"`).want(200))
	if changed.Description != "What is new" || changed.Public || changed.Version != 2 {
		t.Errorf("changed %+v", changed)
	}
	if again := read[wire.Topic](a.do("PUT", path, obj{"name": "Golang", "description": ""}, `If-Match: "2"`).want(200)); again.Description != "" || again.Public || again.Name != "Golang" {
		t.Errorf("changed again %+v", again)
	}
	a.do("PUT", path, obj{"name": "x", "description": strings.Repeat("x", 301)}, "If-Match: *").problem(422, "invalid_input", "/description too_long")
	if hidden := read[wire.Topic](a.do("POST", "/api/v1/topics", obj{"name": "Staff", "public": false}).want(201)); hidden.Public {
		t.Errorf("made %+v", hidden)
	}
}
