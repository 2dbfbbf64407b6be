package ops

import (
	"context"
	"net/http"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/fault"
)

// Pools says how the pools of workers are; see capacity.Watch.
type Pools interface {
	Pools(ctx context.Context) ([]capacity.Status, error)
}

// autoscale answers those who start and stop workers: every pool, or one, of which KEDA's metrics-api reads
// desired_replicas. Without PostgreSQL it is 503: whoever asks keeps the number of workers that there is.
type autoscale struct {
	pools Pools
	log   *zap.Logger
}

func (a autoscale) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /autoscale/v1/pools", a.all)
	mux.HandleFunc("GET /autoscale/v1/pools/{pool}", a.one)
}

func (a autoscale) all(w http.ResponseWriter, r *http.Request) {
	if list, ok := a.read(w, r); ok {
		answer(w, http.StatusOK, map[string]any{"pools": list})
	}
}

func (a autoscale) one(w http.ResponseWriter, r *http.Request) {
	list, ok := a.read(w, r)
	if !ok {
		return
	}
	for i := range list {
		if list[i].Pool == r.PathValue("pool") {
			answer(w, http.StatusOK, &list[i])
			return
		}
	}
	answer(w, http.StatusNotFound, map[string]string{"error": "There is no such pool: see PRESSWORK_POOLS."})
}

func (a autoscale) read(w http.ResponseWriter, r *http.Request) ([]capacity.Status, bool) {
	list, err := a.pools.Pools(r.Context())
	if err != nil {
		a.log.Warn("ops: pools not known", zap.String("code", fault.CodeOf(err)), zap.Error(err))
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "What is owed cannot be read just now."})
		return nil, false
	}
	return list, true
}
