package httpapi

import (
	"bytes"
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/suppression"
)

// SuppressionFiles is what the list is to files.
type SuppressionFiles interface {
	ImportSuppressions(ctx context.Context, lines []suppression.Line, dryRun bool) (created, skipped int, err error)
	ExportSuppressions(ctx context.Context, after int64, limit int) ([]suppression.Listed, error)
	RecordSuppressionExport(ctx context.Context) error
}

// importFile reads a text/csv body, checks all of it, and then puts all of it on the list: 200 with a report. If any line is
// bad nothing is: 422 with a report that has an error for each bad cell.
func (h suppressions) importFile(c *gin.Context) error {
	if err := knownQuery(c, "dry_run"); err != nil {
		return err
	}
	dry := c.DefaultQuery("dry_run", "false")
	if dry != "true" && dry != "false" {
		return badQuery("dry_run", "must be true or false")
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
	file, err := suppression.ReadFile(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if file.Bad > 0 {
		p, _ := describe(fault.New(fault.Invalid, "invalid_lines", "Lines of the file have errors. Nothing was stored."))
		answerProblem(c, h.log, p.Status, refusedFile(located(c, p), file, dry == "true"))
		return nil
	}
	created, skipped, err := h.store.ImportSuppressions(ctx, file.Lines, dry == "true")
	if err != nil {
		return err
	}
	return found(c, 0, wire.SuppressionReport{DryRun: dry == "true", Lines: file.Read, Created: created, Skipped: skipped,
		Errors: []wire.LineError{}})
}

// refusedFile is the problem of a file of which nothing was stored, with its first errors.
func refusedFile(p wire.Problem, file *suppression.File, dryRun bool) wire.SuppressionFileProblem {
	body := wire.SuppressionFileProblem{
		Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: p.Instance, CorrelationID: p.CorrelationID,
		DryRun: dryRun, Lines: file.Read, ErrorCount: file.Bad, Errors: make([]wire.LineError, 0, len(file.Problems)),
	}
	for _, e := range file.Problems {
		body.Errors = append(body.Errors, wire.LineError{Line: e.Line, Column: e.Column, Code: e.Code, Detail: e.Detail})
	}
	return body
}

// export answers with the whole list, page by page, as the CSV that the import reads. An error after the first byte cuts the
// connection: a part of a file must not look like the whole.
func (h suppressions) export(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	if err := h.store.RecordSuppressionExport(ctx); err != nil {
		return err
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="suppressions.csv"`)
	c.Status(http.StatusOK)
	if err := h.writeExport(ctx, c); err != nil {
		if !c.Writer.Written() {
			return err
		}
		_ = c.Error(err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (h suppressions) writeExport(ctx context.Context, c *gin.Context) error {
	out, err := suppression.NewExport(c.Writer)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		rows, err := h.store.ExportSuppressions(ctx, after, exportPage)
		if err != nil {
			return err
		}
		for _, l := range rows {
			if err := out.Write(l); err != nil {
				return err
			}
			after = l.ID
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if len(rows) < exportPage {
			return nil
		}
	}
}
