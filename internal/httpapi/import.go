package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// transferTimeout bounds an import or export: minutes for a file of the largest size on a slow line.
const transferTimeout = 5 * time.Minute

// importsAtOnce is how many imports a process has in hand: each holds its lines in memory.
const importsAtOnce = 2

// importCSV reads a text/csv body of at most 10 MB as it comes, checks all of it, and then stores it: 200 with a report. If any
// line is bad nothing is stored: 422 with a report that has an error for each bad cell. What is stored goes on if the client goes
// away, and can be asked about by the id that the client gave or the answer has.
func (h subscribers) importCSV(c *gin.Context) error {
	o, err := readImportOptions(c)
	if err != nil {
		return err
	}
	if err := wantType(c.Request, "text/csv"); err != nil {
		return err
	}
	select {
	case h.importing <- struct{}{}:
		defer func() { <-h.importing }()
	default:
		return fault.WaitFor(importsPause, "imports_busy", nil)
	}
	file, err := subscriber.ReadCSV(bodyOf(c.Request, limitCSV), o.file)
	if err != nil {
		return err
	}
	// From here on the client is not needed: a lost connection must not stop it half-way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), transferTimeout)
	defer cancel()
	run, err := h.store.BeginImport(ctx, o.run(h.sealer, file))
	if err != nil {
		return err
	}
	if run.State == subscriber.ImportRunning {
		if run, err = h.runImport(ctx, run, file); err != nil {
			return err
		}
	}
	return h.answerImport(c, run, o.asCSV)
}

// importsPause is after how long an import is worth trying again.
const importsPause = 5 * time.Second

// runImport stores the lines, or notes that they are refused.
func (h subscribers) runImport(ctx context.Context, run subscriber.Run, file *subscriber.Import) (subscriber.Run, error) {
	if file.Bad == 0 {
		return h.store.Import(ctx, run, file.Subscribers)
	}
	run.State, run.Problems, run.Bad = subscriber.ImportRefused, file.Problems, file.Bad
	return run, h.store.EndImport(ctx, run)
}

// answerImport answers what became of an import that has ended.
func (h subscribers) answerImport(c *gin.Context, run subscriber.Run, asCSV bool) error {
	refused := run.State == subscriber.ImportRefused
	if !refused {
		c.Header("Location", c.FullPath()+"s/"+run.UID.String())
	}
	switch {
	case asCSV:
		c.Header("Content-Type", "text/csv; charset=utf-8")
		c.Status(map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusOK}[refused])
		return subscriber.WriteProblems(c.Writer, run.Problems)
	case refused:
		p, _ := describe(fault.New(fault.Invalid, "invalid_lines", "Lines of the file have errors. Nothing was stored."))
		answerProblem(c, h.log, p.Status, showRefused(located(c, p), run))
		return nil
	default:
		return found(c, 0, wire.ImportReport{ID: run.UID, DryRun: run.DryRun, Lines: run.Lines, Created: run.Created, Updated: run.Updated,
			Skipped: run.Skipped, LeftUnsubscribed: run.LeftUnsubscribed, Errors: []wire.LineError{}})
	}
}

// showRefused is the problem of a file of which nothing was stored, with its first errors.
func showRefused(p wire.Problem, run subscriber.Run) wire.ImportProblem {
	return wire.ImportProblem{
		Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: p.Instance, CorrelationID: p.CorrelationID,
		ID: run.UID, DryRun: run.DryRun, Lines: run.Lines, ErrorCount: run.Bad, Errors: showLineErrors(run.Problems),
	}
}

func showLineErrors(problems []subscriber.LineProblem) []wire.LineError {
	errs := make([]wire.LineError, 0, len(problems))
	for _, e := range problems {
		errs = append(errs, wire.LineError{Line: e.Line, Column: e.Column, Code: e.Code, Detail: e.Detail})
	}
	return errs
}

// getImport answers how far an import is, or what became of it.
func (h subscribers) getImport(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	run, err := h.store.ImportRun(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return found(c, 0, wire.SubscriberImport{
		ID: run.UID, State: wire.SubscriberImportState(run.State), DryRun: run.DryRun, Duplicates: wire.SubscriberImportDuplicates(run.On),
		Lines: run.Lines, Done: run.Done, Created: run.Created, Updated: run.Updated, Skipped: run.Skipped, LeftUnsubscribed: run.LeftUnsubscribed, ErrorCount: run.Bad,
		Errors: showLineErrors(run.Problems), CreatedAt: run.CreatedAt.UTC(), UpdatedAt: run.UpdatedAt.UTC(),
	})
}

// importOptions are how a file is imported.
type importOptions struct {
	id     ident.UID
	dryRun bool
	on     subscriber.OnDuplicate
	file   subscriber.Options
	// columns is the text that file.Columns were read from.
	columns string
	asCSV   bool
}

func readImportOptions(c *gin.Context) (importOptions, error) {
	o := importOptions{id: ident.New(), on: subscriber.Skip, file: subscriber.Options{MaxBytes: limitCSV}}
	if err := knownQuery(c, "id", "dry_run", "duplicates", "consent_source", "columns", "report"); err != nil {
		return o, err
	}
	q := queryReader{c: c}
	if id := q.id("id"); id != nil {
		o.id = *id
	}
	o.dryRun = q.word("dry_run", "false", "true") == "true"
	o.on = subscriber.OnDuplicate(q.word("duplicates", string(subscriber.Skip), string(subscriber.Update)))
	o.asCSV = q.word("report", "json", "csv") == "csv"
	if source := q.text("consent_source"); source != "" {
		var err error
		if o.file.ConsentSource, err = subscriber.ReadConsentSource(source); err != nil || o.file.ConsentSource == "" {
			q.refuse(badQuery("consent_source", "must be one line of up to %d characters", subscriber.MaxConsentSource))
		}
	}
	if o.columns = q.text("columns"); o.columns != "" {
		var err error
		if o.file.Columns, err = subscriber.ReadColumns(o.columns); err != nil {
			q.refuse(err)
		}
	}
	return o, q.err
}

// word is a parameter that is one of two words; the first one if it is absent.
func (q *queryReader) word(name, usual, other string) string {
	text, given := q.c.GetQuery(name)
	if !given {
		return usual
	}
	if text != usual && text != other {
		q.refuse(badQuery(name, "must be %s or %s", usual, other))
	}
	return text
}

// run is the import of a file as it is noted.
func (o importOptions) run(sealer Sealer, file *subscriber.Import) subscriber.Run {
	how := fmt.Sprintf("%t\n%s\n%q\n%q\n", o.dryRun, o.on, o.file.ConsentSource, o.columns)
	return subscriber.Run{
		UID: o.id, State: subscriber.ImportRunning, Mark: sealer.Mark(append([]byte(how), file.Sum[:]...)), DryRun: o.dryRun, On: o.on,
		ConsentSource: o.file.ConsentSource, Lines: file.Lines,
	}
}

// Bounds of an export's work: rows read at a time, and columns of attributes.
const (
	exportPage       = 1000
	exportAttributes = 200
)

// export answers with all subscribers that pass the filter, as the CSV that import reads. It reads them page
// by page, so that memory does not grow with their number. An error after the first byte cuts the
// connection: a part of a file must not look like the whole.
func (h subscribers) export(c *gin.Context) error {
	if err := knownQuery(c, append(filterNames(), "columns")...); err != nil {
		return err
	}
	filter, err := readFilter(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	begin, err := h.exportColumns(ctx, c)
	if err != nil {
		return err
	}
	if err := h.store.RecordAccess(ctx, "export", ident.UID{}, 0); err != nil {
		return err
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="subscribers.csv"`)
	c.Status(http.StatusOK)
	if err := h.writeExport(ctx, c, filter, begin); err != nil {
		if !c.Writer.Written() {
			return err
		}
		_ = c.Error(err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// beginExport writes the header of an export.
type beginExport func(io.Writer) (*subscriber.Export, error)

// exportColumns is an export of the columns of ?columns=, else of all that there are.
func (h subscribers) exportColumns(ctx context.Context, c *gin.Context) (beginExport, error) {
	q := queryReader{c: c}
	if chosen := q.text("columns"); chosen != "" || q.err != nil {
		begin := func(w io.Writer) (*subscriber.Export, error) {
			return subscriber.NewExportOf(w, strings.Split(chosen, ","))
		}
		if q.err == nil {
			_, q.err = begin(io.Discard)
		}
		return begin, q.err
	}
	names, err := h.store.AttributeNames(ctx, exportAttributes+1)
	if err != nil {
		return nil, err
	}
	if len(names) > exportAttributes {
		return nil, fault.New(fault.Conflict, "too_many_attributes",
			fmt.Sprintf("There are more than %d attributes: a column each is too wide. Choose some by columns.", exportAttributes))
	}
	return func(w io.Writer) (*subscriber.Export, error) { return subscriber.NewExport(w, names) }, nil
}

func (h subscribers) writeExport(ctx context.Context, c *gin.Context, filter subscriber.Filter, begin beginExport) error {
	out, err := begin(c.Writer)
	if err != nil {
		return err
	}
	for after := (subscriber.Position{}); ; {
		rows, err := h.store.ListSubscribers(ctx, filter, after, exportPage)
		if err != nil {
			return err
		}
		for _, s := range rows {
			if err := out.Write(s); err != nil {
				return err
			}
			after = subscriber.PositionOf(s)
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if len(rows) < exportPage {
			return nil
		}
	}
}
