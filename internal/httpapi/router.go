// Package httpapi is the API that clients use: it checks, stores and answers, and never renders or sends.
// Every error is an RFC 9457 problem (problem.go); every body is read strictly and within a limit
// (decode.go).
package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/template"
)

// Deps is what the API stands on: a small interface for each resource, defined in its file.
type Deps struct {
	Log *zap.Logger
	// AdminKey opens every route; empty: nobody gets in.
	AdminKey string
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

	Topics      TopicStore
	Subscribers SubscriberStore
	Contents    ContentStore
	Templates   TemplateStore
	Assets      AssetStore
	Channels    ChannelStore
	Circuits    CircuitReader
	Senders     SenderStore

	Publications PublicationStore
	Acceptor     PublicationAcceptor
	Progress     ProgressStore
	Analytics    AnalyticsStore
	Recipients   RecipientStore
	Pauses       PauseStore
	Queues       QueueReader
	Suppressions SuppressionStore
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

// New is the API's handler. It is safe for concurrent use and starts nothing.
func New(d Deps) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	if d.Log == nil {
		d.Log = zap.NewNop()
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
	e.Use(observe(d.Log, d.Observe), answerErrors(d.Log))
	e.NoRoute(func(c *gin.Context) { abort(c, fault.New(fault.NotFound, "not_found", "There is nothing here.")) })
	e.NoMethod(func(c *gin.Context) {
		abort(c, fault.New(fault.Malformed, codeMethodNotAllowed, "This method is not allowed here."))
	})
	registerHealth(e, d)
	if d.Pages != nil {
		e.Any("/p/*path", gin.WrapH(d.Pages))
	}
	if d.SESHook != nil {
		registerSESHook(e, d)
	}
	if d.Tokens != nil {
		registerTracking(e, d)
	}
	api := e.Group("/api/v1", authenticate(d.AdminKey), noStore)
	registerResources(api, d)
	return e
}

// registerResources has a line for each resource.
func registerResources(r gin.IRouter, d Deps) {
	registerTopics(r, d)
	registerSubscribers(r, d)
	registerContents(r, d)
	registerTemplates(r, d)
	registerAssets(r, d)
	registerChannels(r, d)
	registerSenders(r, d)
	registerPublications(r, d)
	registerProgress(r, d)
	registerRecipients(r, d)
	registerAnalytics(r, d)
	registerPauses(r, d)
	registerSuppressions(r, d)
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
