package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/config"
)

// Client is a client of the API that the flags, the environment or the data folder name, in this order.
func Client(address, key string) (*client.Client, error) {
	c, err := config.Load(append(os.Environ(), "ENVIRONMENT=development")) // a client needs no server's settings
	if err != nil {
		return nil, err
	}
	if address == "" {
		address = c.APIURL
	}
	if key == "" {
		key = c.APIKey
	}
	if key == "" {
		dir, err := dataDir(c)
		if err != nil {
			return nil, err
		}
		kept, err := os.ReadFile(filepath.Join(dir, "api-key")) //nolint:gosec // the data folder is ours
		if err != nil {
			return nil, fmt.Errorf("PRESSWORK_API_KEY is not set, and there is none in the data folder: %w", err)
		}
		key = strings.TrimSpace(string(kept))
	}
	return client.New(address, key), nil
}

// Watch shows a publication's progress until it is final or ctx ends.
func Watch(ctx context.Context, api *client.Client, id string, out io.Writer) (client.Progress, error) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := api.Progress(ctx, id)
		if err != nil {
			return p, err
		}
		end := "\r"
		if p.Final() {
			end = "\n"
		}
		if _, err := fmt.Fprintf(out, "%s  %-12s %d of %d, %.0f a second   %s", bar(p.All, 30), p.State, p.All.Settled(), p.All.Total, p.Rate, end); err != nil {
			return p, fmt.Errorf("show the progress: %w", err)
		}
		if p.Final() {
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-tick.C:
		}
	}
}

// bar draws how much is settled.
func bar(c client.Counts, width int) string {
	full := 0
	if c.Total > 0 {
		full = int(int64(width) * c.Settled() / c.Total)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}
