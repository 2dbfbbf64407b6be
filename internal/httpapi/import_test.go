package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/subscriber"
)

const importPath = "/api/v1/subscribers/import"

// importCSV imports a file of people who consented to an import, as the query says; a query begins with a ?.
func (a *api) importCSV(query, file string) answer {
	a.t.Helper()
	if query != "" {
		query = "&" + query[1:]
	}
	query = "?consent_source=import" + query
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
	for _, query := range []string{
		"?dry_run=1", "?dry_run=", "?duplicates=replace", "?dryrun=true", "?dry_run=true&dry_run=false", "?consent_source=x", "?id=x", "?report=xml",
		"?columns=", "?columns=email", "?columns=%7B%7D", "?columns=%7B%22a%22%3A1%7D",
	} {
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
	file.WriteString("email,name,topics,attr.city,attr.seats:number\n")
	const n = exportPage + 5
	for i := range n {
		fmt.Fprintf(&file, "r%04d@x.org,=1+%d,go;art,Faro,%d\n", i, i, i)
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
	if got := strings.Join(records[1], "|"); got != "r0000@x.org|'=1+0|en|UTC||art;go|active|import|Faro|0" {
		t.Errorf("got %s", got)
	}
	filtered := a.do("GET", "/api/v1/subscribers/export?email=r0001", nil).want(200)
	if strings.Count(filtered.Body, "\n") != 2 {
		t.Errorf("filtered: %s", filtered.Body)
	}
	if again := read[wire.ImportReport](a.importCSV("?duplicates=update", r.Body).want(200)); again.Updated != n {
		t.Errorf("what was exported is imported: %+v", again)
	}
	if whole := a.do("GET", "/api/v1/subscribers/export", nil).want(200); whole.Body != r.Body {
		t.Error("what was imported again is exported as something else")
	}
}

func TestImportNeedsConsent(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	send := func(query, file string) answer { return a.do("POST", importPath+query, file, "Content-Type: text/csv") }
	got := read[wire.ImportProblem](send("", "email\na@x.org\n").want(422))
	if len(got.Errors) != 1 || got.Errors[0].Column != "consent_source" || got.Errors[0].Code != "required" {
		t.Errorf("got %+v", got)
	}
	for _, query := range []string{"?consent_source=", "?consent_source=+", "?consent_source=" + strings.Repeat("x", 201), "?consent_source=a%0Ab"} {
		send(query, "email\na@x.org\n").problem(400, "invalid_query")
	}
	send("?consent_source=book+fair", "email,consent_source\na@x.org,\nb@x.org,desk\n").want(200)
	for address, want := range map[string]string{"a@x.org": "book fair", "b@x.org": "desk"} {
		if one := read[wire.SubscriberPage](a.do("GET", subscribersPath+"?email="+address, nil)).Items[0]; one.ConsentSource != want {
			t.Errorf("%s: %q", address, one.ConsentSource)
		}
	}
}

func TestImportMapsColumns(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	columns := url.QueryEscape(`{"E-Mail":"email","Ort":"attr.city","Plätze":"attr.seats:number","Nr":""}`)
	a.importCSV("?columns="+columns, "Nr,E-Mail,Ort,Plätze\n1,a@x.org,Bern,4\n").want(200)
	one := read[wire.SubscriberPage](a.do("GET", subscribersPath, nil)).Items[0]
	if one.Email != "a@x.org" || one.Attributes["city"] != "Bern" || one.Attributes["seats"] != 4.0 {
		t.Errorf("got %+v", one)
	}
	few := a.do("GET", subscribersPath+"/export?columns=attr.seats,email", nil).want(200)
	if few.Body != "attr.seats,email\n4,a@x.org\n" {
		t.Errorf("exported %q", few.Body)
	}
	for _, columns := range []string{"", "mail", "email,email", "attr."} {
		a.do("GET", subscribersPath+"/export?columns="+columns, nil).problem(400, "invalid_query")
	}
}

func TestImportReportIsCSV(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	bad := a.importCSV("?report=csv", "email\nno\n").want(422)
	if bad.Body != "line,column,code,detail\n2,email,format,\"must be an e-mail address like reader@example.org, without a name\"\n" ||
		bad.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("got %q as %s", bad.Body, bad.Header.Get("Content-Type"))
	}
	if good := a.importCSV("?report=csv&dry_run=true", "email\na@x.org\n").want(200); good.Body != "line,column,code,detail\n" {
		t.Errorf("got %q", good.Body)
	}
}

// An import has an id of the client's: it can be asked for, comes twice to the same end, and is no other file's.
func TestImportIsAResource(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := ident.New().String()
	a.do("GET", subscribersPath+"/imports/"+id, nil).problem(404, "not_found")
	r := a.importCSV("?id="+id, "email\na@x.org\nb@x.org\n").want(200)
	if got := read[wire.ImportReport](r); got.ID.String() != id || got.Created != 2 || r.Header.Get("Location") != subscribersPath+"/imports/"+id {
		t.Errorf("got %+v at %s", got, r.Header.Get("Location"))
	}
	got := read[wire.SubscriberImport](a.do("GET", subscribersPath+"/imports/"+id, nil).want(200))
	if got.State != "completed" || got.Lines != 2 || got.Done != 2 || got.Created != 2 {
		t.Errorf("got %+v", got)
	}
	if again := read[wire.ImportReport](a.importCSV("?id="+id, "email\na@x.org\nb@x.org\n").want(200)); again.Created != 2 || again.Skipped != 0 {
		t.Errorf("again %+v", again)
	}
	a.importCSV("?id="+id, "email\na@x.org\nc@x.org\n").problem(409, "import_differs")
	a.importCSV("?duplicates=update&id="+id, "email\na@x.org\nb@x.org\n").problem(409, "import_differs")
	other := ident.New().String()
	for range 2 {
		if bad := read[wire.ImportProblem](a.importCSV("?id="+other, "email\nno\n").want(422)); bad.ErrorCount != 1 || len(bad.Errors) != 1 || bad.ID.String() != other {
			t.Errorf("got %+v", bad)
		}
	}
	if n := a.count(t); n != 2 {
		t.Errorf("%d were stored", n)
	}
}

// stuckImports is a store whose imports wait.
type stuckImports struct {
	SubscriberStore
	begun chan struct{}
	free  chan struct{}
}

func (s stuckImports) BeginImport(context.Context, subscriber.Run) (subscriber.Run, error) {
	s.begun <- struct{}{}
	<-s.free
	return subscriber.Run{State: subscriber.ImportCompleted}, nil
}

func TestImportsAtOnceAreFew(t *testing.T) {
	t.Parallel()
	store := stuckImports{begun: make(chan struct{}), free: make(chan struct{})}
	sealer, err := seal.New(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	a := serve(t, nil, func(d *Deps) { d.Subscribers, d.Sealer = store, sealer })
	var group sync.WaitGroup
	for range importsAtOnce {
		group.Go(func() { a.importCSV("", "email\na@x.org\n").want(200) })
		<-store.begun
	}
	r := a.importCSV("", "email\na@x.org\n")
	if r.problem(429, "imports_busy"); r.Header.Get("Retry-After") != "5" {
		t.Errorf("try again after %q", r.Header.Get("Retry-After"))
	}
	close(store.free)
	group.Wait()
}
