package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/presswork/presswork/internal/postgres/bare"
)

// bareConns is how many connections the bare server has, as many as the API.
const bareConns = 20

// bareServer stores what it is posted, a committed row each, and answers 202: the least that accepting takes.
type bareServer struct {
	addr   string
	db     *bare.DB
	server *http.Server
	done   chan struct{}
}

func startBareServer(ctx context.Context, databaseURL string) (*bareServer, error) {
	db, err := bare.Open(ctx, databaseURL, bareConns)
	if err != nil {
		return nil, err
	}
	if err := db.Prepare(ctx); err != nil {
		db.Close()
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	b := &bareServer{addr: l.Addr().String(), db: db, done: make(chan struct{})}
	b.server = &http.Server{Handler: http.HandlerFunc(b.accept), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(b.done)
		_ = b.server.Serve(l) // ends with ErrServerClosed
	}()
	return b, nil
}

func (b *bareServer) accept(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = b.db.Insert(r.Context(), string(body))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (b *bareServer) stop() {
	_ = b.server.Close() // its clients are gone
	<-b.done
	b.db.Close()
}
