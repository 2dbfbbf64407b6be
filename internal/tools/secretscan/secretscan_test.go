package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// random looks as if it came from a generator. It is put together here, as everything below is, so that this
// file passes its own check.
var random = strings.Join([]string{"q7Zt", "93mK", "xW0b", "Lr58", "vYd2", "Hn6P"}, "")

func TestFindsEveryKind(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(random)
	for kind, line := range map[string]string{
		"private key":            "-----BEGIN RSA " + "PRIVATE KEY-----",
		"AWS access key":         "id: AK" + "IA" + upper[:16],
		"Slack token":            `slack.New("xo` + `xb-` + random + `")`,
		"Slack webhook":          "https://hooks.slack.com/serv" + "ices/T" + upper[:9] + "/B" + upper[:9] + "/" + random,
		"Discord bot token":      "M" + random + "." + random[:6] + "." + random + random,
		"Discord webhook":        "https://discord.com/api/web" + "hooks/123456789012345678/" + random + random,
		"webhook signing secret": "wh" + "sec_" + random,
		"Presswork API key":      "pw" + "k_" + random[:8] + "_" + random,
		"Vault token":            "hv" + "s." + random + random,
		"GitHub token":           "gh" + "p_" + (random + random)[:36],
		"Google API key":         "AI" + "za" + (random + random)[:35],
		"live payment key":       "sk_" + "live_" + random,
		"JSON web token":         "ey" + "J" + random + ".ey" + "J" + random + "." + random,
		"password in a URL":      "postgres://app:" + random + "@db:5432/presswork",
		"assigned secret":        `Password: "` + random + `",`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			findings := scan("f", []byte("first\n"+line+"\r\nlast"), &allowList{})
			if len(findings) != 1 || findings[0].kind != kind || findings[0].line != 2 {
				t.Fatalf("%s: got %v, want one %q in line 2", line, findings, kind)
			}
			if shown := findings[0].String(); strings.Contains(shown, random) {
				t.Errorf("%q shows the secret", shown)
			}
		})
	}
}

func TestFindsAssignments(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`secretKey := "` + random + `"`,
		`"api_key": "` + random + `"`,
		"export SLACK_BOT_TOKEN=" + random,
		"SECRET_KEY=" + random,
		`os.Setenv("SECRET_KEY", "` + random + `")`,
		`header["X-Token"] = "` + random + `"`,
		`{\"token\":\"` + random + `\"}`,
		"password: '" + random + "'",
	} {
		if findings := scan("f", []byte(line), &allowList{}); len(findings) != 1 {
			t.Errorf("%s: got %v, want one finding", line, findings)
		}
	}
}

func TestPassesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"SECRET_KEY=",
		"SECRET_KEY=${SECRET_KEY:?set SECRET_KEY}",
		`token := "the-name-of-a-thing-in-words"`,
		`key := strings.Repeat("k", 32)`,
		`password = "` + strings.Repeat("0a", 16) + `"`,
		"postgres://presswork:presswork@localhost:5432/presswork",
		"postgres://presswork:$PASSWORD_1_2_3@localhost/presswork",
		"github.com/foo/bar v1.2.3 h1:" + random + "=",
		`checksum := "` + random + `"`,
		"-----BEGIN PUBLIC KEY-----",
	} {
		if findings := scan("f", []byte(line), &allowList{}); len(findings) != 0 {
			t.Errorf("%s: got %v", line, findings)
		}
	}
}

func TestForbiddenFiles(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]bool{
		".env": true, "deploy/.env.production": true, "home/id_ed25519": true, "ca.p12": true,
		".env.example": false, "internal/config/env.go": false, "id_ed25519.pub": false, "id_card": false,
	} {
		if got := forbidden(name); (got != "") != bad {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// TestSettingsOfAMachineAreIgnored by git, in this repository, so that nobody adds them by mistake.
func TestSettingsOfAMachineAreIgnored(t *testing.T) {
	t.Parallel()
	for name, ignored := range map[string]bool{".env": true, ".env.production": true, "deploy/.env": true, "secrets/secret_key": true, ".env.example": false} {
		cmd := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", "../../..", "check-ignore", "--quiet", "--no-index", name)
		if err := cmd.Run(); (err == nil) != ignored {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExceptionsNeedAReason(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"abc", "abc #", "abc # ", "a b # reason", "# c\nabc#reason"} {
		if _, err := parseAllowed([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// TestRepository runs the whole command on a small repository.
func TestRepository(t *testing.T) {
	t.Parallel()
	secret := `token = "` + random + `"` + "\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string // in the output; nothing if it must pass
	}{
		"clean":            {map[string]string{"a.go": "package a\n"}, ""},
		"committed":        {map[string]string{"a.go": secret}, "a.go:1: assigned secret: q7Zt93…"},
		"not yet added":    {map[string]string{"new.go": secret}, "new.go:1:"},
		"ignored":          {map[string]string{".gitignore": "/.env\n", ".env": secret}, ""},
		"settings":         {map[string]string{".env": "A=b\n"}, ".env:1: settings of one machine"},
		"binary":           {map[string]string{"a.png": "\x00" + secret}, ""},
		"excepted":         {map[string]string{"a.go": secret, "allow": random + " # a fixture\n"}, ""},
		"needless":         {map[string]string{"allow": random + " # a fixture\n"}, "allow:1: exception for q7Zt93… is needed by no file"},
		"without a reason": {map[string]string{"allow": random + "\n"}, "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, c.files)
			var out bytes.Buffer
			err := run(t.Context(), []string{"-root", root, "-allow", "allow"}, &out)
			if (err == nil) != (c.want == "") {
				t.Fatalf("got %v and %q", err, out.String())
			}
			if said := out.String() + errorText(err); !strings.Contains(said, c.want) {
				t.Errorf("got %q, want %q in it", said, c.want)
			}
		})
	}
}

func TestRefusesWhatIsNoRepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := run(t.Context(), []string{"-root", root, "-allow", "allow"}, os.Stderr); err == nil {
		t.Error("passed without a file of exceptions")
	}
	if err := os.WriteFile(filepath.Join(root, "allow"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-root", root, "-allow", "allow"}, os.Stderr); err == nil {
		t.Error("passed without a repository")
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	git(t, root, "init", "--quiet")
	if _, ok := files["allow"]; !ok {
		files["allow"] = "# none\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "new.go" && files[".gitignore"] == "" {
			git(t, root, "add", name)
		}
	}
	return root
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("token = \"" + random + "\"\nnext"))
	f.Add([]byte("a://b:c@d"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, found := range scan("f", text, &allowList{}) {
			if !bytes.Contains(text, []byte(found.text)) || found.line < 1 || found.line > bytes.Count(text, []byte("\n"))+1 {
				t.Errorf("%+v is not in %q", found, text)
			}
			if len(found.text) > 12 && strings.Contains(found.String(), found.text) {
				t.Errorf("%s is not masked", found)
			}
		}
	})
}
