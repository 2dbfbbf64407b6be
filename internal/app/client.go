package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/presswork/presswork/client"
)

// Client is a client of the API that the flags, the environment or the data folder name, in this order.
func Client(address, key string) (*client.Client, error) {
	c, err := Environment() // a client needs no server's settings
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
