package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// importAPI answers imports and notes what it was asked.
type importAPI struct {
	mu     sync.Mutex
	asked  []string
	bodies []string
	answer func(n int) (int, string)
}

func (a *importAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/imports/") {
		_, _ = io.WriteString(w, `{"state":"running","done":7}`)
		return
	}
	query := r.URL.Query()
	query.Del("id")
	decoded := strings.NewReplacer("%22", `"`, "%7B", "{", "%7D", "}", "%3A", ":", "%2C", ",").Replace(query.Encode())
	a.asked, a.bodies = append(a.asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1")+" "+decoded), append(a.bodies, string(body))
	status, text := a.answer(len(a.asked))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func newImportAPI(t *testing.T, answer func(n int) (int, string)) (*importAPI, string) {
	t.Helper()
	a := &importAPI{answer: answer}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, server.URL
}

func stored(int) (int, string) { return 200, `{"lines":2,"created":1,"skipped":1,"errors":[]}` }

func csvFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "readers.csv")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSubscribersImport(t *testing.T) {
	t.Parallel()
	file := csvFile(t, "E-Mail\na@x.org\n")
	for line, want := range map[string]string{
		"subscribers import " + file:                       "POST /subscribers/import dry_run=false",
		"subscribers import " + file + " --dry-run --json": "POST /subscribers/import dry_run=true",
		"subscribers import " + file + " --duplicates update --consent-source fair --column E-Mail=email --column Nr=": `POST /subscribers/import ` +
			`columns={"E-Mail":"email","Nr":""}&consent_source=fair&dry_run=false&duplicates=update`,
	} {
		api, address := newImportAPI(t, stored)
		out, err := said(t, address, line)
		if err != nil || !slices.Equal(api.asked, []string{want}) || api.bodies[0] != "E-Mail\na@x.org\n" || !strings.Contains(out, "2") {
			t.Errorf("%s: asked %q, printed %q, %v", line, api.asked, out, err)
		}
	}
}

// What is lost on the way is sent again under the same id, until there is an answer.
func TestSubscribersImportGoesOn(t *testing.T) {
	t.Parallel()
	api, address := newImportAPI(t, func(n int) (int, string) {
		switch n {
		case 1:
			return 409, `{"type":"/problems/import_running","status":409}`
		default:
			return stored(n)
		}
	})
	out, err := said(t, address, "subscribers import "+csvFile(t, "email\na@x.org\n"))
	if err != nil || len(api.asked) != 2 || out != "2 lines: 1 new, 0 updated, 1 left as they are\n" {
		t.Errorf("asked %q, printed %q, %v", api.asked, out, err)
	}
}

func TestSubscribersImportReports(t *testing.T) {
	t.Parallel()
	refused := func(int) (int, string) {
		return 422, `{"type":"/problems/invalid_lines","status":422,"error_count":1,"errors":[{"line":3,"column":"email","code":"format","detail":"is bad"}]}`
	}
	_, address := newImportAPI(t, refused)
	report := filepath.Join(t.TempDir(), "report.csv")
	_, err := said(t, address, "subscribers import "+csvFile(t, "email\na@x.org\nx\n")+" --report "+report)
	if err == nil || err.Error() != "1 errors: nothing was stored" {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(report); err != nil || string(text) != "line,column,code,detail\n3,email,format,is bad\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestSubscribersListAndExport(t *testing.T) {
	t.Parallel()
	api, address := newImportAPI(t, func(n int) (int, string) {
		if n == 1 {
			return 200, `{"items":[{"id":"s1","email":"a@x.org","name":"Ann","status":"active","language":"en","country":"PT","topics":["go"],"created_at":"2030-01-02T03:04:05Z"}]}`
		}
		return 200, "email\na@x.org\n"
	})
	out, err := said(t, address, "subscribers list --find ann --country PT --limit 5")
	if err != nil || !strings.Contains(out, "s1  2030-01-02 03:04:05  active  a@x.org  Ann   en        PT       go") {
		t.Errorf("printed %q, %v", out, err)
	}
	out, err = said(t, address, "subscribers export --columns email --topic go")
	if err != nil || out != "email\na@x.org\n" {
		t.Errorf("printed %q, %v", out, err)
	}
	if want := []string{"GET /subscribers country=PT&limit=5&q=ann", "GET /subscribers/export columns=email&topic=go"}; !slices.Equal(api.asked, want) {
		t.Errorf("asked %q", api.asked)
	}
}

func TestSubscribersData(t *testing.T) {
	t.Parallel()
	const held = `{"person":{"email":"ann@x.org","subscriber":null,"preferences":null,"engagement":null,"suppression":null},"consent":[],"snapshots":[],"messages":[],"publications":[]}`
	api, address := newImportAPI(t, func(int) (int, string) { return 200, held })
	for _, who := range []string{"s1", "ann@x.org"} {
		if out, err := said(t, address, "subscribers data "+who); err != nil || out != held+"\n" {
			t.Errorf("printed %q, %v", out, err)
		}
	}
	if want := []string{"GET /subscribers/s1/data ", "POST /subscribers/data "}; !slices.Equal(api.asked, want) || api.bodies[1] != `{"email":"ann@x.org"}` {
		t.Errorf("asked %q with %q", api.asked, api.bodies)
	}
}

func TestSubscribersErase(t *testing.T) {
	t.Parallel()
	const erasure = `{"id":"e1","state":"%s","subscriber":true,"messages":3,"mentions":%d,"suppressed":true,
		"search":{"look":%d,"table":"message","tables_done":2,"tables":11,"rows":70,"resumes_at":"2030-01-02T03:04:05Z"},
		"created_at":"2030-01-02T03:04:05Z","updated_at":"2030-01-02T03:04:06Z","completed_at":null}`
	api, address := newImportAPI(t, func(n int) (int, string) {
		switch n {
		case 1, 4, 5:
			return 202, fmt.Sprintf(erasure, "running", 0, 1)
		case 2:
			return 503, `{"type":"/problems/unavailable","status":503}`
		default:
			return 200, fmt.Sprintf(erasure, "completed", 1, 2)
		}
	})
	if out, err := said(t, address, "subscribers erase s1"); err != nil || out != "erasure e1 is completed: a subscriber, 3 messages, 1 mentions\n" {
		t.Errorf("printed %q, %v", out, err)
	}
	if out, err := said(t, address, "subscribers erase ann@x.org --wait=false"); err != nil || out != "erasure e1 is running: a subscriber, 3 messages, 0 mentions\n" {
		t.Errorf("printed %q, %v", out, err)
	}
	if out, err := said(t, address, "erasures e1"); err != nil || out != "look 1: message, 2 of 11 tables done\nerasure e1 is running: a subscriber, 3 messages, 0 mentions\n" {
		t.Errorf("printed %q, %v", out, err)
	}
	want := []string{"POST /subscribers/s1/erase ", "GET /erasures/e1 ", "GET /erasures/e1 ", "POST /subscribers/erase ", "GET /erasures/e1 "}
	if !slices.Equal(api.asked, want) || api.bodies[3] != `{"email":"ann@x.org"}` {
		t.Errorf("asked %q with %q", api.asked, api.bodies)
	}
}

func TestErasures(t *testing.T) {
	t.Parallel()
	api, address := newImportAPI(t, func(int) (int, string) {
		return 200, `{"items":[{"id":"e2","state":"completed","messages":3,"mentions":4,"search":{"look":2,"table":"","tables_done":11,"tables":11,"rows":70,"resumes_at":"2030-01-02T03:04:05Z"},
			"created_at":"2030-01-02T03:04:05Z","updated_at":"2030-01-02T03:04:06Z","completed_at":"2030-01-02T03:14:06Z"}],"next":null}`
	})
	out, err := said(t, address, "erasures --limit 5")
	if err != nil || !strings.Contains(out, "e2  completed  2030-01-02 03:04:05  2030-01-02 03:14:06  3         4         2     11/11") {
		t.Errorf("printed %q, %v", out, err)
	}
	if want := []string{"GET /erasures limit=5"}; !slices.Equal(api.asked, want) {
		t.Errorf("asked %q", api.asked)
	}
}

// Parts have every record once, in its place, and lines are counted as in the file.
func TestPartsOfAFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b\nc", `d"e`, "", "ü,x"}), 0, 30).Draw(t, "cells")
		var file strings.Builder
		w := csv.NewWriter(&file)
		_ = w.Write([]string{"email", "name"})
		for i, cell := range cells {
			_ = w.Write([]string{fmt.Sprint(i), cell})
		}
		w.Flush()
		parts := partsOf([]byte(file.String()), rapid.IntRange(1, 80).Draw(t, "bytes"), rapid.IntRange(1, 10).Draw(t, "lines"))
		n := 0
		whole := csv.NewReader(strings.NewReader(file.String()))
		_, _ = whole.Read()
		for _, p := range parts {
			r := csv.NewReader(strings.NewReader(string(p.content)))
			if header, err := r.Read(); err != nil || header[0] != "email" {
				t.Fatalf("%q, %v", header, err)
			}
			for {
				record, err := r.Read()
				if err == io.EOF {
					break
				}
				if err != nil || record[0] != fmt.Sprint(n) || record[1] != cells[n] {
					t.Fatalf("record %d: %q, %v", n, record, err)
				}
				_, _ = whole.Read()
				here, _ := r.FieldPos(0)
				if there, _ := whole.FieldPos(0); here+p.shift != there {
					t.Fatalf("record %d is on line %d + %d, not %d", n, here, p.shift, there)
				}
				n++
			}
		}
		if n != len(cells) {
			t.Fatalf("%d of %d records", n, len(cells))
		}
	})
	if parts := partsOf([]byte("email\n\"x"), 3, 1); len(parts) != 1 || string(parts[0].content) != "email\n\"x" {
		t.Errorf("what is no CSV became %d parts", len(parts))
	}
}
