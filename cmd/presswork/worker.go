package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

func workerCommand() *cobra.Command {
	var queues string
	command := &cobra.Command{
		Use:   "worker",
		Short: "Render, personalise and send; any number may run",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return app.Serve(c.Context(), func(settings *config.Config) error {
				if queues == "" {
					return nil
				}
				weights, err := config.ParseQueues(queues)
				if err != nil {
					return fmt.Errorf("--queues: %w", err)
				}
				settings.QueueWeights = weights
				return nil
			}, false, app.Worker)
		},
	}
	command.Flags().StringVar(&queues, "queues", "", "queues to serve, with weights: email=6,slack=2 (default all)")
	return command
}
