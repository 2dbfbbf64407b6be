package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/pages"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/worker"
	"github.com/presswork/presswork/tasks"
)

// AddWorker adds the role that renders, expands and sends.
func (a *App) AddWorker(ctx context.Context) error {
	if a.Config.PublicURL == "" {
		a.Config.PublicURL = "http://localhost:8080" // development: where the api listens unless told otherwise
	}
	engine, err := jinja.New(nil)
	if err != nil {
		return fmt.Errorf("make the template engine: %w", err)
	}
	library, err := template.NewLibrary()
	if err != nil {
		return err
	}
	sealer, err := a.sealer()
	if err != nil {
		return err
	}
	if err := a.credentials(ctx, a.db.Channels(sealer)); err != nil {
		return err
	}
	outlets := worker.NewOutlets(a.db.Channels(sealer), a.providers(), a.Log)
	slots := queue.Slots{Urgent: a.Config.UrgentSlots, Bulk: a.Config.BulkSlots}
	a.heart = a.newHeartbeat(slots)
	sending := a.engine()
	health, err := a.addHealth(a.db.Channels(sealer))
	if err != nil {
		return err
	}
	handlers := a.handlers(engine, library, &worker.Send{
		Engine: sending, Shelf: edition.NewShelf(a.db, engine), Stationery: edition.NewStationery(a.db, engine, a.Config.PublicURL+pages.ImagePath), Files: edition.NewFiles(a.db), Outlets: outlets, Limits: senderLimits{a.limits}, Health: health,
		Signer: a.signer(), PublicURL: a.Config.PublicURL, Poke: a.relay.Poke, Expect: a.relay.Expect, Log: a.Log, Tracer: a.tracing.Tracer(),
		Archive: a.queue, Letters: a.db,
	})
	tasksOf, err := a.queue.NewWorker(a.Config.QueueWeights, slots, handlers, a.Log)
	if err != nil {
		return err
	}
	a.add(part{
		name:  "worker",
		start: func(context.Context) error { return tasksOf.Start() },
		stop: func(ctx context.Context) error {
			defer outlets.Close()
			return stopWork(ctx, tasksOf, sending)
		},
	})
	if err := a.addQuotas(outlets); err != nil {
		return err
	}
	if err := a.addWebhooks(a.db.Webhooks(sealer)); err != nil {
		return err
	}
	a.heart.tasksOf = tasksOf
	a.add(background("heartbeat", a.heart.run)) // ends first: who stops is no replica any more
	return nil
}

// handlers is what a worker does for each kind of task.
func (a *App) handlers(engine template.Engine, library *template.Library, send *worker.Send) *queue.Handlers {
	handlers := queue.NewHandlers(func(kind tasks.Kind, took time.Duration, err error) {
		a.Metrics.Task(string(kind), took, err)
	})
	handlers.Trace(a.tracing.Tracer())
	handlers.Watch(a.heart.watch)
	personalize := &worker.Personalize{Store: a.db, Poke: a.relay.Poke}
	worker.Handlers{
		Personalize: personalize,
		Render: &worker.Render{Store: a.db, Library: library, Writer: content.NewWriter(a.Config.ContentElements...), Memo: rendition.NewMemo(), Sets: worker.NewSets(), Engine: engine, Personalize: personalize,
			PublicURL: a.Config.PublicURL, Retried: queue.Retried, Poke: a.relay.Poke, Log: a.Log},
		Send:      send,
		Aggregate: &worker.Aggregate{Events: a.db},
	}.Register(handlers)
	return handlers
}

// stopWork takes no new task, lets calls that are under way finish and gives their batches back, so that their handlers
// return; then it waits for the other handlers. What has not ended when nine tenths of the time have passed is cut, and
// its task given back in the rest.
func stopWork(ctx context.Context, tasksOf *queue.Worker, sending *delivery.Engine) error {
	tasksOf.Pause()
	finishing, cancel := most(ctx)
	defer cancel()
	defer context.AfterFunc(finishing, tasksOf.Cut)()
	return errors.Join(sending.Close(finishing), tasksOf.Stop(ctx))
}

// processName is what the process is called in the record, for people.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// engine is the process's sending engine.
func (a *App) engine() *delivery.Engine {
	return delivery.NewEngine(a.db, delivery.Config{
		Process:     processName(),
		Connections: a.connections,
		Schedule:    a.scheduleOf,
		Observe: func(channelID int16, o delivery.Outcome, took time.Duration) {
			kind, err := channel.KindOf(channelID)
			if err == nil {
				outcome := o.State.String()
				if o.Reason == delivery.Placeholder {
					outcome = o.Reason.String() // counted as sent, and was not
				}
				a.Metrics.Delivery(string(kind), outcome, took)
				a.heart.meter.Call(string(kind), took)
			}
		},
		Notice: func(message string, err error) {
			a.Log.Warn("sending engine", zap.String("notice", message), zap.Error(err))
		},
	})
}
