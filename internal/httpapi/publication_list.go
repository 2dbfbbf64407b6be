package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/tally"
)

func showPublication(p publication.Summary) wire.Publication {
	body := wire.Publication{
		ID: p.UID, Title: p.Title, PublicationType: wire.PublicationType(p.Type), Priority: wire.PublicationPriority(p.Priority),
		State: wire.PublicationState(p.State), Failure: p.Failure, Channels: make([]wire.ChannelKindSeen, 0, len(p.Channels)),
		Audience: wire.Audience(p.Audience), Contents: showEach(p.Contents, showPin), Attachments: showEach(p.Attachments, showAttachment),
		Templates: showPins(p.Templates), SenderID: p.Sender, BrandID: p.Brand, ScheduledAt: utc(p.ScheduledAt), Listed: p.Listed, RatePerMinute: p.RatePerMinute,
		Approval: showApproval(p.Approval), ClonedFrom: orZero(p.ClonedFrom), CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt.UTC(),
		StartedAt: utc(p.StartedAt), CompletedAt: utc(p.CompletedAt), UpdatedAt: p.UpdatedAt.UTC(), Version: p.Version,
	}
	if p.ByLocalTime && p.ScheduledAt != nil {
		local := strings.TrimSuffix(publication.ShowLocal(*p.ScheduledAt), publication.LocalSuffix)
		body.LocalTime = &local
	}
	for _, id := range p.Channels {
		body.Channels = append(body.Channels, channelName(id))
	}
	return body
}

func showPin(r publication.Ref) wire.Pin { return wire.Pin{ID: r.UID, Version: r.Version} }

// showPins is nil for nil.
func showPins(refs map[string]publication.Ref) map[string]wire.Pin {
	if refs == nil {
		return nil
	}
	pins := make(map[string]wire.Pin, len(refs))
	for kind, ref := range refs {
		pins[kind] = showPin(ref)
	}
	return pins
}

func showAttachment(a publication.Attachment) wire.Attachment {
	return wire.Attachment{ID: a.UID, Name: a.Name, MediaType: a.MediaType, Size: a.Size}
}

// showApproval is zero, which is left out, if nobody asked for one.
func showApproval(a *publication.Approval) wire.Approval {
	if a == nil {
		return wire.Approval{}
	}
	return wire.Approval{State: wire.ApprovalState(a.State), RequestedBy: a.RequestedBy, RequestedAt: a.RequestedAt.UTC(), DecidedBy: a.DecidedBy,
		DecidedAt: orZero(a.DecidedAt).UTC(), Version: a.Version, Reason: a.Reason}
}

// channelName is a channel kind's name; one that this build does not know was stored by a newer one.
func channelName(id int16) wire.ChannelKindSeen {
	kind, err := channel.KindOf(id)
	if err != nil {
		return wire.ChannelKindSeenUnknown
	}
	return wire.ChannelKindSeen(kind)
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
	q := queryReader{c: c}
	if since := q.time("since"); since != nil {
		f.Since = *since
	}
	if q.err != nil {
		return q.err
	}
	rows, err := h.store.Publications(c.Request.Context(), f)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalPublications(ctx, f) }); err != nil {
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
