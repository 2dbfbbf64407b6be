package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestDeliveryPolicyCommand changes what it is told to of the version that it read, and nothing else.
func TestDeliveryPolicyCommand(t *testing.T) {
	t.Parallel()
	const read, write, rest = "GET /delivery-policy ", "PUT /delivery-policy ", `"digest":{"time":"08:00","weekday":"monday"},"digest_template":"Ours"}`
	const quiet, caps = `"quiet_hours":{"from":"22:00","to":"07:00"},`, `"caps":[{"limit":3,"hours":24},{"topic":"news","limit":1,"hours":168}],`
	for line, want := range map[string]struct {
		asked   []string
		printed string
	}{
		"show": {[]string{read}, "quiet hours      22:00 to 07:00\ndigests          08:00, weekly ones on monday\ndigest template  Ours\n" +
			"at most          3 of everything in any 24 hours\nat most          1 of news in any 168 hours\nversion          4, of 2030-01-31 09:00:00\n"},
		"show --json":                        {[]string{read}, `"limit":3,"hours":24`},
		"set --quiet-hours 23:00-06:30":      {[]string{read, write + `{"quiet_hours":{"from":"23:00","to":"06:30"},` + caps + rest}, "quiet hours "},
		"set --no-quiet-hours":               {[]string{read, write + "{" + caps + rest}, ""},
		"set --cap 2/1h --cap go=9/720h":     {[]string{read, write + "{" + quiet + `"caps":[{"limit":2,"hours":1},{"topic":"go","limit":9,"hours":720}],` + rest}, ""},
		"set --no-caps":                      {[]string{read, write + "{" + quiet + rest}, ""},
		"set --digest-time 17:30 --json":     {[]string{read, write + "{" + quiet + caps + strings.Replace(rest, "08:00", "17:30", 1)}, `"version":4`},
		"set --digest-weekday friday":        {[]string{read, write + "{" + quiet + caps + strings.Replace(rest, "monday", "friday", 1)}, ""},
		"set --digest-template Other":        {[]string{read, write + "{" + quiet + caps + strings.Replace(rest, "Ours", "Other", 1)}, ""},
		"set --built-in-digest-template":     {[]string{read, write + "{" + quiet + caps + strings.Replace(rest, `,"digest_template":"Ours"`, "", 1)}, ""},
		"set":                                {nil, "error: at least one of the flags"},
		"set --no-caps --cap 1/1h":           {nil, "error: if any flags in the group [cap no-caps] are set none of the others can be"},
		"set --quiet-hours 22:00":            {nil, "must be two times, as 22:00-07:00"},
		"set --quiet-hours=":                 {nil, "must be two times"},
		"set --cap 3":                        {nil, "must be a number of messages and of hours"},
		"set --cap =3/24h":                   {nil, "must be a number of messages and of hours"},
		"set --cap 3/24":                     {nil, "must be a number of messages and of hours"},
		"set --digest-template=":             {nil, "must not be empty"},
		"set --quiet-hours 22:00-07:00 more": {nil, "error: unknown command"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked []string
			remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")+" "+string(body))
				if r.Method == http.MethodPut && r.Header.Get("If-Match") != `"4"` {
					t.Errorf("changes the version %s", r.Header.Get("If-Match"))
				}
				_, _ = io.WriteString(w, "{"+quiet+caps+strings.TrimSuffix(rest, "}")+`,"version":4,"updated_at":"2030-01-31T09:00:00Z"}`)
			}))
			defer remote.Close()
			out, err := said(t, remote.URL, "delivery-policy "+line)
			if err != nil {
				out += "error: " + err.Error()
			}
			if !slices.Equal(asked, want.asked) || !strings.Contains(out, want.printed) {
				t.Errorf("asked %q, printed %q; want %q, %q", asked, out, want.asked, want.printed)
			}
		})
	}
}

// FuzzPolicyFlags: whatever is taken is said as it can be given again.
func FuzzPolicyFlags(f *testing.F) {
	for _, text := range []string{"3/24h", "news=1/168h", "22:00-07:00", "a=b=1/2h", "-1/-2h", "=1/1h", "--"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var one, again capList
		if err := one.Set(text); err == nil {
			if err := again.Set(one.String()); err != nil || again.String() != one.String() {
				t.Errorf("%q is %q, then %q, %v", text, one.String(), again.String(), err)
			}
		}
		var part, other hours
		if err := part.Set(text); err == nil {
			if err := other.Set(part.String()); err != nil || part != other {
				t.Errorf("%q is %q, then %q, %v", text, part.String(), other.String(), err)
			}
		}
	})
}
