package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/config"
)

// Client is a client of the API that the flags, the environment or the data folder name, in this order.
func Client(ctx context.Context, address, key string) (*client.Client, error) {
	c, err := Environment(ctx) // a client needs no server's settings
	if err != nil {
		return nil, err
	}
	if address == "" {
		address = c.APIURL
	}
	if key == "" {
		if key, err = KeptKey(c); err != nil {
			return nil, err
		}
	}
	return client.New(address, key), nil
}

// KeptKey is the key of the API that the environment or the data folder names, in this order.
func KeptKey(c *config.Config) (string, error) {
	if c.APIKey != "" {
		return c.APIKey, nil
	}
	dir, err := dataDir(c)
	if err != nil {
		return "", err
	}
	kept, err := os.ReadFile(filepath.Join(dir, "api-key")) //nolint:gosec // the data folder is ours
	if err != nil {
		return "", fmt.Errorf("PRESSWORK_API_KEY is not set, and there is none in the data folder: %w", err)
	}
	return strings.TrimSpace(string(kept)), nil
}
