package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/tally"
)

// SegmentStore keeps segments, and knows who belongs to them.
type SegmentStore interface {
	TotalSegments(ctx context.Context) (tally.Total, error)
	CreateSegment(ctx context.Context, s segment.Segment) (segment.Segment, error)
	Segment(ctx context.Context, uid ident.UID) (segment.Segment, error)
	UpdateSegment(ctx context.Context, s segment.Segment, check func(version int) error) (segment.Segment, error)
	DeleteSegment(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListSegments(ctx context.Context, after int64, limit int) ([]segment.Segment, error)
	PreviewSegment(ctx context.Context, rule segment.Rule, names []segment.Name, sample int) (segment.Preview, error)
	ExplainSegment(ctx context.Context, rule segment.Rule, names []segment.Name, about ident.UID) ([]segment.Explained, *bool, error)
	RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error
	SnapshotStore
}

type segments struct {
	store SegmentStore
	// taking has room for the snapshots that are taken at once.
	taking chan struct{}
}

func registerSegments(r gin.IRouter, d Deps) {
	h := segments{d.Segments, make(chan struct{}, 1)}
	r.GET("/segments", handle(h.list))
	r.POST("/segments", handle(h.create))
	r.GET("/segments/ready-made", handle(h.readyMade))
	r.POST("/segments/preview", handle(h.previewRule))
	r.POST("/segments/explain", handle(h.explainRule))
	r.GET("/segments/:id", handle(h.get))
	r.PUT("/segments/:id", handle(h.update))
	r.DELETE("/segments/:id", handle(h.delete))
	r.POST("/segments/:id/preview", handle(h.preview))
	r.POST("/segments/:id/explain", handle(h.explain))
	r.GET("/segments/:id/snapshots", handle(h.snapshots))
	r.POST("/segments/:id/snapshots", handle(h.takeSnapshot))
	r.GET("/segment-snapshots/:id", handle(h.snapshot))
	r.DELETE("/segment-snapshots/:id", handle(h.deleteSnapshot))
	r.GET("/segment-snapshots/:id/members", handle(h.members))
	r.GET("/segment-snapshots/:id/changes", handle(h.changes))
}

func showSegment(s segment.Segment) (wire.Segment, error) {
	shown := wire.Segment{ID: s.UID, Slug: s.Slug, Name: s.Name, Description: s.Description, Words: inWords(s.Rule),
		Version: s.Version, CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC()}
	return shown, json.Unmarshal(segment.Encode(s.Rule), &shown.Rule)
}

func inWords(r segment.Rule) string { return "Readers who " + segment.Describe(r) + "." }

func (h segments) list(c *gin.Context) error {
	p, err := readPage(c, "segments")
	if err != nil {
		return err
	}
	rows, err := h.store.ListSegments(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalSegments); err != nil {
		return err
	}
	var failed error
	show := func(s segment.Segment) wire.Segment {
		shown, err := showSegment(s)
		failed = cmp.Or(failed, err)
		return shown
	}
	if err := answerPage(c, "segments", p, rows, func(s segment.Segment) int64 { return int64(s.ID) }, show); err != nil {
		return err
	}
	return failed
}

// segmentOf reads a segment, or takes a ready-made one over.
func segmentOf(in wire.SegmentInput) (segment.Segment, error) {
	if in.ReadyMade == "" {
		var f fault.Fields
		for pointer, text := range map[string]string{"/country": in.Country, "/topic": in.Topic} {
			if text != "" {
				f.Add(pointer, "not_allowed", "goes with ready_made only")
			}
		}
		s, err := segment.New(in.Name, in.Slug, in.Description, segment.Text(in.Rule))
		if err != nil && !fault.Is(err, fault.Invalid) {
			return s, err
		}
		f.Join(err)
		return s, f.Err()
	}
	rule, made, err := adopt(in)
	if err != nil {
		return segment.Segment{}, err
	}
	s, err := segment.New(cmp.Or(in.Name, made.Name), in.Slug, cmp.Or(in.Description, made.Description), rule)
	for i := range s.Names {
		s.Names[i].Pointer = "/topic"
	}
	return s, err
}

// adopt puts what it needs into a ready-made rule.
func adopt(in wire.SegmentInput) ([]byte, segment.ReadyMade, error) {
	made, known := segment.FindReadyMade(in.ReadyMade)
	if !known {
		return nil, made, invalid("/ready_made", "unknown", "is the key of no ready-made segment")
	}
	if in.Rule != nil {
		return nil, made, invalid("/rule", "not_allowed", "cannot come with ready_made")
	}
	given := map[string]string{"topic": in.Topic, "country": in.Country}
	read := map[string]func(string) (string, error){"topic": canonical.Topic, "country": canonical.Country}
	value := ""
	for name, text := range given {
		if name != made.Needs {
			if text != "" {
				return nil, made, invalid("/"+name, "not_allowed", "is not what this ready-made segment needs")
			}
			continue
		}
		var err error
		if value, err = read[name](text); err != nil {
			return nil, made, invalid("/"+name, "format", err.Error())
		}
	}
	return segment.Encode(made.With(value)), made, nil
}

func (h segments) create(c *gin.Context) error {
	s, err := parsed[wire.SegmentInput](c, limitOther, segmentOf)
	if err != nil {
		return err
	}
	if s, err = h.store.CreateSegment(c.Request.Context(), s); err != nil {
		return err
	}
	shown, err := showSegment(s)
	if err != nil {
		return err
	}
	return created(c, s.UID, s.Version, shown)
}

func (h segments) readyMade(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	page := wire.ReadyMadeSegmentPage{Items: []wire.ReadyMadeSegment{}}
	for _, r := range segment.ReadyMades() {
		page.Items = append(page.Items, wire.ReadyMadeSegment{
			Key: r.Key, Name: r.Name, Description: r.Description, Needs: wire.ReadyMadeSegmentNeeds(r.Needs),
		})
	}
	c.PureJSON(http.StatusOK, page)
	return nil
}

func (h segments) find(c *gin.Context) (segment.Segment, error) {
	uid, err := pathID(c)
	if err != nil {
		return segment.Segment{}, err
	}
	return h.store.Segment(c.Request.Context(), uid)
}

func (h segments) get(c *gin.Context) error {
	s, err := h.find(c)
	if err != nil {
		return err
	}
	body, err := showSegment(s)
	if err != nil {
		return err
	}
	return shown(c, s.Version, body)
}

func (h segments) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	s, err := parsed[wire.SegmentChange](c, limitOther, func(in wire.SegmentChange) (segment.Segment, error) {
		return segment.New(in.Name, "any", in.Description, segment.Text(in.Rule))
	})
	if err != nil {
		return err
	}
	s.UID = uid
	if s, err = h.store.UpdateSegment(c.Request.Context(), s, matching(c)); err != nil {
		return err
	}
	body, err := showSegment(s)
	if err != nil {
		return err
	}
	return found(c, s.Version, body)
}

func (h segments) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteSegment(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}

// mask leaves of an address what tells people apart who know them.
func mask(email string) string {
	first, size := utf8.DecodeRuneInString(email)
	_, domain, _ := strings.Cut(email[size:], "@")
	return string(first) + "…@" + domain
}

// mayRead reports whether the caller may look at single subscribers.
func mayRead(ctx context.Context) bool {
	p, known := auth.From(ctx)
	return known && p.Allows(auth.SubscribersRead)
}
