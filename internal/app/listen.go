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

// listener is a part that serves HTTP on an address that is already taken.
func (a *App) listener(name string, l net.Listener, handler http.Handler) part {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: uploadTimeout,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: zap.NewStdLog(a.Log),
	}
	var serving sync.WaitGroup
	return part{
		name: name,
		start: func(context.Context) error {
			serving.Go(func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
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
