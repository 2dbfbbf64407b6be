package ops

import (
	"context"
	"encoding/json"
	"net/http"

	"go.uber.org/zap"
)

func healthy(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready answers with what check says. Its error goes to the log only: the route is open. Who shows no key, or a wrong
// one, is answered too: a probe has none.
func ready(check func(ctx context.Context, known bool) (any, error), g guard, log *zap.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body any
		var err error
		if check != nil {
			body, err = check(r.Context(), g.knows(r))
		}
		status, word := http.StatusOK, "ok"
		if err != nil {
			log.Warn("ops: not ready", zap.Error(err))
			status, word = http.StatusServiceUnavailable, "unavailable"
		}
		if body == nil {
			body = map[string]string{"status": word}
		}
		answer(w, status, body)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "The answer could not be written.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who asked has gone
}
