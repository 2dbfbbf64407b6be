package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/demo"
	"github.com/presswork/presswork/internal/progress"
)

const (
	// onceLimit bounds a demo that nobody watches.
	onceLimit = 5 * time.Minute
	// watchLatency makes a thousand e-mails take some twenty seconds: time to open the inbox and to kill the worker.
	watchLatency = 200 * time.Millisecond
)

func demoCommand() *cobra.Command {
	var once bool
	var latency time.Duration
	command := &cobra.Command{
		Use:   "demo",
		Short: "Publish to a thousand invented subscribers on every channel, against the sandbox",
		Long: "Start private servers, the sandbox, the API, a scheduler and a worker; publish to a thousand invented subscribers\n" +
			"and six places; compare what was sent with what the sandbox got. It stays up until Ctrl-C, with its data in\n" +
			"PRESSWORK_DATA_DIR (.presswork/demo). Messages are sent slowly, to be watched, unless --once or --latency says\n" +
			"otherwise.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !once && !c.Flags().Changed("latency") {
				latency = watchLatency
			}
			return runDemo(c, once, latency)
		},
	}
	command.Flags().BoolVar(&once, "once", false, "end when all is settled; the last line is a JSON object")
	command.Flags().DurationVar(&latency, "latency", 0, "how long the sandbox takes for each message; a thousand take a hundred times that (200ms, with --once none)")
	return command
}

func runDemo(c *cobra.Command, once bool, latency time.Duration) (err error) {
	ctx, cancel := c.Context(), context.CancelFunc(func() {})
	if once {
		ctx, cancel = context.WithTimeout(ctx, onceLimit)
	}
	defer cancel()
	out, display := c.OutOrStdout(), progress.New(c.ErrOrStderr())
	_, _ = fmt.Fprintln(out, "Starting PostgreSQL, Redis, the sandbox, the API, the scheduler and a worker …")
	stage, err := demo.Open(ctx, demo.StageOptions{Latency: latency, Out: display})
	if err != nil {
		return unlessStopped(ctx, once, err)
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	address, key := stage.API()
	options := demo.Options{API: address, Key: key, Sandbox: stage.Sandbox, Out: out, Progress: display}
	if !once {
		return unlessStopped(ctx, once, watchDemo(ctx, c.InOrStdin(), stage, options))
	}
	result, err := demo.Run(ctx, options)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(result); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return result.Check()
}

// unlessStopped keeps quiet about what failed because somebody who watches has pressed Ctrl-C.
func unlessStopped(ctx context.Context, once bool, err error) error {
	if once || ctx.Err() == nil {
		return err
	}
	return nil
}

// watchDemo publishes now, and again whenever somebody presses Enter, until ctx ends.
func watchDemo(ctx context.Context, in io.Reader, stage *demo.Stage, o demo.Options) error {
	enter := presses(ctx, in)
	for {
		if err := stage.Invite(o.Out); err != nil {
			return err
		}
		if _, err := demo.Run(ctx, o); err != nil {
			return err
		}
		if err := stage.Addresses(o.Out); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(o.Out, "\nEnter publishes again, Ctrl-C ends it.")
		select {
		case <-ctx.Done():
			return nil
		case <-enter:
		}
	}
}

// presses tells of each line that is typed while somebody listens. It reads until the process ends; in the
// background, where a terminal does not let it read, there are none.
func presses(ctx context.Context, in io.Reader) <-chan struct{} {
	signal.Ignore(syscall.SIGTTIN)
	enter := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan() && ctx.Err() == nil; {
			select {
			case enter <- struct{}{}:
			default: // pressed meanwhile
			}
		}
	}()
	return enter
}
