package attack

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parsers are what reads something that comes from outside, and the target that fuzzes it: folder and name, several with spaces between.
var parsers = map[string]string{
	"bodies of the API": "internal/httpapi:FuzzDecode internal/httpapi:FuzzBodies",
	"query parameters":  "internal/httpapi:FuzzQuery",
	"If-Match, Idempotency-Key, traceparent, correlation ids": "internal/httpapi:FuzzHeaders",
	"cursors":                   "internal/httpapi:FuzzCursor",
	"scopes of pauses":          "internal/httpapi:FuzzScope",
	"forwarded addresses":       "internal/httpapi:FuzzClientAddress",
	"ids":                       "internal/ident:FuzzParse",
	"API keys":                  "internal/auth:FuzzParseSecret",
	"tokens (JWT) and key sets": "internal/bearer:FuzzVerify internal/bearer:FuzzReadSet",
	"links in messages":         "internal/token:FuzzVerify internal/token:FuzzParse",
	"forms of readers":          "internal/pages:FuzzUnsubscribe",
	"CSV":                       "internal/subscriber:FuzzReadCSV",
	"publications":              "internal/publication:FuzzParse",
	"subscribers":               "internal/subscriber:FuzzNew",
	"addresses of mail":         "internal/mailbox:FuzzParse",
	"topics and languages":      "internal/canonical:FuzzTopic internal/canonical:FuzzLanguage",
	"uploaded files":            "internal/asset:FuzzNew",
	"content, sanitised":        "internal/content:FuzzHTML internal/attack:FuzzContents",
	"templates":                 "internal/jinja/syntax:FuzzParse internal/jinja:FuzzRender internal/template:FuzzScan internal/attack:FuzzValues",
	"style sheets and links in what is rendered": "internal/rendition:FuzzInlineCSS internal/rendition:FuzzTrackLinks",
	"what becomes of texts in a mail":            "internal/mime:FuzzAppend internal/mime:FuzzFile",
	"Retry-After":                                "internal/provider/attempt:FuzzRetryAfter",
	"replies of SMTP servers":                    "internal/provider/smtp:FuzzReadReply",
	"addresses of SMTP servers":                  "internal/provider/smtp:FuzzParseTarget",
	"events of SES, posts of SNS":                "internal/provider/ses/events:FuzzParse internal/provider/ses/events:FuzzEnvelope internal/provider/ses/events:FuzzAddress",
	"webhook endpoints":                          "internal/webhook:FuzzEndpointURL internal/webhook:FuzzCheckSecret",
	"webhooks, as clients verify them":           "client/webhook:FuzzVerify client/webhook:FuzzParse",
	"streams and limits, as clients read them":   "client:FuzzEvents client:FuzzLimits",
	"payloads of tasks":                          "tasks:FuzzDecode",
	"choices in the ledger":                      "internal/content:FuzzDecodeChoice",
	"addresses of Redis":                         "internal/queue:FuzzParseURL",
	"settings":                                   "internal/config:FuzzLoad internal/config:FuzzParsePools internal/config:FuzzReplacePart",
	"references to secrets":                      "internal/secret:FuzzParse",
	"sealed secrets":                             "internal/seal:FuzzOpen",
	"credentials that are none":                  "internal/credential:FuzzPlaceholder",
	"anchors of the audit log":                   "internal/audit:FuzzParseMark",
}

// TestEveryParserIsFuzzed: each parser has a target, and scripts/fuzz.sh, which make fuzz runs, finds every target that there is.
func TestEveryParserIsFuzzed(t *testing.T) {
	t.Parallel()
	written := targets(t)
	out, err := exec.CommandContext(t.Context(), "../../scripts/fuzz.sh", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(out)) {
		listed = append(listed, strings.Replace(strings.TrimSpace(line), " ", ":", 1))
	}
	slices.Sort(listed)
	if !slices.Equal(written, listed) {
		t.Errorf("scripts/fuzz.sh knows\n%v\nand there are\n%v", listed, written)
	}
	for _, what := range slices.Sorted(maps.Keys(parsers)) {
		for target := range strings.FieldsSeq(parsers[what]) {
			if !slices.Contains(written, target) {
				t.Errorf("%s are not fuzzed: there is no %s", what, target)
			}
		}
	}
	t.Logf("%d targets, %d kinds of input", len(written), len(parsers))
}

// targets are all fuzz targets of the repository by their syntax, as FOLDER:NAME.
func targets(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name == "node_modules" || name == "bin" || name == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				folder, err := filepath.Rel("../..", filepath.Dir(path))
				if err != nil {
					return err
				}
				list = append(list, filepath.ToSlash(folder)+":"+f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}
