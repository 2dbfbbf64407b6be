package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/tally"
)

// PublicationStore keeps publications.
type PublicationStore interface {
	TotalVersions(ctx context.Context, uid ident.UID) (tally.Total, error)
	TotalPublications(ctx context.Context, f publication.Filter) (tally.Total, error)
	PublicationBulkStore
	ResolveOrder(ctx context.Context, o publication.Order) (publication.Resolved, error)
	Replay(ctx context.Context, s publication.Submission) (publication.Accepted, error)
	Publication(ctx context.Context, uid ident.UID) (publication.Summary, error)
	Publications(ctx context.Context, f publication.Filter) ([]publication.Summary, error)
	PausePublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error)
	ResumePublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error)
	CancelPublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error)

	StorePublication(ctx context.Context, s publication.Submission) (publication.Accepted, error)
	PublicationNow(ctx context.Context, uid ident.UID) (v publication.Version, number int, err error)
	PublicationVersion(ctx context.Context, uid ident.UID, number int) (publication.Version, error)
	PublicationVersions(ctx context.Context, uid ident.UID, page publication.Versions) ([]publication.Version, error)
	ChangePublication(ctx context.Context, uid ident.UID, check func(version int) error, c publication.Change) (publication.Summary, error)
	DecidePublication(ctx context.Context, uid ident.UID, check func(version int) error, v publication.Verdict) (publication.Summary, error)
	DeletePublication(ctx context.Context, uid ident.UID, check func(version int) error) error
	CountAudience(ctx context.Context, a publication.Audience, limit int) (int, error)
	Census(ctx context.Context, r publication.Resolved) (publication.Census, error)
}

// PublicationAcceptor stores a publication so that it survives whatever happens next.
type PublicationAcceptor interface {
	Accept(ctx context.Context, s publication.Submission) (publication.Accepted, error)
}

type publications struct {
	store     PublicationStore
	acceptor  PublicationAcceptor
	variables variables
	words     publication.Vocabulary
	// approvalOver is the audience from which somebody else has to approve; 0: none.
	approvalOver int
	poke         func()       // nil: the relay finds what is to be brought to the queue
	rates        SendingRates // nil: not known
}

func registerPublications(r gin.IRouter, d Deps) {
	h := publications{
		store: d.Publications, acceptor: d.Acceptor, variables: newVariables(d.Templates, d.Engine),
		words:        publication.Vocabulary{Channels: channelWords(), Topic: canonical.Topic},
		approvalOver: d.ApprovalOver, poke: d.Poke, rates: d.SendingRates,
	}
	r.GET("/publications", handle(h.list))
	r.POST("/publications", handle(h.create))
	r.GET("/publications/:id", handle(h.get))
	r.POST("/publications/:id/pause", handle(h.pause))
	r.POST("/publications/:id/resume", handle(h.resume))
	r.POST("/publications/:id/cancel", handle(h.cancel))
	r.PUT("/publications/:id", handle(h.update))
	r.DELETE("/publications/:id", handle(h.remove))
	r.POST("/publications/:id/publish", handle(h.publish))
	r.POST("/publications/:id/clone", handle(h.clone))
	r.GET("/publications/:id/versions", handle(h.versions))
	r.GET("/publications/:id/versions/:version", handle(h.version))
	r.GET("/publications/:id/versions/:version/diff", handle(h.diff))
	r.POST("/publications/:id/rollback", handle(h.rollback))
	r.POST("/publications/:id/approve", handle(h.approve))
	r.POST("/publications/:id/reject", handle(h.reject))
	h.registerBulk(r, d)
}

// channelWords is every channel kind as a request may name it.
func channelWords() []publication.Channel {
	var list []publication.Channel
	for _, kind := range channel.Kinds() {
		list = append(list, publication.Channel{Name: string(kind), ID: kind.ID(), Personal: kind.Personal()})
	}
	return list
}

// create answers 202: the publication is stored, and is on its way, waits for its time, or is a draft. With ?dry_run=true it
// answers 200 with what would be, and stores nothing.
func (h publications) create(c *gin.Context) error {
	dry, err := dryRun(c)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	body, err := decode[wire.PublicationInput](c, limitPublication, h.meaning)
	if err != nil {
		return err
	}
	in := requestOf(body)
	if dry {
		return h.foresee(c, in)
	}
	digest, err := in.Digest()
	if err != nil {
		return err
	}
	accepted, err := h.accept(c.Request.Context(), in, publication.Submission{Key: key, Digest: digest})
	if err != nil {
		return err
	}
	return answerAccepted(c, strings.TrimSuffix(c.Request.URL.Path, "/")+"/", accepted)
}

// answerAccepted answers 202 with what was stored, below the path of the list.
func answerAccepted(c *gin.Context, list string, accepted publication.Accepted) error {
	if accepted.Replay {
		c.Header("Idempotent-Replay", "true")
	}
	c.Header("Location", list+accepted.UID.String())
	c.PureJSON(http.StatusAccepted, wire.Accepted{ // nothing that changes: a repeated request gets the same bytes
		ID: accepted.UID, State: wire.AcceptedState(accepted.State()), CreatedAt: accepted.CreatedAt.UTC(), ScheduledAt: utc(accepted.ScheduledAt),
	})
	return nil
}

// accept checks and stores what a request asks for. One that was accepted before is answered as then, though it would be
// refused now: its time may have come, or what it names may be gone.
func (h publications) accept(ctx context.Context, in publication.Request, s publication.Submission) (publication.Accepted, error) {
	var err error
	if s.Resolved, s.Review, err = h.resolve(ctx, in); err == nil {
		return h.submit(ctx, s)
	}
	if !fault.Is(err, fault.Invalid) {
		return publication.Accepted{}, err
	}
	return h.earlier(ctx, s, err)
}

// earlier is what an earlier request with the key of s was answered, or refused if there was none.
func (h publications) earlier(ctx context.Context, s publication.Submission, refused error) (publication.Accepted, error) {
	if s.Key == "" {
		return publication.Accepted{}, refused
	}
	accepted, err := h.store.Replay(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return publication.Accepted{}, refused
	}
	return accepted, err
}

func (h publications) submit(ctx context.Context, s publication.Submission) (publication.Accepted, error) {
	if s.Plain() {
		return h.acceptor.Accept(ctx, s)
	}
	accepted, err := h.store.StorePublication(ctx, s)
	if err == nil {
		h.nudged(accepted.State())
	}
	return accepted, err
}

func (h publications) parse(in publication.Request) (publication.Order, error) {
	return in.Parse(time.Now(), h.words)
}

func (h publications) meaning(in wire.PublicationInput) error {
	_, err := h.parse(requestOf(in))
	return err
}

// resolve also says whether somebody else has to approve what was resolved.
func (h publications) resolve(ctx context.Context, in publication.Request) (publication.Resolved, bool, error) {
	order, err := h.parse(in)
	if err != nil {
		return publication.Resolved{}, false, err
	}
	resolved, err := h.store.ResolveOrder(ctx, order)
	if err != nil {
		return publication.Resolved{}, false, err
	}
	if err := h.variables.check(ctx, resolved); err != nil {
		return publication.Resolved{}, false, err
	}
	review, err := h.review(ctx, resolved)
	return resolved, review, err
}

// maxIdempotencyKey is twice what a UUID with a prefix takes.
const maxIdempotencyKey = 128

// idempotencyKey reads the header: 1 to 128 visible ASCII characters; absent is fine. Empty is not: a variable that a script
// forgot to set must not have everything done twice.
func idempotencyKey(c *gin.Context) (string, error) {
	given := c.Request.Header.Values("Idempotency-Key")
	if len(given) == 0 {
		return "", nil
	}
	bad := func(r rune) bool { return r < '!' || r > '~' }
	if key := given[0]; len(given) == 1 && key != "" && len(key) <= maxIdempotencyKey && !strings.ContainsFunc(key, bad) {
		return key, nil
	}
	return "", fault.New(fault.Malformed, "invalid_idempotency_key", "Idempotency-Key must be 1 to 128 visible ASCII characters, given once.")
}

func (h publications) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := h.store.Publication(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, p.Version, showPublication(p))
}

func (h publications) pause(c *gin.Context) error  { return control(c, h.store.PausePublication) }
func (h publications) resume(c *gin.Context) error { return control(c, h.store.ResumePublication) }
func (h publications) cancel(c *gin.Context) error { return control(c, h.store.CancelPublication) }

// control answers 202 with the publication as the request left it: pausing and cancelling take effect within
// a second. Repeating the request changes nothing. With If-Match it is for that version only.
func control(c *gin.Context, do func(context.Context, ident.UID, func(version int) error) (publication.Summary, error)) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := do(c.Request.Context(), uid, matching(c))
	if err != nil {
		return err
	}
	setETag(c, p.Version)
	c.PureJSON(http.StatusAccepted, showPublication(p))
	return nil
}
