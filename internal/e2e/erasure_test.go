package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// Everything about the person of this test has one of these words in it, and nothing else has.
const (
	markAddress   = "wilhelmina7k"
	markName      = "Ottokarina9x"
	markAttribute = "heidelbeere5q"
	markSource    = "jahrmarkt3v"
	markBrowser   = "Lesefux8browser"
)

// marks are the words in every form in which they may be stored: as they are, in hexadecimal digits, in base64 wherever they
// begin, and as part of an address.
func marks() map[string]string {
	forms := map[string]string{}
	for _, word := range []string{markAddress, markName, markAttribute, markSource, markBrowser} {
		forms[strings.ToLower(word)] = word
		forms[hex.EncodeToString([]byte(word))] = word + " in hexadecimal"
		for shift := range 3 {
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), word...))
			from, to := (shift*8+5)/6, len(text)-1 // the characters that what stands beside it does not change
			forms[strings.ToLower(text[from:to])] = fmt.Sprintf("%s in base64 at %d", word, shift)
		}
		forms[strings.ToLower(url.QueryEscape(word+"@"))] = word + " in an address"
	}
	return forms
}

// TestErasure: after a person went through everything, and was erased, no row of any table and nothing in Redis holds them.
func TestErasure(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.ConnectSMTP(t, "newsletter")
	h.Subscribe(t, fixture.People("other", 4))
	address := markAddress + "@reader.example"
	var person struct{ ID string }
	h.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": address, "name": markName + " Rowe", "country": "PT", "topics": []string{"news"},
		"attributes": map[string]any{"berry": markAttribute}, "consent_source": markSource}, &person)
	h.Call(t, http.MethodPut, "/subscribers/"+person.ID, map[string]any{"email": address, "name": markName + " Roe", "topics": []string{"news", "staff"},
		"attributes": map[string]any{"berry": markAttribute + "n"}, "consent_source": markSource}, nil, "If-Match", "*")
	h.lives(address)
	h.Call(t, http.MethodGet, "/subscribers/"+person.ID+"/preferences", nil, nil)
	h.tells(person.ID)
	if remembered := h.remembered(person.ID); !strings.Contains(remembered, "staff") {
		t.Errorf("Redis remembers %q of what the person chose: nothing would be forgotten", remembered)
	}

	before := h.found()
	for _, word := range []string{markAddress, markName, markAttribute, markSource} {
		if !strings.Contains(strings.Join(before, "\n"), word) {
			t.Errorf("%s was nowhere: the search would find nothing", word)
		}
	}
	t.Logf("before: %s", strings.Join(before, ", "))
	erased := h.erase(person.ID)
	if !erased.Subscriber || !erased.Suppressed || erased.Messages != 1 || erased.Mentions < 3 {
		t.Errorf("erased %+v", erased)
	}
	for _, place := range h.found() {
		t.Error(place)
	}
	if remembered := h.remembered(person.ID); strings.Contains(remembered, "staff") {
		t.Errorf("Redis remembers %q of what the person chose", remembered)
	}
	// What counts people, and keeps them from being sent to, is there; an import does not bring them back.
	if n := value[int](h, `SELECT count(*) FROM delivery d JOIN subscriber s ON s.id = d.recipient_id WHERE s.uid::text = $1`, person.ID); n != 3 {
		t.Errorf("%d deliveries are left", n)
	}
	h.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": address, "topics": []string{"news"}}, nil)
	id := h.Publish(t, fixture.Order{Title: "Again", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 4)
}

// erasure is one as the API shows it.
type erasure struct {
	ID, State              string
	Subscriber, Suppressed bool
	Messages, Mentions     int
	Search                 struct{ Look int }
}

// erase has a person erased, and waits for the end. Between two looks time passes at once; before the second the person is written
// about once more.
func (h *house) erase(id string) erasure {
	t := h.t
	var asked, same, now erasure
	h.Call(t, http.MethodPost, "/subscribers/"+id+"/erase", nil, &asked)
	h.Call(t, http.MethodPost, "/subscribers/"+id+"/erase", nil, &same)
	if asked.State != "running" || same.ID != asked.ID {
		t.Errorf("asked %+v, and again %+v", asked, same)
	}
	written := false
	fixture.Until(t, patience, "the search for a person", func() (bool, string) {
		h.Call(t, http.MethodGet, "/erasures/"+asked.ID, nil, &now)
		if now.Search.Look == 2 && !written {
			request := h.Request(fixture.Order{Title: "Late, of " + markAddress + "@reader.example", Channels: []string{"email"}})
			request["draft"] = true
			h.Call(t, http.MethodPost, "/publications", request, nil)
			written = true
		}
		if _, err := h.pool.Exec(t.Context(), `UPDATE erasure SET due_at = clock_timestamp() WHERE $1 AND due_at > clock_timestamp()`, written); err != nil {
			t.Fatal(err)
		}
		return now.State == "completed", fmt.Sprintf("%+v", now)
	})
	if now.Search.Look < 3 {
		t.Errorf("in the end %+v", now)
	}
	return now
}

// tells: before, the person is told of everything that is to be erased, what became of three deliveries, and what they did.
func (h *house) tells(id string) {
	h.t.Helper()
	var held struct {
		Publications []struct {
			Title      string
			Deliveries []struct{ Events []any }
		}
		Messages []any
	}
	var answer json.RawMessage
	h.Call(h.t, http.MethodGet, "/subscribers/"+id+"/data", nil, &answer)
	if err := json.Unmarshal(answer, &held); err != nil {
		h.t.Fatal(err)
	}
	for _, word := range []string{markAddress, markName, markAttribute, markSource} {
		if !strings.Contains(string(answer), word) {
			h.t.Errorf("%s is not in what is held about the person", word)
		}
	}
	if n := len(held.Publications); n != 2 || len(held.Messages) != 1 || len(held.Publications[0].Deliveries) != 2 || len(held.Publications[0].Deliveries[0].Events) == 0 {
		h.t.Errorf("%d publications, %+v", n, held)
	}
}

// lives has the person read, click, fail to be reached, be written to and be written about.
func (h *house) lives(address string) {
	t := h.t
	first := h.Publish(t, fixture.Order{Title: "First", Channels: []string{"email", "newsletter"}})
	h.Await(t, first, "completed", patience)
	for _, one := range h.Sandbox.Messages("email") {
		letter := one.Read()
		for _, found := range link.FindAllString(letter.Text+" "+letter.HTML, -1) {
			h.Visit(t, http.MethodGet, found, nil, "User-Agent", markBrowser)
		}
	}
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: markAddress, ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	request := h.Request(fixture.Order{Title: "To " + address, Channels: []string{"email"}})
	request["data"] = map[string]any{"winner": map[string]any{"address": strings.ToUpper(address)}}
	request["draft"] = true
	var draft struct{ ID string }
	h.Call(t, http.MethodPost, "/publications", request, &draft, "Idempotency-Key", "for-"+address)
	delete(request, "draft")
	h.Call(t, http.MethodPut, "/publications/"+draft.ID, request, nil, "If-Match", "*")
	h.Call(t, http.MethodPost, "/publications/"+draft.ID+"/publish", nil, nil)
	h.Await(t, draft.ID, "completed_with_failures", patience)
	h.Sandbox.Clear()
	if _, err := h.pool.Exec(t.Context(), `
		INSERT INTO message (publication_id, subscriber_id, name, data)
		SELECT p.id, s.id, s.name, jsonb_build_object('code', $1::text, 'to', s.email)
		FROM publication p, subscriber s WHERE p.uid::text = $2 AND s.email = $3`, markAttribute, first, address); err != nil {
		t.Fatal(err)
	}
}

// found is where the words are: in which tables, and under which keys of Redis.
func (h *house) found() []string {
	h.t.Helper()
	var places []string
	look := func(place, text string) {
		text = strings.ToLower(text)
		for form, what := range marks() {
			if strings.Contains(text, form) {
				places = append(places, what+" in "+place)
			}
		}
	}
	for _, table := range strings.Split(value[string](h, `SELECT string_agg(oid::regclass::text, '|') FROM pg_class
		WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace`), "|") {
		look(table, value[string](h, `SELECT coalesce(string_agg(t::text, E'\n'), '') FROM `+table+` t`))
	}
	for key, text := range h.redis() {
		look("Redis "+key, key+" "+text)
	}
	return places
}

// remembered is what Redis has under the id of a person.
func (h *house) remembered(id string) string {
	h.t.Helper()
	for key, text := range h.redis() {
		if strings.Contains(key, id) {
			return text
		}
	}
	return ""
}

// redis is everything in Redis, as text.
func (h *house) redis() map[string]string {
	h.t.Helper()
	options, err := redis.ParseURL(h.config.RedisURL)
	if err != nil {
		h.t.Fatal(err)
	}
	db := redis.NewClient(options)
	defer func() { _ = db.Close() }()
	ctx, all := h.t.Context(), map[string]string{}
	keys := db.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		var text any
		switch db.Type(ctx, key).Val() {
		case "string":
			text = db.Get(ctx, key).Val()
		case "list":
			text = db.LRange(ctx, key, 0, -1).Val()
		case "set":
			text = db.SMembers(ctx, key).Val()
		case "zset":
			text = db.ZRange(ctx, key, 0, -1).Val()
		case "hash":
			text = db.HGetAll(ctx, key).Val()
		case "stream":
			text = db.XRange(ctx, key, "-", "+").Val()
		}
		all[key] = fmt.Sprint(text)
	}
	if err := keys.Err(); err != nil || len(all) == 0 {
		h.t.Fatalf("%d keys in Redis, %v", len(all), err)
	}
	return all
}
