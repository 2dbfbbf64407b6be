package app

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/pages"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/token"
)

// AddAPI adds the role that clients and subscribers talk to.
func (a *App) AddAPI(ctx context.Context) error {
	l, err := a.listenAPI(ctx)
	if err != nil {
		return err
	}
	engine, err := jinja.New(nil)
	if err != nil {
		return fmt.Errorf("make the template engine: %w", err)
	}
	sealer, err := a.sealer()
	if err != nil {
		return err
	}
	a.warnOfCredentials(ctx, sealer)
	signer := a.signer()
	acceptor, events, err := a.addWriters()
	if err != nil {
		return err
	}
	subscriptions := a.db.Subscriptions(links{a.tickets(), a.Config.PublicURL})
	subscriberPages, err := a.subscriberPages(engine, signer, subscriptions)
	if err != nil {
		return err
	}
	hook, err := a.addFeedback(ctx)
	if err != nil {
		return err
	}
	gate, err := a.apiGate()
	if err != nil {
		return err
	}
	limits, err := a.rateLimits()
	if err != nil {
		return err
	}
	closing, endStreams := context.WithCancel(context.Background())
	handler := httpapi.New(httpapi.Deps{
		Log: a.Log, Auth: gate, AdminKey: a.Config.APIKey, Refused: a.access.refused, APIKeys: a.db, Webhooks: a.webhooksOfAPI(a.db.Webhooks(sealer)), Production: a.Config.Production(),
		Limits: limits, Origins: a.Config.CORSOrigins, PublicURL: a.Config.PublicURL,
		Tracer:   a.tracing.Tracer(),
		Observe:  func(r httpapi.Request) { a.Metrics.Request(r.Method, r.Route, r.Status, r.Took, r.TraceID) },
		Pages:    subscriberPages,
		Database: a.db, Redis: a.queue, Registry: a.providers(), Engine: engine,
		Sealer: sealer, Topics: a.db, Subscribers: a.db, Consent: a.db, Preferences: a.db, Asker: subscriptions, Contents: a.db, Templates: a.db, Assets: a.db, Channels: a.db.Channels(sealer), Circuits: a.limits, Senders: a.db, Brands: a.db,
		SenderChecks: httpapi.SenderChecks{Ask: a.senderDomain(a.db.Channels(sealer)), Store: a.db},
		Publications: a.db, Messages: a.db, ApprovalOver: a.Config.ApprovalOver, SendingRates: a.sendingRates(), Acceptor: acceptor, Progress: a.db, Deferred: a.db, Recipients: a.db, Analytics: a.db,
		Segments: a.db,
		Closing:  closing.Done(),
		Pauses:   a.db, Policy: a.db, Queues: queueReader{a.queue}, Suppressions: a.db, Reputation: a.db, Audit: a.db, SESHook: hook,
		DeadLetters: a.db, Uncertain: a.db, Poke: a.relay.Poke,
		Tokens: signer, Links: a.db, Events: events,
	})
	a.add(a.listener("api", l, handler))
	a.add(part{name: "streams", stop: func(context.Context) error { endStreams(); return nil }})
	return nil
}

// listenAPI opens the API's address, which is the public one if no other was named.
func (a *App) listenAPI(ctx context.Context) (net.Listener, error) {
	l, err := a.listen(ctx, a.Config.Listen)
	if err != nil {
		return nil, err
	}
	a.APIURL = urlOf(l)
	if a.Config.PublicURL == "" {
		a.Config.PublicURL = a.APIURL
	}
	return l, nil
}

// warnOfCredentials tells of channels that cannot send. By the API they can be mended: it starts, while workers do not.
func (a *App) warnOfCredentials(ctx context.Context, sealer *seal.Sealer) {
	if err := a.credentials(ctx, a.db.Channels(sealer)); err != nil {
		a.Log.Error("channels cannot send", zap.Error(err))
	}
}

// addWriters adds who stores publications, and who stores what readers did.
func (a *App) addWriters() (*postgres.Acceptor, *postgres.EventWriter, error) {
	acceptor, events := postgres.NewAcceptor(a.db, a.relay.Poke), postgres.NewEventWriter(a.db, a.Log)
	a.add(background("acceptor", acceptor.Run))
	a.add(background("event writer", events.Run))
	return acceptor, events, a.observeEvents(events)
}

// subscriberPages answers everything below /p/.
func (a *App) subscriberPages(engine template.Engine, signer *token.Signer, subscriptions pages.Subscriptions) (http.Handler, error) {
	return pages.New(pages.Deps{
		Log: a.Log, Organisation: a.Config.Organisation, Tokens: signer, Tickets: a.tickets(), Readers: a.db, Brands: a.db, Subscriptions: subscriptions, Client: httpapi.Client, Listing: a.db, PublicURL: a.Config.PublicURL,
		Archive: &edition.Archive{IDs: a.db, Shelf: edition.NewShelf(a.db, engine), Images: a.Config.PublicURL + pages.ImagePath},
		Images:  a.db,
	})
}
