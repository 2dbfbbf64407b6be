package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func subscribersImportCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "import FILE", Short: "Store the subscribers of a CSV file", Args: cobra.ExactArgs(1),
		Long: `Store the subscribers of a CSV file. Its first line names the columns: email, name, language, timezone, country, topics, status,
consent_source, and attr.x for an attribute x, attr.x:number or attr.x:boolean if it is no text; --column gives others their names.
The whole file is checked before anything is stored. A file that is larger than the API takes goes in parts, all of which are
checked first. If the connection is lost, the import is gone on with where it was. FILE may be - for the standard input.`,
		Example: `  presswork subscribers import readers.csv --consent-source "book fair" --dry-run
  presswork subscribers import readers.csv --column E-Mail=email --column Ort=attr.city --column Nr= --duplicates update`,
	}
	flags := command.Flags()
	var params api.ImportSubscribersParams
	choose(flags, &params.ConsentSource, "consent-source", "where those consented who are new and whose line does not say it")
	choose(flags, &params.Duplicates, "duplicates", "what happens to addresses that are there: skip or update (skip)")
	columns := flags.StringToString("column", nil, "what a column of the file is called here: E-Mail=email; nothing for one that is not read")
	dry := flags.Bool("dry-run", false, "only say what would be done")
	var report string
	choose(flags, &report, "report", "write what is wrong with the file to this file, as CSV")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if len(*columns) > 0 {
			text, err := json.Marshal(*columns)
			if err != nil {
				return err
			}
			params.Columns = string(text)
		}
		file, err := input(c, args[0])
		if err != nil {
			return err
		}
		content, err := io.ReadAll(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		i := &importing{command: c, remote: remote, params: params, parts: partsOf(content, maxPart, maxPartLines), report: report}
		total, err := i.run(*dry)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, total)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d lines: %d new, %d updated, %d left as they are\n", total.Lines, total.Created, total.Updated, total.Skipped)
		if err == nil && total.LeftUnsubscribed > 0 {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d had unsubscribed and stay so: they come back only by confirming\n", total.LeftUnsubscribed)
		}
		return err
	})
}

// What a part may have: less than the API takes (10 MiB and 200,000 lines).
const (
	maxPart      = 10_000_000
	maxPartLines = 150_000
)

// part is a piece of a file with its header, and by how much its lines count less than those of the file.
type part struct {
	content []byte
	shift   int
}

// partsOf cuts a CSV file into pieces between its records. What is no CSV is left for the API to say.
func partsOf(file []byte, most, lines int) []part {
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return []part{{content: file}}
	}
	header := file[:r.InputOffset()]
	begin, end, count := r.InputOffset(), r.InputOffset(), 0
	first, shift := 0, 0
	var parts []part
	cut := func(to int64) {
		parts = append(parts, part{append(bytes.Clone(header), file[begin:to]...), shift})
		begin, count = to, 0
	}
	for {
		_, err := r.Read()
		if err != nil {
			break
		}
		start, _ := r.FieldPos(0)
		if first == 0 {
			first = start
		}
		if count > 0 && (len(header)+int(r.InputOffset()-begin) > most || count == lines) {
			cut(end)
			shift = start - first
		}
		end = r.InputOffset()
		count++
	}
	cut(int64(len(file)))
	return parts
}

// importing is the import of a file, part by part.
type importing struct {
	command *cobra.Command
	remote  *client.Client
	params  api.ImportSubscribersParams
	parts   []part
	report  string
	lines   int // of the parts before
}

// run checks all parts, if there are several, and then stores them.
func (i *importing) run(dry bool) (api.ImportReport, error) {
	if dry || len(i.parts) > 1 {
		total, err := i.pass("true")
		if err != nil || dry {
			return total, err
		}
	}
	return i.pass("false")
}

func (i *importing) pass(dry string) (api.ImportReport, error) {
	total := api.ImportReport{DryRun: dry == "true", Errors: []api.LineError{}}
	i.lines = 0
	for _, p := range i.parts {
		one, err := i.send(p, dry)
		if err != nil {
			return total, i.refused(err, p)
		}
		total.ID = one.ID
		total.Lines += one.Lines
		total.Created += one.Created
		total.Updated += one.Updated
		total.Skipped += one.Skipped
		total.LeftUnsubscribed += one.LeftUnsubscribed
		i.lines = total.Lines
	}
	return total, nil
}

// send stores a part. What is lost on the way is sent again with the same id, and so is stored once.
func (i *importing) send(p part, dry string) (api.ImportReport, error) {
	params := i.params
	params.ID, params.DryRun = newID(), dry
	ctx, done := context.WithCancel(i.command.Context())
	var shown sync.WaitGroup
	defer shown.Wait()
	defer done()
	if dry == "false" {
		shown.Go(func() { i.show(ctx, params.ID) })
	}
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for range maxSends {
		report, err := i.remote.ImportSubscribers(ctx, params, bytes.NewReader(p.content))
		var problem *client.Problem
		if err == nil || !client.Passing(err) && (!errors.As(err, &problem) || problem.Code() != "import_running") {
			return report, err
		}
		select {
		case <-ctx.Done():
			return report, ctx.Err()
		case <-tick.C:
		}
	}
	return i.remote.ImportSubscribers(ctx, params, bytes.NewReader(p.content))
}

// maxSends is how often a part is sent: for somewhat longer than a process counts as alive that stored a part and died.
const maxSends = 120

// show says on the error output how far a part is, as long as it is under way.
func (i *importing) show(ctx context.Context, id string) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if run, err := i.remote.GetSubscriberImport(ctx, id); err == nil && run.State == api.SubscriberImportStateRunning {
			_, _ = fmt.Fprintf(i.command.ErrOrStderr(), "%d lines are stored\n", i.lines+run.Done) // for who watches
		}
	}
}

// refused tells what is wrong with the lines of a part, if that is what the error is about, by their numbers in the file.
func (i *importing) refused(err error, p part) error {
	var problem *client.Problem
	var more api.ImportProblem
	if !errors.As(err, &problem) || problem.Code() != "invalid_lines" || problem.Into(&more) != nil {
		return err
	}
	for n := range more.Errors {
		if more.Errors[n].Line > 1 {
			more.Errors[n].Line += p.shift
		}
	}
	if i.report != "" {
		err = keepWhole(i.report, bytes.NewReader(reportOf(more.Errors)))
	} else {
		err = i.print(more.Errors)
	}
	return errors.Join(err, fmt.Errorf("%d errors: nothing was stored", more.ErrorCount))
}

func (i *importing) print(list []api.LineError) error {
	for _, e := range list {
		if _, err := fmt.Fprintf(i.command.ErrOrStderr(), "line %d %s %s\n", e.Line, e.Column, e.Detail); err != nil {
			return err
		}
	}
	return nil
}

// reportOf is a list of errors as CSV.
func reportOf(list []api.LineError) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"line", "column", "code", "detail"}) // to memory it does not fail
	for _, e := range list {
		_ = w.Write([]string{strconv.Itoa(e.Line), e.Column, e.Code, e.Detail})
	}
	w.Flush()
	return out.Bytes()
}

// newID is a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
