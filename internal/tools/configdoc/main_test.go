package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	source = "../../config/config.go"
	page   = "../../../docs/configuration.md"
	sample = "../../../.env.example"
)

// others are names in .env.example that are no settings of a process: of the AWS SDK, of Vault (package
// secret), of the OpenTelemetry SDK, of compose.
var others = map[string]bool{
	"AWS_REGION": true, "AWS_ENDPOINT_URL_SESV2": true,
	"VAULT_ADDR": true, "VAULT_NAMESPACE": true, "VAULT_TOKEN": true, "VAULT_TOKEN_FILE": true,
	"VAULT_KUBERNETES_ROLE": true, "VAULT_KUBERNETES_MOUNT": true, "VAULT_KUBERNETES_TOKEN_FILE": true,
	"OTEL_TRACES_SAMPLER": true, "OTEL_TRACES_SAMPLER_ARG": true,
	"POSTGRES_PASSWORD": true, "REDIS_PASSWORD": true,
}

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	list, err := settings(source)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := replace(string(want), table(list)); err != nil || got != string(want) {
		t.Errorf("docs/configuration.md is not up to date: run go generate ./internal/tools/configdoc (%v)", err)
	}
}

func TestSampleNamesEverySetting(t *testing.T) {
	t.Parallel()
	list, err := settings(source)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, _, isSetting := strings.Cut(line, "="); isSetting && !strings.HasPrefix(line, "#") {
			named[name] = true
		}
	}
	for _, s := range list {
		if !named[s.Name] {
			t.Errorf(".env.example lacks %s", s.Name)
		}
		delete(named, s.Name)
	}
	for name := range named {
		if !others[name] {
			t.Errorf(".env.example has %s, which nothing reads", name)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const fields = `package config

type Config struct {
	// Listen is the address. It is one, or a|b.
	//
	// Default: the usual one,
	// more or less.
	Listen string ` + "`env:\"LISTEN,required\" envDefault:\":80\"`" + `
	// Names are many, as in a=6.
	//
	// Default: NAMES are none.
	Names []string ` + "`env:\"NAMES\"`" + `
	derived int
	// Skipped has no variable.
	Skipped int ` + "`env:\"-\"`" + `
}
`

func TestRunWritesBetweenTheMarks(t *testing.T) {
	t.Parallel()
	config, out := write(t, "config.go", fields), write(t, "page.md", "above\n"+begin+"old\n"+end+"below\n")
	for range 2 {
		if err := run(config, out); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(out) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	want := "above\n" + begin + "| Variable | Default | What it is | Why the default |\n| --- | --- | --- | --- |\n" +
		"| `LISTEN` | `:80` | The address. It is one, or a\\|b. | The usual one, more or less. |\n" +
		"| `NAMES` |  | Many, as in a=6. | NAMES are none. |\n" + end + "below\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	marked, good := begin+end, "package config\n\ntype Config struct{}\n"
	for name, files := range map[string][2]string{
		"no marks":      {good, "nothing\n"},
		"no end":        {good, begin},
		"no struct":     {"package config\n", marked},
		"no Go":         {"nonsense\n", marked},
		"no comment":    {"package config\n\ntype Config struct {\n\tA int `env:\"A\"`\n}\n", marked},
		"no reason":     {"package config\n\ntype Config struct {\n\t// A is one.\n\tA int `env:\"A\"`\n}\n", marked},
		"nothing it is": {"package config\n\ntype Config struct {\n\t// Default: so.\n\tA int `env:\"A\"`\n}\n", marked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := run(write(t, "config.go", files[0]), write(t, "page.md", files[1])); err == nil {
				t.Error("no error")
			}
		})
	}
	if err := run(write(t, "config.go", good), filepath.Join(t.TempDir(), "absent.md")); err == nil {
		t.Error("an absent page is no error")
	}
}
