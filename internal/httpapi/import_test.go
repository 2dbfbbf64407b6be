package httpapi

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/subscriber"
)

const importPath = "/api/v1/subscribers/import"

func (a *api) importCSV(query, file string) answer {
	a.t.Helper()
	return a.do("POST", importPath+query, file, "Content-Type: text/csv; charset=utf-8")
}

func (a *api) count(t testing.TB) int64 {
	t.Helper()
	n, err := a.db.CountSubscribers(t.Context(), subscriber.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestImport(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	file := "email,name,topics\na@x.org,Anna,Go\nb@x.org,Bea,\n"
	dry := read[wire.ImportReport](a.importCSV("?dry_run=true", file).want(200))
	if !dry.DryRun || dry.Lines != 2 || dry.Created != 2 || dry.Errors == nil || a.count(t) != 0 {
		t.Errorf("dry run %+v, %d stored", dry, a.count(t))
	}
	if got := read[wire.ImportReport](a.importCSV("", file).want(200)); got.Created != 2 || got.DryRun || a.count(t) != 2 {
		t.Errorf("got %+v", got)
	}
	changed := "email,name\na@x.org,Ann\nc@x.org,Cea\n"
	if got := read[wire.ImportReport](a.importCSV("?duplicates=skip", changed).want(200)); got.Created != 1 || got.Skipped != 1 {
		t.Errorf("skip %+v", got)
	}
	if got := read[wire.ImportReport](a.importCSV("?duplicates=update", changed).want(200)); got.Updated != 2 || got.Created+got.Skipped != 0 {
		t.Errorf("update %+v", got)
	}
	one := read[wire.SubscriberPage](a.do("GET", "/api/v1/subscribers?email=a@", nil)).Items[0]
	if one.Name != "Ann" || len(one.Topics) != 1 {
		t.Errorf("got %+v", one)
	}
}

func TestImportReportsByLineAndStoresNothing(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r := a.importCSV("", "email,topics\ngood@x.org,go\nsecret@,a/b\nGOOD@x.org,\n").want(http.StatusUnprocessableEntity)
	got := read[wire.ImportProblem](r)
	var lines []string
	for _, p := range got.Errors {
		lines = append(lines, fmt.Sprint(p.Line, " ", p.Column, " ", p.Code))
	}
	if want := "[3 email format 3 topics format 4 email duplicate]"; fmt.Sprint(lines) != want || got.ErrorCount != 3 || got.Lines != 3 {
		t.Errorf("got %v, want %s", lines, want)
	}
	if got.Type != "/problems/invalid_lines" || got.Status != 422 || got.CorrelationID == "" || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("no problem: %s", r.Body)
	}
	if strings.Contains(strings.ToLower(r.Body), "good") || strings.Contains(r.Body, "secret") {
		t.Errorf("the report shows an address: %s", r.Body)
	}
	if n := a.count(t); n != 0 {
		t.Errorf("%d were stored", n)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, query := range []string{"?dry_run=1", "?dry_run=", "?duplicates=replace", "?dryrun=true", "?dry_run=true&dry_run=false"} {
		a.importCSV(query, "email\na@x.org\n").problem(400, "invalid_query")
	}
	a.do("POST", importPath, "email\n").problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
	large := strings.Repeat("a", limitCSV+1)
	a.importCSV("", large).problem(413, "too_large")
	a.do("POST", importPath, chunked{strings.NewReader(large)}, "Content-Type: text/csv").problem(413, "too_large")
	a.importCSV("", "").want(422)
	if n := a.count(t); n != 0 {
		t.Errorf("%d were stored", n)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var file strings.Builder
	file.WriteString("email,name,topics,attr.city\n")
	const n = exportPage + 5
	for i := range n {
		fmt.Fprintf(&file, "r%04d@x.org,=1+%d,go;art,Faro\n", i, i)
	}
	a.importCSV("", file.String()).want(200)
	r := a.do("GET", "/api/v1/subscribers/export", nil).want(200)
	if got := r.Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	records, err := csv.NewReader(strings.NewReader(r.Body)).ReadAll()
	if err != nil || len(records) != n+1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if got := strings.Join(records[1], "|"); got != "r0000@x.org|'=1+0|en|UTC||art;go|active|import|Faro" {
		t.Errorf("got %s", got)
	}
	filtered := a.do("GET", "/api/v1/subscribers/export?email=r0001", nil).want(200)
	if strings.Count(filtered.Body, "\n") != 2 {
		t.Errorf("filtered: %s", filtered.Body)
	}
	if again := read[wire.ImportReport](a.importCSV("?duplicates=update", r.Body).want(200)); again.Updated != n {
		t.Errorf("what was exported is imported: %+v", again)
	}
}
