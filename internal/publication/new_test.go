package publication

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

var (
	now   = time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)
	known = Vocabulary{
		Channels: []Channel{
			{"email", 1, true}, {"newsletter", 2, true}, {"slack", 3, false}, {"discord", 4, false}, {"webhook", 5, false},
		},
		Topic: func(name string) (string, error) {
			if strings.Contains(name, "/") {
				return "", errors.New("must not contain a slash")
			}
			return strings.ToLower(strings.TrimSpace(name)), nil
		},
	}
)

const (
	idA = "0190b5a0-0000-7000-8000-00000000000a"
	idB = "0190b5a0-0000-7000-8000-00000000000b"
)

func valid() map[string]any {
	return map[string]any{
		"title": "Spring", "publication_type": "newsletter", "channels": []string{"email"},
		"content_ids": []string{idA}, "audience": map[string]any{"all": true},
	}
}

func with(changes map[string]any) Request {
	m := valid()
	for k, v := range changes {
		m[k] = v
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	var r Request
	if err := json.Unmarshal(text, &r); err != nil {
		panic(err)
	}
	return r
}

func fieldsOf(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return nil
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Pointer+" "+f.Code)
	}
	slices.Sort(list)
	return list
}

func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("0190b5a0-0000-7000-8000-%012x", i+1)
	}
	return list
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	audience := func(a map[string]any) map[string]any { return map[string]any{"audience": a} }
	for name, c := range map[string]struct {
		change map[string]any
		want   []string
	}{
		"no title":           {map[string]any{"title": "  "}, []string{"/title required"}},
		"long title":         {map[string]any{"title": strings.Repeat("ä", 201)}, []string{"/title too_long"}},
		"title of two lines": {map[string]any{"title": "a\r\nBcc: b"}, []string{"/title format"}},
		"type":               {map[string]any{"publication_type": "leaflet"}, []string{"/publication_type not_allowed"}},
		"no type":            {map[string]any{"publication_type": ""}, []string{"/publication_type required"}},
		"priority":           {map[string]any{"priority": "urgent"}, []string{"/priority not_allowed"}},
		"no channels":        {map[string]any{"channels": []string{}}, []string{"/channels required"}},
		"unknown channel":    {map[string]any{"channels": []string{"email", "pigeon"}}, []string{"/channels/1 unknown_channel"}},
		"what hangs on a channel that is unknown": {map[string]any{"channels": []string{"emial"}, "attachments": []string{idA}, "listed": true,
			"template_ids": map[string]string{"email": idA, "pigeon": idA}},
			[]string{"/channels/0 unknown_channel", "/template_ids/pigeon unknown_channel"}},
		"channel twice":         {map[string]any{"channels": []string{"email", "email"}}, []string{"/channels/1 duplicate"}},
		"channels":              {map[string]any{"channels": make([]string, 11)}, []string{"/channels too_many"}},
		"no contents":           {map[string]any{"content_ids": []string{}}, []string{"/content_ids required"}},
		"contents":              {map[string]any{"content_ids": ids(101)}, []string{"/content_ids too_many"}},
		"content id":            {map[string]any{"content_ids": []string{idA, "7"}}, []string{"/content_ids/1 format"}},
		"content twice":         {map[string]any{"content_ids": []string{idA, strings.ToUpper(idA)}}, []string{"/content_ids/1 duplicate"}},
		"no audience":           {map[string]any{"audience": nil}, []string{"/audience required"}},
		"empty audience":        {audience(map[string]any{}), []string{"/audience one_of"}},
		"two audiences":         {audience(map[string]any{"all": true, "topics": []string{"go"}}), []string{"/audience one_of"}},
		"all is false":          {audience(map[string]any{"all": false}), []string{"/audience/all not_allowed"}},
		"no topics":             {audience(map[string]any{"topics": []string{}}), []string{"/audience/topics required"}},
		"topics":                {audience(map[string]any{"topics": make([]string, 51)}), []string{"/audience/topics too_many"}},
		"topic":                 {audience(map[string]any{"topics": []string{"go", "a/b"}}), []string{"/audience/topics/1 format"}},
		"no subscribers":        {audience(map[string]any{"subscriber_ids": []string{}}), []string{"/audience/subscriber_ids required"}},
		"subscribers":           {audience(map[string]any{"subscriber_ids": ids(10_001)}), []string{"/audience/subscriber_ids too_many"}},
		"subscriber":            {audience(map[string]any{"subscriber_ids": []string{"x"}}), []string{"/audience/subscriber_ids/0 format"}},
		"excluded":              {audience(map[string]any{"all": true, "exclude_subscriber_ids": []string{"x"}}), []string{"/audience/exclude_subscriber_ids/0 format"}},
		"template":              {map[string]any{"template_ids": map[string]string{"email": "x"}}, []string{"/template_ids/email format"}},
		"template of another":   {map[string]any{"template_ids": map[string]string{"a/b~": idA}}, []string{"/template_ids/a~1b~0 unknown_channel"}},
		"sender":                {map[string]any{"sender_id": "x"}, []string{"/sender_id format"}},
		"schedule":              {map[string]any{"schedule_at": "tomorrow"}, []string{"/schedule_at format"}},
		"schedule in past":      {map[string]any{"schedule_at": now.Format(time.RFC3339)}, []string{"/schedule_at not_in_future"}},
		"local time passed":     {map[string]any{"channels": []string{"email"}, "schedule_at": ShowLocal(now.Add(-26*time.Hour - time.Minute))}, []string{"/schedule_at not_in_future"}},
		"local time far away":   {map[string]any{"channels": []string{"email"}, "schedule_at": ShowLocal(now.Add(MaxAhead + time.Minute))}, []string{"/schedule_at too_far"}},
		"local time of a place": {map[string]any{"schedule_at": ShowLocal(now.Add(time.Hour)), "channels": []string{"email", "slack"}}, []string{"/schedule_at not_allowed"}},
		"critical local time":   {map[string]any{"channels": []string{"email"}, "schedule_at": ShowLocal(now.Add(time.Hour)), "priority": "critical"}, []string{"/schedule_at not_allowed"}},
		"no zone":               {map[string]any{"schedule_at": "2030-01-31T09:00"}, []string{"/schedule_at format"}},
		"local and a zone":      {map[string]any{"channels": []string{"email"}, "schedule_at": "2030-01-31T09:00:00Z local"}, []string{"/schedule_at format"}},
		"schedule far ahead":    {map[string]any{"schedule_at": now.Add(MaxAhead + time.Second).Format(time.RFC3339)}, []string{"/schedule_at too_far"}},
		"data with NUL":         {map[string]any{"data": map[string]any{"a": []any{"\x00"}}}, []string{"/data format"}},
		"data key with NUL":     {map[string]any{"data": map[string]any{"\x00": 1}}, []string{"/data format"}},
		"large data":            {map[string]any{"data": map[string]any{"a": strings.Repeat("x", MaxData)}}, []string{"/data too_long"}},
		"everything at once": {
			map[string]any{"title": "", "publication_type": "x", "channels": []string{"x"}, "content_ids": []string{}, "sender_id": "x"},
			[]string{"/channels/0 unknown_channel", "/content_ids required", "/publication_type not_allowed", "/sender_id format", "/title required"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := with(c.change).Parse(now, known)
			if got := fieldsOf(err); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestParseUnderstands(t *testing.T) {
	t.Parallel()
	at := now.Add(time.Hour)
	r := with(map[string]any{
		"title": " Spring ", "priority": "bulk", "channels": []string{"email", "slack"}, "content_ids": []string{idB, idA},
		"audience":     map[string]any{"topics": []string{" Go ", "c_3-x y"}, "exclude_subscriber_ids": []string{idA, idA}},
		"template_ids": map[string]string{"slack": idB}, "sender_id": idA,
		"schedule_at": at.In(time.FixedZone("", 3600)).Format(time.RFC3339),
		"data":        map[string]any{"n": 1.5, "s": "ä"},
	})
	o, err := r.Parse(now, known)
	if err != nil {
		t.Fatal(err)
	}
	if o.Title != "Spring" || o.Priority != Bulk || o.Type != Newsletter || !o.ScheduledAt.Equal(at) || !o.Personal() {
		t.Errorf("%+v", o)
	}
	if !reflect.DeepEqual(o.Audience.Topics, []string{"go", "c_3-x y"}) || len(o.Audience.Exclude) != 1 || o.Audience.All {
		t.Errorf("audience %+v", o.Audience)
	}
	if o.Contents[0].String() != idB || o.Templates["slack"].String() != idB || o.Sender.String() != idA {
		t.Errorf("ids %+v", o)
	}
	if o.Encoded != `{"n":1.5,"s":"ä"}` {
		t.Errorf("data %s", o.Encoded)
	}
	broadcast, err := with(map[string]any{"channels": []string{"slack"}, "audience": nil}).Parse(now, known)
	if err != nil || broadcast.Personal() || broadcast.Priority != Normal || broadcast.ScheduledAt != nil {
		t.Errorf("broadcast %+v, %v", broadcast, err)
	}
}

func TestFieldErrorsOfOneListAreBounded(t *testing.T) {
	t.Parallel()
	_, err := with(map[string]any{"audience": map[string]any{"subscriber_ids": make([]string, 5000)}}).Parse(now, known)
	if got := len(fieldsOf(err)); got != maxFieldErrors {
		t.Errorf("%d errors", got)
	}
}

// A number that JSON cannot hold can only come from a caller in Go.
func TestDataThatIsNoJSON(t *testing.T) {
	t.Parallel()
	r := with(nil)
	r.Data = map[string]any{"a": math.Inf(1)}
	if _, err := r.Parse(now, known); !slices.Equal(fieldsOf(err), []string{"/data format"}) {
		t.Errorf("%v", err)
	}
	if _, err := r.Digest(); err == nil {
		t.Error("it has a digest")
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(text string) [32]byte {
		var r Request
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		d, err := r.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := digest(`{"title":"A","channels":["email"],"data":{"x":1,"y":2}}`)
	if a != digest(` { "data": { "y": 2, "x": 1 }, "channels": ["email"], "title": "A" }`) {
		t.Error("white space and order matter")
	}
	if a == digest(`{"title":"A","channels":["slack"],"data":{"x":1,"y":2}}`) || a == digest(`{"title":"A","channels":["email"],"data":{"x":2}}`) {
		t.Error("different requests have one digest")
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range []Request{with(nil), with(map[string]any{"data": map[string]any{"a": 1.5}, "schedule_at": "2030-02-01T00:00:00Z"})} {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Request
		if json.Unmarshal(text, &r) != nil {
			return
		}
		o, err := r.Parse(now, known)
		switch {
		case err != nil && len(fieldsOf(err)) == 0:
			t.Errorf("an error without fields: %v", err)
		case err == nil && (o.Title == "" || len(o.Channels) == 0 || len(o.Contents) == 0 || !json.Valid([]byte(o.Encoded))):
			t.Errorf("understood %s as %+v", text, o)
		}
	})
}
