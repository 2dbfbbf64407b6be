package httpapi

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

func newList(t *testing.T) *api {
	t.Helper()
	return newAPI(t, func(d *Deps) { d.Suppressions = d.Topics.(SuppressionStore) }) //nolint:forcetypeassert // a DB
}

func (a *api) importList(query, file string) answer {
	a.t.Helper()
	return a.do(http.MethodPost, "/api/v1/suppressions/import"+query, file, "Content-Type: text/csv")
}

func (a *api) exportList() answer {
	a.t.Helper()
	return a.do(http.MethodGet, "/api/v1/suppressions/export", nil).want(http.StatusOK)
}

// TestSuppressionFiles: what was exported is imported again, and says whose an entry is only if they are a subscriber.
func TestSuppressionFiles(t *testing.T) {
	t.Parallel()
	a := newList(t)
	const n = exportPage + 5
	var file strings.Builder
	file.WriteString("email,reason,note\n")
	for i := range n {
		fmt.Fprintf(&file, "r%04d@x.org,bounce,=%d\n", i, i)
	}
	a.do(http.MethodPost, "/api/v1/subscribers", `{"email":"r0007@x.org"}`).want(http.StatusCreated)
	for _, step := range []struct {
		query            string
		created, skipped int
	}{{"?dry_run=true", n, 0}, {"", n, 0}, {"?dry_run=false", 0, n}} {
		r := read[wire.SuppressionReport](a.importList(step.query, file.String()).want(http.StatusOK))
		if r.Lines != n || r.Created != step.created || r.Skipped != step.skipped || r.DryRun != (step.query == "?dry_run=true") {
			t.Errorf("%+v", r)
		}
	}
	r := a.exportList()
	if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="suppressions.csv"` {
		t.Errorf("%q", got)
	}
	records, err := csv.NewReader(strings.NewReader(r.Body)).ReadAll()
	if err != nil || len(records) != n+1 || strings.Count(r.Body, "@") != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if got := slices.IndexFunc(records, func(cells []string) bool { return cells[1] == "r0007@x.org" }); got < 0 || records[got][2] != "bounce" || records[got][4] != "'=7" {
		t.Errorf("the subscriber's entry is at %d", got)
	}
	if again := read[wire.SuppressionReport](a.importList("", r.Body).want(http.StatusOK)); again.Skipped != n {
		t.Errorf("what was exported is imported: %+v", again)
	}
	// Another installation of the same key takes it whole, by its hashes.
	other := newList(t)
	other.do(http.MethodPost, "/api/v1/subscribers", `{"email":"r0009@x.org"}`).want(http.StatusCreated)
	if moved := read[wire.SuppressionReport](other.importList("", r.Body).want(http.StatusOK)); moved.Created != n {
		t.Errorf("moved: %+v", moved)
	}
	if got := other.exportList().Body; !strings.Contains(got, ",r0009@x.org,bounce,import,'=9,") {
		t.Error("the hash did not find its subscriber")
	}
}

// TestBadSuppressionFiles store nothing.
func TestBadSuppressionFiles(t *testing.T) {
	t.Parallel()
	a := newList(t)
	r := a.importList("", "email,reason\na@x.org,bounce\nb@,spam\n").want(http.StatusUnprocessableEntity)
	if p := read[wire.SuppressionFileProblem](r); p.Lines != 2 || p.ErrorCount != 2 || len(p.Errors) != 2 || p.Errors[0].Line != 3 {
		t.Errorf("%+v", p)
	}
	a.importList("?dry_run=1", "email\n").problem(http.StatusBadRequest, "invalid_query")
	a.importList("?dryrun=true", "email\n").problem(http.StatusBadRequest, "invalid_query")
	a.do(http.MethodPost, "/api/v1/suppressions/import", "email\n").want(http.StatusUnsupportedMediaType)
	a.importList("", "email\n"+strings.Repeat("x", limitCSV)).problem(http.StatusRequestEntityTooLarge, "too_large")
	a.do(http.MethodGet, "/api/v1/suppressions/export?reason=bounce", nil).problem(http.StatusBadRequest, "invalid_query")
	if got := strings.Count(a.exportList().Body, "\n"); got != 1 {
		t.Errorf("%d lines are on the list", got)
	}
}
