// Package archtest holds the arrows: which package may import which, who may know a library, and a few habits
// that no general linter checks. It has no code outside its tests.
//
// The tables in this file are all there is to change when a package is added. A package that no rule names
// fails the test: whoever adds one decides where it stands.
package archtest

import (
	"os"
	"strings"
	"testing"
)

// The layers, from the inside out. A name stands for the package and all below it.
const (
	core   = "internal/fault internal/ident tasks"
	domain = "internal/publication internal/subscriber internal/content internal/template internal/channel " +
		"internal/delivery internal/eligibility internal/sender internal/brand internal/experiment internal/automation internal/analytics " +
		"internal/audit internal/consent internal/feedback internal/suppression internal/reputation internal/domaincheck internal/auth internal/capacity internal/asset internal/webhook internal/letter internal/segment"
	// plain packages are small tools with rules of their own and nothing of the world: an address, a topic, a sealed
	// secret, a signed link, a credential, a chain of sealed blocks, values that never change, text encoded for mail, a token bucket, many changes in one call, a total, a cell of a CSV file, the name of a time zone, sets of ids. The domain may use them as it uses the standard library.
	plain = "internal/backoff internal/chain internal/canonical internal/mailbox internal/seal internal/token internal/credential internal/keep internal/quoted internal/allowance internal/bulk internal/tally internal/cell internal/zone internal/idset"
	// inner is what adapters stand on.
	inner = core + " " + plain + " " + domain + " internal/rendition internal/edition " +
		"internal/mime internal/telemetry migrations"
	// attempts is what the providers share: how one call is made and told apart, how it is signed, and how texts are cut.
	attempts = "internal/provider/attempt internal/provider/excerpt internal/provider/signed"

	providers = "internal/provider/ses internal/provider/smtp internal/provider/slack internal/provider/discord " +
		"internal/provider/webhook internal/provider/placeholder"

	// anything is for what may import everything.
	anything = "*"
)

// rule says what packages may import besides the standard library and the packages of their own folder.
type rule struct {
	pkgs string // with spaces between; the first rule that names a package, or one it is below, counts
	may  string // packages of this module
	libs string // modules of others, as a prefix of the import path; see owners as well
}

// rules is the table of arrows: cmd → app → adapters → domain → {fault, ident, tasks}.
var rules = []rule{
	{pkgs: "internal/fault internal/ident tasks migrations client"},
	{pkgs: plain, may: core, libs: "golang.org/x/net/idna golang.org/x/crypto golang.org/x/text"},
	{
		pkgs: "internal/content", may: core + " " + plain,
		libs: "github.com/yuin/goldmark github.com/microcosm-cc/bluemonday golang.org/x/net/html golang.org/x/text",
	},
	{pkgs: "internal/template", may: core + " " + plain, libs: "golang.org/x/text golang.org/x/net/html"},
	{pkgs: "internal/domaincheck", may: core + " " + plain, libs: "golang.org/x/net/publicsuffix"},
	{pkgs: domain, may: core + " " + plain, libs: "golang.org/x/text"},
	// Renditions are templates filled with content: the one place that knows both.
	{
		pkgs: "internal/rendition", may: core + " internal/keep internal/quoted internal/template internal/content",
		libs: "github.com/vanng822/go-premailer golang.org/x/net/html golang.org/x/text",
	},

	// An edition is a publication as it is sent: what was rendered, compiled.
	{
		pkgs: "internal/edition", may: core + " internal/keep internal/asset internal/brand internal/channel internal/letter internal/mime internal/publication internal/rendition internal/sender internal/template",
		libs: "golang.org/x/text",
	},

	{pkgs: "internal/mime", may: core + " " + plain + " internal/channel", libs: "golang.org/x/net/idna"},

	{pkgs: "internal/telemetry", may: core, libs: anything},
	{pkgs: "internal/config", may: core + " internal/credential", libs: "github.com/caarlos0/env"},

	// Adapters do not import each other. Two arrows between them are wanted: both hand tasks to the queue.
	{pkgs: "internal/worker internal/reconcile", may: inner + " internal/queue", libs: anything},
	{pkgs: "internal/postgres internal/queue internal/jinja internal/ratelimit internal/egress", may: inner, libs: anything},
	{pkgs: "internal/secret", libs: "github.com/aws github.com/hashicorp/vault/api"},
	{pkgs: "internal/bearer", may: inner, libs: "github.com/lestrrat-go/jwx/v3 go.uber.org/zap"},
	{pkgs: "internal/recall", may: inner, libs: "github.com/redis/go-redis"},
	{pkgs: "internal/budget", may: inner, libs: "github.com/redis/go-redis github.com/sony/gobreaker"},
	{pkgs: "internal/provider/attempt", may: inner, libs: "code.dny.dev/ssrf golang.org/x/sync"},
	{pkgs: "internal/provider/excerpt", may: core},
	{pkgs: "internal/provider/signed", may: inner + " internal/provider/attempt", libs: "code.dny.dev/ssrf github.com/standard-webhooks"},
	{pkgs: providers, may: inner + " " + attempts, libs: anything},
	{pkgs: "internal/provider/providertest", may: inner + " internal/sandbox", libs: anything},
	{pkgs: "internal/httpapi internal/graphqlapi internal/pages internal/console internal/ops", may: inner, libs: anything},
	{pkgs: "internal/httpapi/wire", may: "internal/ident"},

	{pkgs: "internal/devstack internal/sandbox", may: inner, libs: anything},
	{pkgs: "internal/app", may: anything + " -internal/testkit -internal/provider/providertest", libs: anything},
	// The demo and the benchmark stand outside: they start the roles and then use the API, as anybody would.
	{pkgs: "internal/demo/generate", may: "internal/demo internal/subscriber"},
	{pkgs: "internal/progress", may: "client"},
	{pkgs: "internal/demo internal/bench", may: anything + " -internal/testkit -internal/provider/providertest", libs: anything},
	{pkgs: "cmd/presswork", may: "client internal/progress internal/app internal/config internal/domaincheck internal/demo internal/bench internal/sandbox", libs: "github.com/spf13/cobra github.com/spf13/pflag"},

	// An example knows what any other program knows.
	{pkgs: "examples/go", may: "client"},

	// Test support and tools of the repository.
	{pkgs: "internal/testkit", may: anything + " -internal/app", libs: anything},
	{pkgs: "internal/e2e internal/chaos internal/attack", may: anything, libs: anything},
	{pkgs: "internal/tools/openapi", libs: "github.com/goccy/go-yaml"},
	{pkgs: "internal/archtest internal/tools"},
}

// owner says who may import a library. Tests may as well.
type owner struct {
	lib  string // prefix of the import path
	pkgs string
}

var owners = []owner{
	{"github.com/jackc/pgx", "internal/postgres internal/devstack internal/testkit"},
	{"github.com/pressly/goose", "internal/postgres internal/testkit"},
	{"github.com/hibiken/asynq", "internal/queue internal/ops"},
	{"github.com/hibiken/asynqmon", "internal/ops internal/httpapi"},
	{"github.com/gin-gonic/gin", "internal/httpapi internal/graphqlapi internal/pages internal/console internal/ops internal/app"},
	{"github.com/mitsuhiko/minijinja", "internal/jinja"},
	{"github.com/aws/aws-sdk-go-v2/service/sesv2", "internal/provider/ses"},
	{"github.com/aws/aws-sdk-go-v2/service/sqs", "internal/provider/ses"},
	{"github.com/aws/aws-sdk-go-v2/service/secretsmanager", "internal/secret"},
	{"github.com/hashicorp/vault", "internal/secret"},
	{"github.com/slack-go/slack", "internal/provider/slack"},
	{"github.com/bwmarrin/discordgo", "internal/provider/discord"},
	{"github.com/caarlos0/env", "internal/config"},
	{"github.com/lestrrat-go", "internal/bearer"},
	// Adapters make spans; where they go is telemetry's.
	{"go.opentelemetry.io", "internal/telemetry internal/testkit"},
	{"go.opentelemetry.io/otel/attribute", "internal/telemetry internal/postgres internal/queue internal/worker internal/httpapi"},
	{"go.opentelemetry.io/otel/codes", "internal/telemetry internal/postgres internal/httpapi"},
	{"go.opentelemetry.io/otel/trace", "internal/telemetry internal/postgres internal/queue internal/worker internal/httpapi"},
	{"github.com/spf13/cobra", "cmd internal/app"},
	{"testing", "internal/testkit internal/provider/providertest"},
}

// badNames are packages named for what they are rather than for what they do.
var badNames = []string{"utils", "util", "common", "helpers", "helper", "models", "services", "misc"}

// sqlExceptions are functions of internal/postgres that build SQL on purpose: "file:function", and how they keep
// input out of the text.
var sqlExceptions = map[string]string{
	"internal/postgres/segment_sql.go:query": "a rule only chooses among constant texts, and whatever a client wrote in it is a parameter",
}

// globalExceptions are package variables that vary on purpose: "file:name", and why.
var globalExceptions = map[string]string{}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	src, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range map[string]check{
		"arrows":        checkArrows(rules),
		"owners":        checkOwners(owners),
		"names":         checkNames(badNames),
		"main":          checkMain,
		"init":          checkInit,
		"globals":       checkGlobals(globalExceptions),
		"sql":           checkSQL("internal/postgres", sqlExceptions),
		"package texts": checkPackageComments,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range sorted(rule(src)) {
				t.Error(v)
			}
		})
	}
}

// below says whether pkg is one of names, or below one.
func below(pkg, names string) bool {
	for name := range strings.FieldsSeq(names) {
		if pkg == name || strings.HasPrefix(pkg, name+"/") {
			return true
		}
	}
	return false
}
