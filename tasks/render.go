package tasks

import (
	"fmt"
	"time"
)

// Render prepares a publication: what is the same for all recipients, per channel and language; then
// it freezes the audience and starts the fan-out. It may be repeated.
type Render struct {
	Version     int   `json:"v"`
	Publication int64 `json:"publication"`
	// Gen is the generation of the nudge: it rises with each, so that a task id is never reused.
	Gen int `json:"gen"`
}

// NewRender makes the payload.
func NewRender(publication int64, gen int) Render {
	return Render{Version: Version, Publication: publication, Gen: gen}
}

// Kind is "render".
func (Render) Kind() Kind { return KindRender }

// ID is "r:<publication>:<gen>".
func (t Render) ID() string { return fmt.Sprintf("r:%d:%d", t.Publication, t.Gen) }

// Queue is critical, render or render-bulk.
func (Render) Queue(lane Lane) string { return byLane(lane, QueueRender, QueueRenderBulk) }

// RenderTimeout bounds one render task: preparing the renditions and expanding a small audience.
const RenderTimeout = time.Minute
