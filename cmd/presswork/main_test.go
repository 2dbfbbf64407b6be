package main

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// nobody is an address that refuses every connection.
const nobody = "127.0.0.1:1"

// TestEachCommandAsksForWhatItNeeds: every command is run in production, with every variable left out in turn, and
// interrupted before it begins. It names the variable that is missing, or starts without it.
func TestEachCommandAsksForWhatItNeeds(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 2)
	everything := map[string]string{
		"ENVIRONMENT":  "production", // which it is without, too: there is a DATABASE_URL
		"DATABASE_URL": "postgres://" + nobody + "/d", "REDIS_URL": "redis://" + nobody,
		"SECRET_KEY": long, "PRESSWORK_API_KEY": long, "PUBLIC_URL": "https://news.example.org",
		"PRESSWORK_API_URL": "http://" + nobody, "MIGRATE_DATABASE_URL": "",
		"PRESSWORK_LISTEN": "127.0.0.1:0", "PRESSWORK_OPS_LISTEN": "127.0.0.1:0", "PRESSWORK_DATA_DIR": t.TempDir(),
		"PRESSWORK_LOG_LEVEL": "error",
	}
	server := "DATABASE_URL REDIS_URL PRESSWORK_API_KEY"
	for command, needs := range map[string]string{
		"api": server + " SECRET_KEY PUBLIC_URL", "worker": server + " SECRET_KEY PUBLIC_URL", "all": server + " SECRET_KEY PUBLIC_URL",
		"scheduler": server + " SECRET_KEY", "audit verify": "DATABASE_URL SECRET_KEY", "audit anchor": "DATABASE_URL SECRET_KEY",
		"migrate up": "DATABASE_URL", "migrate status": "DATABASE_URL", "migrate to 1": "DATABASE_URL",
		"status": "PRESSWORK_API_KEY", "queues": "PRESSWORK_API_KEY", "pause all": "PRESSWORK_API_KEY", "resume all": "PRESSWORK_API_KEY",
		"audit list": "PRESSWORK_API_KEY",
		"publish --title News --channel slack --content 1": "PRESSWORK_API_KEY",
		"secrets status": "DATABASE_URL SECRET_KEY", "secrets rotate": "DATABASE_URL SECRET_KEY",
		"sandbox": "",
	} {
		for left := range everything {
			t.Run(command+" without "+left, func(t *testing.T) {
				for name, value := range everything {
					t.Setenv(name, value)
				}
				t.Setenv(left, "")
				needed := strings.Contains(" "+needs+" ", " "+left+" ")
				switch err := interrupted(t, command); {
				case needed && (err == nil || !strings.Contains(err.Error(), left)):
					t.Errorf("it is needed: %v", err)
				case !needed && err != nil && !errors.Is(err, context.Canceled):
					t.Errorf("it is not needed: %v", err)
				}
			})
		}
	}
}

// interrupted runs a command that is told to end before it begins.
func interrupted(t *testing.T, line string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := rootCommand()
	root.SetArgs(strings.Fields(line))
	root.SetOut(io.Discard)
	return root.ExecuteContext(ctx)
}

// TestReadmeNamesEveryCommand: the table under "The command line" has each of them.
func TestReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## The command line\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, command := range rootCommand().Commands() {
		if !regexp.MustCompile("`(presswork )?" + command.Name() + "[ `]").MatchString(table) {
			t.Errorf("the table does not name %q", command.Name())
		}
	}
}
