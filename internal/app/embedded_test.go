package app

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
)

func TestKeysAreKeptBetweenRuns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	run := func(change func(*config.Config)) *config.Config {
		t.Helper()
		c := &config.Config{Environment: "development", DataDir: dir, DatabaseURL: "d", RedisURL: "r"}
		if change != nil {
			change(c)
		}
		stop, err := Embed(t.Context(), c, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		return c
	}
	first, second := run(nil), run(nil)
	if len(first.SecretKey) < config.MinSecret || len(first.APIKey) < config.MinSecret || first.SecretKey == first.APIKey {
		t.Errorf("made keys %q and %q", first.SecretKey, first.APIKey)
	}
	if first.SecretKey != second.SecretKey || first.APIKey != second.APIKey {
		t.Error("the second run has other keys")
	}
	for _, name := range []string{"secret-key", "api-key"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	third := run(func(c *config.Config) { c.APIKey = "of my own" })
	if third.APIKey != "of my own" || third.SecretKey != first.SecretKey {
		t.Errorf("a key that is set is not used: %q", third.APIKey)
	}
	// A file that was cut short is no key.
	if err := os.WriteFile(filepath.Join(dir, "secret-key"), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if fourth := run(nil); len(fourth.SecretKey) < config.MinSecret || fourth.SecretKey == first.SecretKey {
		t.Errorf("after it was cut short: %q", fourth.SecretKey)
	}
}

func TestEmbedFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "secret-key"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "api-key"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"the data folder is a file": file, "a key is a folder": folder} {
		if _, err := Embed(t.Context(), &config.Config{Environment: "development", DataDir: dir}, zap.NewNop()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestProductionEmbedsNothing(t *testing.T) {
	t.Parallel()
	c := &config.Config{Environment: "production", DataDir: filepath.Join(t.TempDir(), "data")}
	stop, err := Embed(t.Context(), c, zap.NewNop())
	if err != nil || stop() != nil || c.SecretKey != "" || c.DatabaseURL != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it made a data folder: %v", err)
	}
}

// TestEmbedStartsServers in the data folder, and finds its data there the next time.
func TestEmbedStartsServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for run, applied := range []bool{false, true} {
		c := &config.Config{Environment: "development", DataDir: dir}
		stop, err := Embed(t.Context(), c, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := MigrationStatus(t.Context(), c, &out); err != nil || strings.HasPrefix(out.String(), "applied") != applied {
			t.Errorf("run %d: %v\n%s", run, err, out.String())
		}
		if err := Migrate(t.Context(), c); err != nil || c.RedisURL == "" {
			t.Errorf("run %d: %v", run, err)
		}
		if err := stop(); err != nil {
			t.Errorf("run %d: %v", run, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	if _, err := quiet("production").listen(t.Context(), address); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), address) {
		t.Errorf("production: %v", err)
	}
	dev := quiet("development")
	l, err := dev.listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil || host != "127.0.0.1" || l.Addr().String() == address || urlOf(l) != "http://localhost:"+port || len(dev.parts) != 1 {
		t.Errorf("development: %s, %s, %v", l.Addr(), urlOf(l), err)
	}
	for _, wanted := range []string{"nonsense", "256.0.0.1:x"} {
		if l, err := dev.listen(t.Context(), wanted); err == nil {
			t.Errorf("%s: %s", wanted, l.Addr())
		}
	}
}
