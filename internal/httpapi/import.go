package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// transferTimeout bounds an import or export: minutes for a file of the largest size on a slow line.
const transferTimeout = 5 * time.Minute

// importCSV reads a text/csv body of at most 10 MB, checks all of it, and then stores all of it: 200 with a
// report. If any line is bad nothing is stored: 422 with a report that has an error for each bad cell.
// ?dry_run=true stores nothing; ?duplicates= says what happens to addresses that are there, skip (the
// default) or update.
func (h subscribers) importCSV(c *gin.Context) error {
	dryRun, on, err := importOptions(c)
	if err != nil {
		return err
	}
	if err := wantType(c.Request, "text/csv"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	body, err := readBody(c.Request, limitCSV)
	if err != nil {
		return err
	}
	file, err := subscriber.ReadCSV(bytes.NewReader(body), subscriber.Options{MaxBytes: limitCSV})
	if err != nil {
		return err
	}
	if file.Bad > 0 {
		p, _ := describe(fault.New(fault.Invalid, "invalid_lines", "Lines of the file have errors. Nothing was stored."))
		answerProblem(c, h.log, p.Status, showRefused(located(c, p), file, dryRun))
		return nil
	}
	done, err := h.store.ImportSubscribers(ctx, file.Subscribers, on, dryRun)
	if err != nil {
		return err
	}
	return found(c, 0, wire.ImportReport{DryRun: dryRun, Lines: file.Lines, Created: done.Created, Updated: done.Updated, Skipped: done.Skipped,
		Errors: []wire.LineError{}})
}

// showRefused is the problem of a file of which nothing was stored, with its first errors.
func showRefused(p wire.Problem, file *subscriber.Import, dryRun bool) wire.ImportProblem {
	body := wire.ImportProblem{
		Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: p.Instance, CorrelationID: p.CorrelationID,
		DryRun: dryRun, Lines: file.Lines, ErrorCount: file.Bad, Errors: make([]wire.LineError, 0, len(file.Problems)),
	}
	for _, e := range file.Problems {
		body.Errors = append(body.Errors, wire.LineError{Line: e.Line, Column: e.Column, Code: e.Code, Detail: e.Detail})
	}
	return body
}

func importOptions(c *gin.Context) (dryRun bool, on subscriber.OnDuplicate, err error) {
	if err := knownQuery(c, "dry_run", "duplicates"); err != nil {
		return false, "", err
	}
	switch c.DefaultQuery("dry_run", "false") {
	case "true":
		dryRun = true
	case "false":
	default:
		return false, "", badQuery("dry_run", "must be true or false")
	}
	on = subscriber.OnDuplicate(c.DefaultQuery("duplicates", string(subscriber.Skip)))
	if on != subscriber.Skip && on != subscriber.Update {
		return false, "", badQuery("duplicates", "must be skip or update")
	}
	return dryRun, on, nil
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
	if err := knownQuery(c, filterNames()...); err != nil {
		return err
	}
	filter, err := readFilter(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	names, err := h.store.AttributeNames(ctx, exportAttributes+1)
	if err != nil {
		return err
	}
	if len(names) > exportAttributes {
		return fault.New(fault.Conflict, "too_many_attributes",
			fmt.Sprintf("There are more than %d attributes: a column each is too wide.", exportAttributes))
	}
	if err := h.store.RecordAccess(ctx, "export", ident.UID{}, 0); err != nil {
		return err
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="subscribers.csv"`)
	c.Status(http.StatusOK)
	if err := h.writeExport(ctx, c, filter, names); err != nil {
		if !c.Writer.Written() {
			return err
		}
		_ = c.Error(err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (h subscribers) writeExport(ctx context.Context, c *gin.Context, filter subscriber.Filter, names []string) error {
	out, err := subscriber.NewExport(c.Writer, names)
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
