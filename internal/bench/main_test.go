package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/sandbox"
)

// TestMain lets the test program be the one that is measured: started with a role, it plays it as presswork does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		if play, ok := roles()[os.Args[1]]; ok {
			ctx, stop := app.Interruptible(context.Background())
			err := play(ctx)
			stop()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	goleak.VerifyTestMain(m)
}

func roles() map[string]func(context.Context) error {
	serve := func(role app.Role) func(context.Context) error {
		return func(ctx context.Context) error { return app.Serve(ctx, nil, false, role) }
	}
	return map[string]func(context.Context) error{
		"sandbox": playSandbox, "api": serve(app.API), "worker": serve(app.Worker), "scheduler": serve(app.Scheduler),
	}
}

func playSandbox(ctx context.Context) error {
	s, err := sandbox.Start(ctx, sandbox.Options{})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"inbox": s.URL(), "ses": s.SESEndpoint(), "smtp": "smtp://" + s.SMTPAddr()}); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Close()
}
