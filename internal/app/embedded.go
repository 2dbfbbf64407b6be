package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/devstack"
)

// Embed fills in what development needs and nobody set: private PostgreSQL and Redis servers in the data
// folder, and keys that are made on the first run and kept there. The returned function stops the servers.
func Embed(ctx context.Context, c *config.Config, log *zap.Logger) (stop func() error, err error) {
	stop = func() error { return nil }
	if c.Production() {
		return stop, nil
	}
	dir, err := dataDir(c)
	if err != nil {
		return stop, err
	}
	for name, value := range map[string]*string{"secret-key": &c.SecretKey, "api-key": &c.APIKey} {
		if *value == "" {
			if *value, err = keptKey(filepath.Join(dir, name)); err != nil {
				return stop, err
			}
		}
	}
	if c.DatabaseURL != "" && c.RedisURL != "" {
		return stop, nil
	}
	stack, err := devstack.Start(ctx, devstack.Options{Dir: filepath.Join(dir, "servers"), Durable: true, Log: log.Sugar().Infow,
		Postgres: c.DatabaseURL == "", Redis: c.RedisURL == ""})
	if err != nil {
		return stop, fmt.Errorf("start the private servers: %w", err)
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = stack.DatabaseURL()
	}
	if c.RedisURL == "" {
		c.RedisURL = stack.RedisURL()
	}
	return stack.Close, nil
}

// dataDir is where development keeps its data: as set, or .presswork in the working folder.
func dataDir(c *config.Config) (string, error) {
	dir := c.DataDir
	if dir == "" {
		dir = ".presswork"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(dir, devstack.FolderMode()); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	return dir, nil
}

// keptKey reads a key, or makes a random one and keeps it.
func keptKey(path string) (string, error) {
	kept, err := os.ReadFile(filepath.Clean(path))
	if err == nil && len(strings.TrimSpace(string(kept))) >= config.MinSecret {
		return strings.TrimSpace(string(kept)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read a kept key: %w", err)
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	key := hex.EncodeToString(raw)
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep a key: %w", err)
	}
	return key, nil
}
