package httpapi

import (
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

type publicationBody struct {
	ID          ident.UID                   `json:"id"`
	Title       string                      `json:"title"`
	Type        publication.Type            `json:"publication_type"`
	Priority    publication.Priority        `json:"priority"`
	State       publication.State           `json:"state"`
	Failure     string                      `json:"failure,omitempty"`
	Channels    []string                    `json:"channels"`
	Audience    publication.AudienceSummary `json:"audience"`
	Contents    []publication.Ref           `json:"contents"`
	Attachments []publication.Attachment    `json:"attachments"`
	Templates   map[string]publication.Ref  `json:"templates"`
	Sender      *ident.UID                  `json:"sender_id"`
	ScheduledAt *time.Time                  `json:"scheduled_at"`
	Listed      bool                        `json:"listed"`
	// RatePerMinute is absent if it has no rate of its own.
	RatePerMinute int `json:"rate_per_minute,omitempty"`
	// Approval is absent if nobody asked for one, ClonedFrom if it is no clone.
	Approval    *publication.Approval `json:"approval,omitempty"`
	ClonedFrom  *ident.UID            `json:"cloned_from,omitempty"`
	CreatedBy   string                `json:"created_by"`
	CreatedAt   time.Time             `json:"created_at"`
	StartedAt   *time.Time            `json:"started_at"`
	CompletedAt *time.Time            `json:"completed_at"`
	UpdatedAt   time.Time             `json:"updated_at"`
	Version     int                   `json:"version"`
}

func showPublication(p publication.Summary) publicationBody {
	body := publicationBody{
		ID: p.UID, Title: p.Title, Type: p.Type, Priority: p.Priority, State: p.State, Failure: p.Failure,
		Channels: make([]string, 0, len(p.Channels)), Audience: p.Audience, Contents: p.Contents, Attachments: p.Attachments, Templates: p.Templates,
		Sender: p.Sender, ScheduledAt: utc(p.ScheduledAt), Listed: p.Listed, RatePerMinute: p.RatePerMinute,
		Approval: p.Approval, ClonedFrom: p.ClonedFrom, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt.UTC(),
		StartedAt: utc(p.StartedAt), CompletedAt: utc(p.CompletedAt), UpdatedAt: p.UpdatedAt.UTC(), Version: p.Version,
	}
	for _, id := range p.Channels {
		body.Channels = append(body.Channels, channelName(id))
	}
	return body
}

// channelName is a channel kind's name; one that this build does not know was stored by a newer one.
func channelName(id int16) string {
	kind, err := channel.KindOf(id)
	if err != nil {
		return "unknown"
	}
	return string(kind)
}

// list is newest first: ?state= and ?publication_type= take several values with commas, ?since= a time, ?approval= the state
// of a review.
func (h publications) list(c *gin.Context) error {
	p, err := readPage(c, "publications", "state", "publication_type", "since", "approval")
	if err != nil {
		return err
	}
	f := publication.Filter{Before: p.After, Limit: p.Limit + 1}
	if f.States, err = readValues(c, "state", publication.States()); err != nil {
		return err
	}
	if f.Types, err = readValues(c, "publication_type", publication.Types()); err != nil {
		return err
	}
	if text, given := c.GetQuery("approval"); given {
		if f.Approval = publication.ApprovalState(text); !slices.Contains(publication.ApprovalStates(), f.Approval) {
			return badQuery("approval", "must be one of %v", publication.ApprovalStates())
		}
	}
	if text, given := c.GetQuery("since"); given {
		if f.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return badQuery("since", "must be an RFC 3339 time")
		}
	}
	rows, err := h.store.Publications(c.Request.Context(), f)
	if err != nil {
		return err
	}
	return answerPage(c, "publications", p, rows, func(s publication.Summary) int64 { return s.ID }, showPublication)
}

// readValues reads values that are separated by commas; nil if the parameter is absent.
func readValues[T ~string](c *gin.Context, name string, known []T) ([]T, error) {
	text, given := c.GetQuery(name)
	if !given {
		return nil, nil
	}
	var values []T
	for value := range strings.SplitSeq(text, ",") {
		if !slices.Contains(known, T(value)) {
			return nil, badQuery(name, "must be some of %v", known)
		}
		values = append(values, T(value))
	}
	return values, nil
}
