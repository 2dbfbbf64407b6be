package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
	"github.com/presswork/presswork/tasks"
)

// DeadLetterStore keeps the deliveries that failed for good, and replays them.
type DeadLetterStore interface {
	TotalDeadLetters(ctx context.Context, f delivery.DeadFilter) (tally.Total, error)
	TotalReplays(ctx context.Context) (tally.Total, error)
	DeadLetters(ctx context.Context, f delivery.DeadFilter, before int64, limit int) ([]delivery.Letter, error)
	DeadLetter(ctx context.Context, id int64) (delivery.Letter, []delivery.Reopening, error)
	DeadGroups(ctx context.Context, f delivery.DeadFilter, limit int) ([]delivery.LetterGroup, error)
	DeleteDeadLetters(ctx context.Context, f delivery.DeadFilter) (int64, error)

	CountDeadLetters(ctx context.Context, f delivery.DeadFilter) (int64, error)
	CreateDeadReplay(ctx context.Context, o delivery.ReplayOrder) (delivery.Replay, error)
	DeadReplay(ctx context.Context, uid ident.UID) (delivery.Replay, error)
	DeadReplays(ctx context.Context, before int64, limit int) ([]delivery.Replay, error)
	CancelDeadReplay(ctx context.Context, uid ident.UID) (delivery.Replay, error)
}

type deadLetters struct{ store DeadLetterStore }

func registerDeadLetters(r gin.IRouter, d Deps) {
	h := deadLetters{d.DeadLetters}
	r.GET("/dead-letters", handle(h.list))
	r.GET("/dead-letters/groups", handle(h.groups))
	r.GET("/dead-letters/:id", handle(h.get))
	r.DELETE("/dead-letters", handle(h.deleteMany))
	r.DELETE("/dead-letters/:id", handle(h.delete))
}

func showDeadLetter(l delivery.Letter) wire.DeadLetter {
	body := wire.DeadLetter{
		ID: l.ID, PublicationID: l.Publication, Channel: channelName(l.Channel), Queue: queueName(l.Channel, l.Lane),
		RecipientID: optionalID(l.Recipient), Attempts: int(l.Attempts), Kind: l.Kind, Code: l.Code, Error: l.Error,
		Fingerprint: l.Fingerprint, FailedAt: l.FailedAt.UTC(), ReplayedAt: utc(l.ReplayedAt),
	}
	if l.ReplayedAt != nil {
		body.ReplayedBy = l.ReplayedBy
	}
	return body
}

// queueName is where batches of a channel and lane wait; empty for a kind that this build does not know.
func queueName(channelID, lane int16) string {
	args, err := tasks.NewSend(string(channelName(channelID)), 0, 0)
	if err != nil {
		return ""
	}
	return args.Queue(tasks.Lane(lane))
}

// list is newest first.
func (h deadLetters) list(c *gin.Context) error {
	p, err := readPage(c, "dead letters", deadFilterNames()...)
	if err != nil {
		return err
	}
	f, err := deadFilterOf(c)
	if err != nil {
		return err
	}
	rows, err := h.store.DeadLetters(c.Request.Context(), f, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalDeadLetters(ctx, f) }); err != nil {
		return err
	}
	return answerPage(c, "dead letters", p, rows, func(l delivery.Letter) int64 { return l.ID }, showDeadLetter)
}

// groups counts by cause, the most frequent first.
func (h deadLetters) groups(c *gin.Context) error {
	return answerCounts(c, readDeadFilter, h.store.DeadGroups, func(g delivery.LetterGroup) wire.DeadLetterGroup {
		return wire.DeadLetterGroup{Fingerprint: g.Fingerprint, Channel: channelName(g.Channel), Kind: g.Kind, Code: g.Code,
			Error: g.Error, Count: g.Count, Publications: g.Publications, FirstFailedAt: g.First.UTC(), LastFailedAt: g.Last.UTC(), NewestID: g.Newest}
	})
}

func (h deadLetters) get(c *gin.Context) error {
	id, err := letterID(c)
	if err != nil {
		return err
	}
	letter, history, err := h.store.DeadLetter(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return shownWhole(c, showDeadHistory(showDeadLetter(letter), history))
}

func showDeadHistory(l wire.DeadLetter, history []delivery.Reopening) wire.DeadLetterHistory {
	body := wire.DeadLetterHistory{
		ID: l.ID, PublicationID: l.PublicationID, Channel: l.Channel, Queue: l.Queue, RecipientID: l.RecipientID, Attempts: l.Attempts,
		Kind: l.Kind, Code: l.Code, Error: l.Error, Fingerprint: l.Fingerprint, FailedAt: l.FailedAt, ReplayedAt: l.ReplayedAt,
		ReplayedBy: l.ReplayedBy, Replays: make([]wire.Reopening, 0, len(history)),
	}
	for _, r := range history {
		body.Replays = append(body.Replays, wire.Reopening{At: r.At.UTC(), By: r.By, Was: wire.DeliveryState(r.Was.String()),
			Reason: r.Reason.String(), Attempts: int(r.Attempts), Fingerprint: r.Fingerprint, ReplayID: orZero(r.Replay)})
	}
	return body
}

func letterID(c *gin.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, "not_found", "There is no such dead letter.")
	}
	return id, nil
}

// delete removes one: its recipient stays failed. It may be repeated.
func (h deadLetters) delete(c *gin.Context) error {
	id, err := letterID(c)
	if err != nil {
		return err
	}
	if _, err := h.store.DeleteDeadLetters(c.Request.Context(), delivery.DeadFilter{IDs: []int64{id}, Replayed: true}); err != nil {
		return err
	}
	return gone(c)
}

// deleteMany removes those of a filter that restricts something, and answers how many.
func (h deadLetters) deleteMany(c *gin.Context) error {
	f, err := readDeadFilter(c)
	if err != nil {
		return err
	}
	n, err := h.store.DeleteDeadLetters(c.Request.Context(), f)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.Deleted{Deleted: n})
	return nil
}

func deadFilterNames() []string {
	return []string{"publication_id", "channel", "queue", "fingerprint", "code", "since", "until", "replayed"}
}

// readDeadFilter reads a filter of a query that has nothing else.
func readDeadFilter(c *gin.Context) (delivery.DeadFilter, error) {
	if err := knownQuery(c, deadFilterNames()...); err != nil {
		return delivery.DeadFilter{}, err
	}
	return deadFilterOf(c)
}

func deadFilterOf(c *gin.Context) (delivery.DeadFilter, error) {
	q := queryReader{c: c}
	f := delivery.DeadFilter{
		Publication: q.id("publication_id"), Channel: q.text("channel"), Queue: q.text("queue"), Fingerprint: q.text("fingerprint"),
		Code: q.text("code"), Since: q.time("since"), Until: q.time("until"),
	}
	switch q.text("replayed") {
	case "", "false":
	case "true":
		f.Replayed = true
	default:
		q.refuse(badQuery("replayed", "must be true or false"))
	}
	var fields fault.Fields
	checkDeadFilter(&fields, "", f)
	for _, wrong := range fields.List() {
		q.refuse(badQuery(wrong.Pointer[1:], "%s", wrong.Detail))
	}
	return f, q.err
}

// checkDeadFilter notes what is wrong with a filter that is at a pointer.
func checkDeadFilter(fields *fault.Fields, at string, f delivery.DeadFilter) {
	if f.Channel != "" {
		if _, err := channel.ParseKind(f.Channel); err != nil {
			fields.Add(at+"/channel", "unknown_channel", "must be one of %v", channel.Kinds())
		}
	}
	if f.Queue != "" {
		if _, known := tasks.Queues()[f.Queue]; !known {
			fields.Add(at+"/queue", "unknown_queue", "must be the name of a queue")
		}
	}
	const most = 200 // more than any has
	if len(f.Fingerprint) > most {
		fields.Add(at+"/fingerprint", "too_long", "must have at most %d bytes", most)
	}
	if len(f.Code) > most {
		fields.Add(at+"/code", "too_long", "must have at most %d bytes", most)
	}
	if len(f.IDs) > 1000 {
		fields.Add(at+"/ids", "too_many", "must be at most 1000")
	}
}
