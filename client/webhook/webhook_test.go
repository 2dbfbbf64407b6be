package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

const (
	oldSecret = "whsec_b2xkZXIgc2VjcmV0IHRoYW4gdGhhdA=="
	newSecret = "whsec_bmV3ZXN0IHNlY3JldCBvZiBhbGw="
)

var signedAt = time.Unix(1_900_000_000, 0)

// signed are the headers of a message as the public library signs it, with each of the secrets.
func signed(t interface{ Fatal(...any) }, id string, body []byte, secrets ...string) http.Header {
	var signatures []string
	for _, secret := range secrets {
		w, err := standard.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		one, err := w.Sign(id, signedAt, body)
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, one)
	}
	return http.Header{
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(signedAt.Unix(), 10)}, "Webhook-Signature": {strings.Join(signatures, " ")},
	}
}

func verifier(t interface{ Fatal(...any) }, secrets ...string) *Verifier {
	v, err := NewVerifier(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	v.now = func() time.Time { return signedAt }
	return v
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"presswork.test"}`)
	header := func(name, value string) http.Header {
		h := signed(t, "m1", body, oldSecret)
		h.Set(name, value)
		return h
	}
	for name, c := range map[string]struct {
		secrets []string
		header  http.Header
		body    string
		later   time.Duration
		want    error
	}{
		"as it was signed":       {[]string{oldSecret}, header("", ""), "", 0, nil},
		"one of two secrets":     {[]string{newSecret, oldSecret}, header("", ""), "", 0, nil},
		"one of two signatures":  {[]string{newSecret}, signed(t, "m1", body, oldSecret, newSecret), "", 0, nil},
		"another version before": {[]string{oldSecret}, header("Webhook-Signature", "v1a,x v2,abc "+header("", "").Get("Webhook-Signature")), "", 0, nil},
		"another secret":         {[]string{newSecret}, header("", ""), "", 0, ErrSignature},
		"another body":           {[]string{oldSecret}, header("", ""), `{"type": "presswork.test"}`, 0, ErrSignature},
		"another id":             {[]string{oldSecret}, header("Webhook-Id", "m2"), "", 0, ErrSignature},
		"another time":           {[]string{oldSecret}, header("Webhook-Timestamp", "1900000001"), "", 0, ErrSignature},
		"a signature of nothing": {[]string{oldSecret}, header("Webhook-Signature", "v1,"), "", 0, ErrSignature},
		"no base64":              {[]string{oldSecret}, header("Webhook-Signature", "v1,%%%"), "", 0, ErrSignature},
		"no id":                  {[]string{oldSecret}, header("Webhook-Id", ""), "", 0, ErrUnsigned},
		"no time":                {[]string{oldSecret}, header("Webhook-Timestamp", ""), "", 0, ErrUnsigned},
		"no signature":           {[]string{oldSecret}, header("Webhook-Signature", ""), "", 0, ErrUnsigned},
		"five minutes old":       {[]string{oldSecret}, header("", ""), "", Tolerance, nil},
		"older":                  {[]string{oldSecret}, header("", ""), "", Tolerance + time.Second, ErrTime},
		"five minutes ahead":     {[]string{oldSecret}, header("", ""), "", -Tolerance, nil},
		"farther ahead":          {[]string{oldSecret}, header("", ""), "", -Tolerance - time.Second, ErrTime},
	} {
		v := verifier(t, c.secrets...)
		v.now = func() time.Time { return signedAt.Add(c.later) }
		if c.body == "" {
			c.body = string(body)
		}
		if err := v.Verify(c.header, []byte(c.body)); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecretsAreNotShown, not even those that are none.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	if _, err := NewVerifier(); err == nil {
		t.Error("a verifier without a secret")
	}
	for _, secret := range []string{"whsec_%hidden%", "whsec_", "hidden!"} {
		if _, err := NewVerifier(newSecret, secret); err == nil || !strings.Contains(err.Error(), "number 2") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", secret, err)
		}
	}
	if _, err := NewVerifier(" " + newSecret + "\n"); err != nil {
		t.Error(err)
	}
}

// TestAlteredIsRefused: what the public library signs is taken, and nothing else, whatever was changed.
func TestAlteredIsRefused(t *testing.T) {
	t.Parallel()
	v := verifier(t, oldSecret, newSecret)
	rapid.Check(t, func(t *rapid.T) {
		id, body := rapid.StringMatching(`[!-~]{1,40}`).Draw(t, "id"), rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "body")
		header := signed(t, id, body, rapid.SampledFrom([]string{oldSecret, newSecret}).Draw(t, "secret"))
		if err := v.Verify(header, body); err != nil {
			t.Fatal(err)
		}
		body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if err := v.Verify(header, body); !errors.Is(err, ErrSignature) {
			t.Fatalf("an altered body: %v", err)
		}
	})
}

// TestEventsAreTyped: every type of the catalogue is read into a type of its own that has all of its fields.
func TestEventsAreTyped(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 31, 9, 0, 0, 5e8, time.UTC)
	for _, k := range webhook.Types() {
		full := reflect.New(reflect.TypeOf(k.Data)).Elem()
		fill(t, full, at)
		sent := webhook.Event{UID: ident.New(), Type: k.Type, Subject: "publications/x", At: at, Data: full.Interface()}
		body, err := sent.Encode("https://news.example.org")
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse(http.Header{"Webhook-Id": {sent.UID.String()}}, body)
		if err != nil || e.ID != sent.UID.String() || e.Type != string(k.Type) || e.Source != "https://news.example.org" || e.Subject != "publications/x" || !e.Time.Equal(at) {
			t.Errorf("%+v, %v", e, err)
		}
		if _, raw := e.Data.(json.RawMessage); raw {
			t.Errorf("%s has no type", k.Type)
		}
		want, got := fields(t, full.Interface()), fields(t, e.Data)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s is %v, want %v", k.Type, got, want)
		}
	}
}

// fill gives every field a value that is not zero.
func fill(t *testing.T, v reflect.Value, at time.Time) {
	t.Helper()
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = at
		return
	case *ident.UID:
		*value = ident.New()
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), at)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), at)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	default:
		t.Fatalf("a field of type %s", v.Type())
	}
}

func fields(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOtherMessages: a channel's, one of a type that is not known, and what is none.
func TestOtherMessages(t *testing.T) {
	t.Parallel()
	h := http.Header{"Webhook-Id": {"p/webhook/6"}}
	e, err := Parse(h, []byte(`{"type":"publication.published","timestamp":"2030-01-31T09:00:00Z","data":{"id":"p","title":"News","items":[{"id":"i","title":"One"}]}}`))
	p, ok := e.Data.(*api.PublishedPublication)
	if err != nil || !ok || e.ID != "p/webhook/6" || p.Title != "News" || len(p.Items) != 1 || e.Time.Year() != 2030 {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = Parse(h, []byte(`{"specversion":"1.0","type":"moon.risen","data":{"full":true}}`))
	if raw, ok := e.Data.(json.RawMessage); err != nil || !ok || string(raw) != `{"full":true}` {
		t.Errorf("%+v, %v", e, err)
	}
	for _, added := range []string{"publication.split", "delivery.read", "publication", "delivery."} { // by a newer version
		e, err := Parse(h, []byte(`{"specversion":"1.0","type":"`+added+`","data":[1]}`))
		if raw, ok := e.Data.(json.RawMessage); err != nil || !ok || string(raw) != "[1]" {
			t.Errorf("%s: %+v, %v", added, e, err)
		}
	}
	for _, body := range []string{"", "[]", `{"type":7}`, `{"type":"publication.sending","data":7}`, `{"type":"publication.sending"}`} {
		if _, err := Parse(h, []byte(body)); err == nil {
			t.Errorf("%q is read", body)
		}
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	body := []byte(`{"specversion":"1.0","type":"presswork.test","data":{"endpoint":"x"}}`)
	large := make([]byte, MaxBody+1)
	if most := 100 * 50_000 * 3; MaxBody < most { // the most items, the longest bodies, HTML and text and the text of the whole
		t.Errorf("a publication may have %d bytes", most)
	}
	odd := []byte(`{"type":7}`)
	got := 0
	handler := Handler(verifier(t, oldSecret), func(_ context.Context, e Event) error {
		if got++; got > 1 {
			return errors.New("no room")
		}
		if data, ok := e.Data.(*api.EndpointTestData); !ok || data.Endpoint != "x" {
			t.Errorf("%+v", e)
		}
		return nil
	})
	for _, c := range []struct {
		name   string
		header http.Header
		body   []byte
		want   int
	}{
		{"signed", signed(t, "m", body, oldSecret), body, http.StatusNoContent},
		{"that fails", signed(t, "m", body, oldSecret), body, http.StatusInternalServerError},
		{"not signed", http.Header{}, body, http.StatusUnauthorized},
		{"by somebody else", signed(t, "m", body, newSecret), body, http.StatusUnauthorized},
		{"too large", http.Header{}, large, http.StatusBadRequest}, // before anybody looks who signed it
		{"no event", signed(t, "m", odd, oldSecret), odd, http.StatusBadRequest},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(c.body))
		r.Header = c.header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d", c.name, w.Code)
		}
	}
}

// FuzzParse: whatever comes, it is an event or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","type":"delivery.sent","time":"2030-01-31T09:00:00Z","data":{"attempts":1}}`))
	f.Add([]byte(`{"type":"publication.published","data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := Parse(http.Header{}, body); err == nil && e.Data == nil {
			t.Errorf("no data of %q", body)
		}
	})
}

// FuzzVerify: nothing is taken for signed that no secret signed.
func FuzzVerify(f *testing.F) {
	f.Add("m", "1900000000", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", []byte("{}"))
	f.Add("m", "", "v1, v1,= ,", []byte{})
	f.Fuzz(func(t *testing.T, id, at, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signature}}
		if err := verifier(t, newSecret).Verify(h, body); err == nil {
			t.Errorf("%q, %q, %q, %q is taken", id, at, signature, body)
		}
	})
}
