package ops

import "net/http"

// Drainer is a worker that can be told to take no new task.
type Drainer interface {
	// Drain takes no new task from now on. It may be repeated, and cannot be taken back.
	Drain()
	// Draining says whether it was told so, and how many tasks it still works on.
	Draining() (told bool, inFlight int)
}

type drainBody struct {
	Draining bool `json:"draining"`
	InFlight int  `json:"in_flight"`
}

// registerDrain lets a worker be emptied before it is stopped: POST /drain, then GET /drain until nothing is in flight.
func registerDrain(mux *http.ServeMux, d Drainer) {
	show := func(w http.ResponseWriter, status int) {
		told, n := d.Draining()
		answer(w, status, drainBody{told, n})
	}
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		d.Drain()
		show(w, http.StatusAccepted)
	})
	mux.HandleFunc("GET /drain", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK) })
}
