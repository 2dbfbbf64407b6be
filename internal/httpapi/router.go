// Package httpapi is the API that clients use: it checks, stores and answers, and never renders or sends.
// Every error is an RFC 9457 problem (problem.go); every body is read strictly and within a limit
// (decode.go).
package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/template"
)

// Deps is what the API stands on: a small interface for each resource, defined in its file.
type Deps struct {
	Log *zap.Logger
	// Auth tells who makes a request; nil: only who shows the AdminKey gets in, and with none of those nobody.
	Auth Authenticator
	// AdminKey is also what is heard from an address that used up its limit.
	AdminKey string
	// Refused is told of every credential that was not accepted; nil: nobody is.
	Refused RefusalHook
	// Limits are what each client may ask; the zero value limits nothing.
	Limits Limits
	// Origins are those whose pages may call the API from a browser; none: nobody's.
	Origins []string
	// PublicURL says whether browsers come by HTTPS.
	PublicURL string
	// BodyTime is how long a body that is no file may take to come in; 0 is bodyTime.
	BodyTime time.Duration
	// Production refuses what only development may do.
	Production bool
	// Observe is called after every request; nil: not.
	Observe func(Request)
	// Tracer makes a span of every request but those of machines that only look; nil: none.
	Tracer trace.Tracer
	// Closing ends streams at once, since a server that shuts down waits for them; nil: nothing does.
	Closing <-chan struct{}
	// Pages answers everything below /p/, which is open to everybody; nil: not there.
	Pages http.Handler
	// Database and Redis are tried by /readyz; nil: not tried.
	Database, Redis Pinger

	// Registry checks the kinds, providers and settings of channels; Engine the sources of templates.
	Registry *channel.Registry
	Engine   template.Engine

	// Sealer seals cursors that hold something personal.
	Sealer Sealer

	Topics      TopicStore
	Subscribers SubscriberStore
	Consent     ConsentStore
	Preferences PreferenceStore
	Asker       Asker
	Contents    ContentStore
	Templates   TemplateStore
	Assets      AssetStore
	Channels    ChannelStore
	Circuits    CircuitReader
	Senders     SenderStore
	Brands      BrandStore
	// SenderChecks looks at the domains of senders.
	SenderChecks SenderChecks
	Segments     SegmentStore
	APIKeys      APIKeyStore
	Webhooks     Webhooks

	Publications PublicationStore
	Messages     MessageStore
	Acceptor     PublicationAcceptor
	// ApprovalOver is the audience from which somebody else has to approve a publication; 0: none. SendingRates may be nil.
	ApprovalOver int
	SendingRates SendingRates
	Progress     ProgressStore
	Deferred     DeferredStore
	Analytics    AnalyticsStore
	Recipients   RecipientStore
	Pauses       PauseStore
	Policy       PolicyStore
	Queues       QueueReader
	Suppressions SuppressionStore
	Reputation   ReputationStore
	Audit        AuditStore
	// SESHook takes SES's events; nil: it is not there.
	SESHook     SESHook
	DeadLetters DeadLetterStore
	Uncertain   UncertainStore
	// Poke is told that there are nudges to bring to the queue; nil: they are found.
	Poke func()
	// Tokens, Links and Events serve what is below /t/; nil Tokens: it is not there.
	Tokens TokenVerifier
	Links  LinkStore
	Events EventRecorder
}

// busyPages can tell a reader that they ask too often: Busy answers 429, with the headers that are set already.
type busyPages interface {
	Busy(w http.ResponseWriter, r *http.Request)
}

// New is the API's handler. It is safe for concurrent use and starts nothing.
func New(d Deps) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	if d.Auth == nil {
		d.Auth = auth.NewGate(d.AdminKey, nil, nil)
	}
	d.Limits.admin = auth.NewGate(d.AdminKey, nil, nil)
	if pages, ok := d.Pages.(busyPages); ok {
		d.Limits.busy = pages.Busy
	}
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.ForwardedByClientIP = false
	e.HandleMethodNotAllowed = true
	e.ContextWithFallback = true
	e.Use(correlate)
	if d.Tracer != nil {
		e.Use(traced(d.Tracer))
	}
	e.Use(observe(d.Log, d.Observe), answerErrors(d.Log), secure(d.PublicURL), cors(d.Origins))
	e.NoRoute(func(c *gin.Context) { abort(c, fault.New(fault.NotFound, "not_found", "There is nothing here.")) })
	e.NoMethod(func(c *gin.Context) {
		abort(c, fault.New(fault.Malformed, codeMethodNotAllowed, "This method is not allowed here."))
	})
	rules := newAccessTable()
	// What costs least comes first: see docs/security.md.
	e.Use(findClient(d.Limits.Proxies), boundBodies(d.BodyTime), d.Limits.door,
		authenticate(d.Auth, rules, d.Refused), d.Limits.hold, authorize(rules, d.Log))
	registerHealth(e, d)
	registerProblems(e)
	registerDescription(e)
	if d.Pages != nil {
		e.Any("/p/*path", gin.WrapH(d.Pages))
	}
	if d.SESHook != nil {
		registerSESHook(e, d)
	}
	if d.Tokens != nil {
		registerTracking(e, d)
	}
	api := e.Group("/api/v1", noStore)
	registerResources(api, d)
	return e
}

// registerResources has a line for each resource.
func registerResources(r gin.IRouter, d Deps) {
	registerTopics(r, d)
	registerSubscribers(r, d)
	registerSegments(r, d)
	registerConsent(r, d)
	registerPreferences(r, d)
	registerContents(r, d)
	registerTemplates(r, d)
	registerAssets(r, d)
	registerChannels(r, d)
	registerSenders(r, d)
	registerBrands(r, d)
	registerAPIKeys(r, d)
	registerWebhookEndpoints(r, d)
	registerPublications(r, d)
	registerMessages(r, d)
	registerProgress(r, d)
	registerDeferred(r, d)
	registerRecipients(r, d)
	registerAnalytics(r, d)
	registerPauses(r, d)
	registerPolicy(r, d)
	registerSuppressions(r, d)
	registerReputation(r, d)
	registerAudit(r, d)
	registerQueues(r, d)
	registerDeadLetters(r, d)
	registerReplays(r, d)
	registerUncertain(r, d)
}

// noStore keeps answers, which may be personal, out of caches.
func noStore(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Next()
}
