package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

// streamType is the media type of server-sent events (WHATWG HTML, "Server-sent events").
const streamType = "text/event-stream"

// heartbeat keeps proxies from taking a stream for dead: many give up on a silent connection after 30 or 60 seconds.
const heartbeat = 10 * time.Second

// reconnect is what a client that lost its stream is asked to wait, in milliseconds.
const reconnect = 2000

// stream sends an event `progress` whenever something changed, and `final` with the last. An event's id stands for the
// state and the counts, in every process: who comes back with a Last-Event-ID is told what is new since, and 204, which
// ends an EventSource's attempts, if that was the end.
func (h progress) stream(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	looks, leave, err := h.watch.join(uid)
	if err != nil {
		return err
	}
	defer leave()
	s := stream{c: c, control: http.NewResponseController(c.Writer), lastID: c.GetHeader("Last-Event-ID")}
	beat := time.NewTicker(h.beat)
	defer beat.Stop()
	for {
		select {
		case <-c.Request.Context().Done():
			return nil
		case <-h.closing:
			return s.write("") // the client comes back, to another process
		case <-beat.C:
			if h.stays != nil && !h.stays(c) {
				return nil // who comes back is told why
			}
			err = s.write(":\n\n")
		case l := <-looks:
			switch {
			case l.err != nil && (!s.begun || fault.Is(l.err, fault.NotFound)):
				return l.err // before the beginning it is a problem, later the stream just ends
			case l.err == nil:
				err = s.show(l.progress)
			}
			if l.err == nil && l.progress.State.Final() {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// stream is one client's.
type stream struct {
	c       *gin.Context
	control *http.ResponseController
	begun   bool
	lastID  string
	last    wire.Progress // what was looked at last; its window aside
}

// show sends a progress, unless the client has it.
func (s *stream) show(p publication.Progress) error {
	body := showProgress(p)
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	id, err := eventID(body)
	if err != nil {
		return err
	}
	news := body
	news.RateWindowSeconds = 0 // it differs from look to look, also while nothing happens
	known := s.last.State == "" && id == s.lastID || reflect.DeepEqual(s.last, news)
	s.last = news
	event := "progress"
	if p.State.Final() {
		if known && !s.begun {
			s.c.Status(http.StatusNoContent)
			s.c.Writer.WriteHeaderNow()
			return nil
		}
		event = "final"
	}
	if known {
		return s.write("")
	}
	return s.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, event, data))
}

// eventID is of what does not change while nothing happens.
func eventID(p wire.Progress) (string, error) {
	p.RatePerSecond, p.RateWindowSeconds, p.ETASeconds = 0, 0, nil
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write progress: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// write begins the stream if it has not begun, and sends text.
func (s *stream) write(text string) error {
	// A stream outlives the server's usual time for an answer, and a client that takes nothing does not keep it.
	if err := s.control.SetWriteDeadline(time.Now().Add(requestTimeout)); err != nil {
		return fmt.Errorf("prepare a stream: %w", err)
	}
	if !s.begun {
		s.begun = true
		s.c.Header("Content-Type", streamType)
		s.c.Header("X-Accel-Buffering", "no") // nginx would wait for more
		text = fmt.Sprintf("retry: %d\n\n", reconnect) + text
	}
	if _, err := s.c.Writer.WriteString(text); err != nil {
		return context.Canceled // the caller left
	}
	s.c.Writer.Flush()
	return nil
}
