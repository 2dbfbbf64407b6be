package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/demo"
)

// onceLimit bounds a demo that nobody watches.
const onceLimit = 5 * time.Minute

func demoCommand() *cobra.Command {
	var once bool
	var latency time.Duration
	command := &cobra.Command{
		Use:   "demo",
		Short: "Publish to a thousand invented subscribers on every channel, against the sandbox",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c, once, latency)
		},
	}
	command.Flags().BoolVar(&once, "once", false, "end when all is settled; the last line is a JSON object")
	command.Flags().DurationVar(&latency, "latency", 0, "how long the sandbox takes for each message: 2s leaves time to kill the worker")
	return command
}

func runDemo(c *cobra.Command, once bool, latency time.Duration) (err error) {
	ctx, cancel := c.Context(), context.CancelFunc(func() {})
	if once {
		ctx, cancel = context.WithTimeout(ctx, onceLimit)
	}
	defer cancel()
	out := c.OutOrStdout()
	_, _ = fmt.Fprintln(out, "Starting PostgreSQL, Redis, the sandbox, the API, the scheduler and a worker …")
	stage, err := demo.Open(ctx, demo.StageOptions{Latency: latency, Out: out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	if !once {
		if err := stage.Addresses(out); err != nil {
			return err
		}
	}
	address, key := stage.API()
	result, err := demo.Run(ctx, demo.Options{API: address, Key: key, Sandbox: stage.Sandbox, Out: out, Progress: c.ErrOrStderr()})
	if err != nil && (once || ctx.Err() == nil) {
		return err
	}
	if !once {
		_, _ = fmt.Fprintln(out, "\nCtrl-C ends it.")
		<-ctx.Done()
		return nil
	}
	if err := json.NewEncoder(out).Encode(result); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return result.Check()
}
