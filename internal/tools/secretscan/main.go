// Command secretscan fails when a file of the repository holds what looks like a secret.
//
//	secretscan -root . -allow .ci/allowed-secrets.txt
//
// It reads what git tracks and what it would add, so that it warns before a commit too. Fixtures that must look
// real are listed, one by one and with a reason, in the file of exceptions; an exception no file needs any more
// fails as well. Findings are shown masked: the log of a failed run must not be the leak.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "secretscan:", err)
		os.Exit(1) //nolint:gocritic // nothing is lost: the process ends, and the signal handler with it
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("secretscan", flag.ContinueOnError)
	root := flags.String("root", ".", "folder of the repository")
	allowFile := flags.String("allow", ".ci/allowed-secrets.txt", "file of exceptions, below the root")
	if err := flags.Parse(args); err != nil {
		return err
	}

	text, err := os.ReadFile(filepath.Join(*root, *allowFile))
	if err != nil {
		return err
	}
	allowed, err := parseAllowed(text)
	if err != nil {
		return fmt.Errorf("%s: %w", *allowFile, err)
	}
	files, err := list(ctx, *root)
	if err != nil {
		return err
	}
	return report(out, *root, *allowFile, files, allowed)
}

// report scans the files and prints what it finds.
func report(out io.Writer, root, allowFile string, files []string, allowed *allowList) error {
	bad := 0
	for _, name := range files {
		if name == filepath.ToSlash(filepath.Clean(allowFile)) {
			continue
		}
		findings, err := scanFile(root, name, allowed)
		if err != nil {
			return err
		}
		for _, f := range findings {
			fmt.Fprintln(out, f)
		}
		bad += len(findings)
	}
	for _, entry := range allowed.unused() {
		fmt.Fprintf(out, "%s:%d: exception for %s is needed by no file\n", allowFile, entry.line, mask(entry.text))
		bad++
	}
	if bad > 0 {
		return fmt.Errorf("%d findings; a fixture belongs into %s, with its reason", bad, allowFile)
	}
	fmt.Fprintf(out, "secretscan: %d files, nothing found\n", len(files))
	return nil
}

// list names the files of the repository: those tracked, and those that git add would take.
func list(ctx context.Context, root string) ([]string, error) {
	// A checkout that belongs to somebody else, as in a container, is read all the same.
	git := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "-C", root, //nolint:gosec // root is the caller's own
		"ls-files", "-z", "--cached", "--others", "--exclude-standard")
	var stderr bytes.Buffer
	git.Stderr = &stderr
	out, err := git.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var files []string
	for name := range bytes.SplitSeq(out, []byte{0}) {
		if len(name) > 0 {
			files = append(files, string(name))
		}
	}
	if len(files) == 0 {
		return nil, errors.New("the repository has no files")
	}
	return files, nil
}
