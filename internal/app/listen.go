package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// uploadTimeout lets the largest body, a CSV of 10 MB, come in over a slow line (300 kbit/s).
const uploadTimeout = 5 * time.Minute

// patience is what a server allows its clients. How many may connect is a matter of the proxy in front, and of the limit
// of open files.
type patience struct {
	// header is how long a request's head may take, body the whole request (the API allows less for what is no file), idle
	// how long a connection may stay without one, and write how long a part of an answer may take.
	header, body, idle, write time.Duration
	// headerBytes bounds the head; net/http reads 4 KB more.
	headerBytes int
}

// usual is for clients on slow lines, and not for those who are slow on purpose.
func usual() patience {
	return patience{header: 10 * time.Second, body: uploadTimeout, idle: 2 * time.Minute, write: writeTime, headerBytes: 64 << 10}
}

func (p patience) server(handler http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: p.header, ReadTimeout: p.body,
		IdleTimeout: p.idle, MaxHeaderBytes: p.headerBytes, ErrorLog: zap.NewStdLog(log),
	}
}

// listener is a part that serves HTTP on an address that is already taken.
func (a *App) listener(name string, l net.Listener, handler http.Handler) part {
	p := usual()
	server := p.server(handler, a.Log)
	var serving sync.WaitGroup
	return part{
		name: name,
		start: func(context.Context) error {
			serving.Go(func() {
				if err := server.Serve(impatient{l, p.write}); !errors.Is(err, http.ErrServerClosed) {
					a.Log.Error("listener ended", zap.String("listener", name), zap.Error(err))
				}
			})
			return nil
		},
		stop: func(ctx context.Context) error {
			err := server.Shutdown(ctx)
			if err != nil {
				err = errors.Join(err, server.Close())
			}
			serving.Wait()
			return err
		},
	}
}

// listen takes the wanted address. In development a port that is in use is not worth an error: another is found,
// and the address that is logged and printed is the real one.
func (a *App) listen(ctx context.Context, wanted string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", wanted)
	if err != nil && !a.Config.Production() {
		host, _, splitErr := net.SplitHostPort(wanted)
		if splitErr != nil {
			return nil, fmt.Errorf("listen on %s: %w", wanted, err)
		}
		a.Log.Warn("address cannot be used, taking a free port", zap.String("address", wanted), zap.Error(err))
		l, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", wanted, err)
	}
	// A server closes its listener itself; this is for one that was never used.
	a.add(part{name: "address " + wanted, stop: func(context.Context) error { _ = l.Close(); return nil }})
	return l, nil
}

// urlOf is how a browser on this machine reaches a listener.
func urlOf(l net.Listener) string {
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	return "http://localhost:" + port
}
