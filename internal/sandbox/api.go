package sandbox

import (
	"bufio"
	"net/http"
	"slices"
	"strconv"
)

const faultsMaxBody = 1 << 20

// routeAPI serves to other processes what the methods give to this one.
func (s *Sandbox) routeAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/counts", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Counts())
	})
	mux.HandleFunc("GET /sandbox/messages", s.apiMessages)
	mux.HandleFunc("GET /sandbox/messages/{id}", s.apiMessage)
	mux.HandleFunc("DELETE /sandbox/messages", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /sandbox/identities", s.apiIdentities)
	mux.HandleFunc("GET /sandbox/first", s.apiFirst)
	mux.HandleFunc("GET /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("DELETE /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /sandbox/faults/{provider}", s.apiInject)
	mux.HandleFunc("PUT /sandbox/ses/reports", s.apiReportSES)
	mux.HandleFunc("DELETE /sandbox/faults/{provider}", s.apiClear)
}

// listedMessage is a message in a list: what it is about, but not what it says.
type listedMessage struct {
	*Message
	Subject string `json:"subject"`
}

// apiMessages lists a channel's messages, newest first; ?limit= is 100 unless told.
func (s *Sandbox) apiMessages(w http.ResponseWriter, r *http.Request) {
	channel := r.URL.Query().Get("channel")
	if !slices.Contains(Channels(), channel) {
		http.Error(w, "channel must be one of email, newsletter, slack, discord, webhook", http.StatusBadRequest)
		return
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 0 {
		limit = 100
	}
	kept := s.Messages(channel)
	list := make([]listedMessage, 0, min(limit, len(kept)))
	for _, m := range kept[:min(limit, len(kept))] {
		list = append(list, listedMessage{m, m.Subject()})
	}
	writeJSON(w, http.StatusOK, list)
}

// apiMessage gives one message whole.
func (s *Sandbox) apiMessage(w http.ResponseWriter, r *http.Request) {
	m := s.Message(r.PathValue("id"))
	if m == nil {
		http.Error(w, "no such message, or no longer kept", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		*Message
		Letter
	}{m, m.Read()})
}

// apiIdentities writes one identity a line, with ?counts=1 a tab and the count after it. Without
// ?channel= it goes through all channels.
func (s *Sandbox) apiIdentities(w http.ResponseWriter, r *http.Request) {
	channels := Channels()
	if channel := r.URL.Query().Get("channel"); channel != "" {
		channels = []string{channel}
	}
	counted := r.URL.Query().Get("counts") == "1"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := bufio.NewWriterSize(w, 64<<10)
	for _, channel := range channels {
		for identity, count := range s.Identities(channel) {
			_, _ = out.WriteString(identity)
			if counted {
				_, _ = out.WriteString("\t" + strconv.Itoa(count))
			}
			if out.WriteByte('\n') != nil {
				return
			}
		}
	}
	_ = out.Flush() // the client may be gone
}

// apiFirst answers by publication when its messages came and how many; ?publication= picks one.
func (s *Sandbox) apiFirst(w http.ResponseWriter, r *http.Request) {
	all := s.Arrivals()
	uid := r.URL.Query().Get("publication")
	if uid == "" {
		writeJSON(w, http.StatusOK, all)
		return
	}
	arrivals, known := all[uid]
	if !known {
		http.Error(w, "nothing of this publication arrived", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, arrivals)
}

// apiInject replaces a provider's faults by the one, or the list, in the body.
func (s *Sandbox) apiInject(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, faultsMaxBody)
	if !ok {
		return
	}
	list, err := ParseFaults(body)
	if err == nil {
		err = s.Inject(r.PathValue("provider"), list...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// apiClear takes a provider's faults away.
func (s *Sandbox) apiClear(w http.ResponseWriter, r *http.Request) {
	if err := s.Inject(r.PathValue("provider")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
