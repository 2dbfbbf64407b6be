package httpapi

import (
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

// requestOf is a body as the request that it stands for, which is kept as it was handed in.
func requestOf(in wire.PublicationInput) publication.Request {
	r := publication.Request{
		Title: in.Title, Type: string(in.PublicationType), Priority: string(in.Priority), Channels: in.Channels, Contents: in.ContentIDs,
		Attachments: in.Attachments, Templates: in.TemplateIDs, Sender: in.SenderID, Brand: in.BrandID, ScheduleAt: in.ScheduleAt, Listed: in.Listed,
		RatePerMinute: in.RatePerMinute, Data: in.Data, Draft: in.Draft, Approval: in.Approval,
	}
	if a := in.Audience; a != nil {
		r.Audience = &publication.AudienceRequest{All: a.All, Topics: a.Topics, Subscribers: a.SubscriberIDs, Exclude: a.ExcludeSubscriberIDs,
			Segments: a.Segments, ExcludeSegments: a.ExcludeSegments, Snapshot: a.Snapshot}
	}
	return r
}

// showRequest is a request as it could be sent again.
func showRequest(r publication.Request) wire.PublicationInput {
	in := wire.PublicationInput{
		Title: r.Title, PublicationType: wire.PublicationType(r.Type), Priority: wire.PublicationInputPriority(r.Priority), Channels: r.Channels,
		ContentIDs: r.Contents, Attachments: r.Attachments, TemplateIDs: r.Templates, SenderID: r.Sender, BrandID: r.Brand, ScheduleAt: r.ScheduleAt,
		Listed: r.Listed, RatePerMinute: r.RatePerMinute, Data: r.Data, Draft: r.Draft, Approval: r.Approval,
	}
	if a := r.Audience; a != nil {
		in.Audience = &wire.AudienceInput{All: a.All, Topics: a.Topics, SubscriberIDs: a.Subscribers, ExcludeSubscriberIDs: a.Exclude,
			Segments: a.Segments, ExcludeSegments: a.ExcludeSegments, Snapshot: a.Snapshot}
	}
	return in
}
