package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/tasks"
)

// DeadLetterStore keeps the deliveries that failed for good, and replays them.
type DeadLetterStore interface {
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

type deadLetterBody struct {
	ID            int64     `json:"id"`
	PublicationID ident.UID `json:"publication_id"`
	Channel       string    `json:"channel"`
	Queue         string    `json:"queue"`
	// RecipientID is a subscriber's or a channel's; null if it is gone.
	RecipientID *ident.UID `json:"recipient_id"`
	Attempts    int16      `json:"attempts"`
	Kind        string     `json:"kind"`
	Code        string     `json:"code"`
	Error       string     `json:"error"`
	Fingerprint string     `json:"fingerprint"`
	FailedAt    time.Time  `json:"failed_at"`
	ReplayedAt  *time.Time `json:"replayed_at"`
	ReplayedBy  string     `json:"replayed_by,omitempty"`
}

type deadLetterHistory struct {
	deadLetterBody
	Replays []reopeningBody `json:"replays"`
}

type reopeningBody struct {
	At          time.Time  `json:"at"`
	By          string     `json:"by"`
	Was         string     `json:"was"`
	Reason      string     `json:"reason"`
	Attempts    int16      `json:"attempts"`
	Fingerprint string     `json:"fingerprint,omitempty"`
	ReplayID    *ident.UID `json:"replay_id,omitempty"`
}

type deadGroupBody struct {
	Fingerprint  string    `json:"fingerprint"`
	Channel      string    `json:"channel"`
	Kind         string    `json:"kind"`
	Code         string    `json:"code"`
	Error        string    `json:"error"`
	Count        int64     `json:"count"`
	Publications int64     `json:"publications"`
	First        time.Time `json:"first_failed_at"`
	Last         time.Time `json:"last_failed_at"`
	Newest       int64     `json:"newest_id"`
}

func showDeadLetter(l delivery.Letter) deadLetterBody {
	body := deadLetterBody{
		ID: l.ID, PublicationID: l.Publication, Channel: channelName(l.Channel), Queue: queueName(l.Channel, l.Lane),
		RecipientID: optionalID(l.Recipient), Attempts: l.Attempts, Kind: l.Kind, Code: l.Code, Error: l.Error,
		Fingerprint: l.Fingerprint, FailedAt: l.FailedAt.UTC(), ReplayedAt: utc(l.ReplayedAt),
	}
	if l.ReplayedAt != nil {
		body.ReplayedBy = l.ReplayedBy
	}
	return body
}

// queueName is where batches of a channel and lane wait; empty for a kind that this build does not know.
func queueName(channelID, lane int16) string {
	args, err := tasks.NewSend(channelName(channelID), 0, 0)
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
	return answerPage(c, "dead letters", p, rows, func(l delivery.Letter) int64 { return l.ID }, showDeadLetter)
}

// groups counts by cause, the most frequent first.
func (h deadLetters) groups(c *gin.Context) error {
	return answerCounts(c, readDeadFilter, h.store.DeadGroups, func(g delivery.LetterGroup) deadGroupBody {
		return deadGroupBody{Fingerprint: g.Fingerprint, Channel: channelName(g.Channel), Kind: g.Kind, Code: g.Code,
			Error: g.Error, Count: g.Count, Publications: g.Publications, First: g.First.UTC(), Last: g.Last.UTC(), Newest: g.Newest}
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
	body := deadLetterHistory{deadLetterBody: showDeadLetter(letter), Replays: make([]reopeningBody, 0, len(history))}
	for _, r := range history {
		body.Replays = append(body.Replays, reopeningBody{At: r.At.UTC(), By: r.By, Was: r.Was.String(), Reason: r.Reason.String(),
			Attempts: r.Attempts, Fingerprint: r.Fingerprint, ReplayID: r.Replay})
	}
	c.PureJSON(http.StatusOK, body)
	return nil
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
	c.PureJSON(http.StatusOK, gin.H{"deleted": n})
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
