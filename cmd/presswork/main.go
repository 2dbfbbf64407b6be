// Command presswork is Presswork in all its roles: the API, the worker and the scheduler, and the tools for
// those who operate it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	_ "time/tzdata" // timezones of subscribers, also on machines and images without a database of them

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func main() {
	app.Quiet()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "presswork:", err)
		var coded interface{ ExitCode() int }
		if errors.As(err, &coded) {
			os.Exit(coded.ExitCode())
		}
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := app.Interruptible(context.Background())
	defer stop()
	return rootCommand().ExecuteContext(ctx)
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "presswork",
		Short:         "Publish to e-mail, newsletter, Slack, Discord and webhooks",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(apiCommand(), workerCommand(), schedulerCommand(), allCommand(), migrateCommand(),
		sandboxCommand(), publishCommand(), publicationsCommand(), statusCommand(), demoCommand(), benchCommand(),
		queuesCommand(), pauseCommand(), resumeCommand(), drainCommand(), cancelCommand(), pausesCommand(), recipientsCommand(), deadLettersCommand(),
		uncertainCommand(), messagesCommand(), subscribersCommand(), erasuresCommand(), suppressionsCommand(), segmentsCommand(), brandsCommand(), deliveryPolicyCommand(), auditCommand(), consentCommand(), domainCommand(), secretsCommand(), keysCommand(), tokensCommand(), webhooksCommand())
	return root
}
