package app

import (
	"context"
	"fmt"

	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/pages"
	"github.com/presswork/presswork/internal/postgres"
)

// AddAPI adds the role that clients and subscribers talk to.
func (a *App) AddAPI(ctx context.Context) error {
	l, err := a.listen(ctx, a.Config.Listen)
	if err != nil {
		return err
	}
	a.APIURL = urlOf(l)
	if a.Config.PublicURL == "" {
		a.Config.PublicURL = a.APIURL
	}
	engine, err := jinja.New(nil)
	if err != nil {
		return fmt.Errorf("make the template engine: %w", err)
	}
	sealer, err := a.sealer()
	if err != nil {
		return err
	}
	signer := a.signer()
	acceptor := postgres.NewAcceptor(a.db, a.relay.Poke)
	events := postgres.NewEventWriter(a.db, a.Log)
	a.add(background("acceptor", acceptor.Run))
	a.add(background("event writer", events.Run))
	if err := a.observeEvents(events); err != nil {
		return err
	}
	subscriberPages, err := pages.New(pages.Deps{
		Log: a.Log, Organisation: a.Config.Organisation, Tokens: signer, Readers: a.db, Listing: a.db, PublicURL: a.Config.PublicURL,
		Archive: &edition.Archive{IDs: a.db, Shelf: edition.NewShelf(a.db, engine), Images: a.Config.PublicURL + pages.ImagePath},
		Images:  a.db,
	})
	if err != nil {
		return err
	}
	hook, err := a.addFeedback(ctx)
	if err != nil {
		return err
	}
	closing, endStreams := context.WithCancel(context.Background())
	handler := httpapi.New(httpapi.Deps{
		Log: a.Log, AdminKey: a.Config.APIKey, Production: a.Config.Production(),
		Tracer:   a.tracing.Tracer(),
		Observe:  func(r httpapi.Request) { a.Metrics.Request(r.Method, r.Route, r.Status, r.Took, r.TraceID) },
		Pages:    subscriberPages,
		Database: a.db, Redis: a.queue, Registry: a.providers(), Engine: engine,
		Topics: a.db, Subscribers: a.db, Contents: a.db, Templates: a.db, Assets: a.db, Channels: a.db.Channels(sealer), Circuits: a.limits, Senders: a.db,
		Publications: a.db, Acceptor: acceptor, Progress: a.db, Recipients: a.db, Analytics: a.db,
		Closing: closing.Done(),
		Pauses:  a.db, Queues: queueReader{a.queue}, Suppressions: a.db, SESHook: hook,
		DeadLetters: a.db, Uncertain: a.db, Poke: a.relay.Poke,
		Tokens: signer, Links: a.db, Events: events,
	})
	a.add(a.listener("api", l, handler))
	a.add(part{name: "streams", stop: func(context.Context) error { endStreams(); return nil }})
	return nil
}
