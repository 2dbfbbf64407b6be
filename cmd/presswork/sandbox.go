package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/sandbox"
)

func sandboxCommand() *cobra.Command {
	var options sandbox.Options
	var journal string
	command := &cobra.Command{
		Use:   "sandbox",
		Short: "Stand in for SES, SMTP, Slack, Discord and webhook receivers, with an inbox page",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if journal != "" {
				file, err := os.OpenFile(filepath.Clean(journal), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				if err != nil {
					return fmt.Errorf("open the journal: %w", err)
				}
				defer func() { _ = file.Close() }() // what could not be written, closing the sandbox says
				options.Journal = file
			}
			s, err := sandbox.Start(c.Context(), options)
			if err != nil {
				return err
			}
			if err := json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
				"inbox": s.URL(), "ses": s.SESEndpoint(), "smtp": "smtp://" + s.SMTPAddr(), "slack": s.SlackAPIURL(),
				"discord": s.DiscordAPIURL(), "webhook": s.WebhookURL("example"),
			}); err != nil {
				return fmt.Errorf("write the addresses: %w", err)
			}
			<-c.Context().Done()
			return s.Close()
		},
	}
	command.Flags().StringVar(&options.Addr, "listen", "127.0.0.1:0", "address for HTTP")
	command.Flags().StringVar(&options.PublicURL, "url", "", "address by which others reach it by HTTP, if that is another: http://sandbox:8025")
	command.Flags().StringVar(&journal, "journal", "", "file to which a line of JSON is added for each message")
	command.Flags().StringVar(&options.SMTPAddr, "listen-smtp", "127.0.0.1:0", "address for SMTP")
	return command
}
