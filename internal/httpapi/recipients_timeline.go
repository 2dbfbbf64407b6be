package httpapi

import (
	"math"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

func showTimeline(publicationID ident.UID, t delivery.Timeline, e explainer) wire.Timeline {
	body := wire.Timeline{PublicationID: publicationID, RecipientID: t.UID, Kind: wire.TimelineKindPlace, Deliveries: []wire.RecipientDelivery{}}
	if t.Personal {
		body.Kind = wire.TimelineKindSubscriber
	}
	if t.Absence != "" {
		absence := wire.TimelineNotARecipient(t.Absence)
		body.NotARecipient = &absence
	}
	for _, a := range t.Deliveries {
		body.Deliveries = append(body.Deliveries, showAccount(a, e))
	}
	return body
}

func showAccount(a delivery.Account, e explainer) wire.RecipientDelivery {
	body := wire.RecipientDelivery{Channel: channelName(a.Channel), State: wire.RecipientDeliveryState(a.State.String()), Reason: reasonCode(a.Reason),
		AttemptsUsed: int(a.Used), SettledAt: utc(a.SettledAt), Until: utc(a.Until), Choice: e.explain(a), DigestID: optionalID(a.Digest), Attempts: []wire.Attempt{}, Events: []wire.RecipientEvent{}}
	if a.Sending {
		body.State = wire.RecipientDeliveryStateSending
	}
	for _, tried := range a.Story() {
		body.Attempts = append(body.Attempts, wire.Attempt{Number: int(tried.Number), By: tried.By, At: tried.At.UTC(), Outcome: outcomeOf(tried),
			Reason: reasonCode(tried.Reason), Late: tried.Late, ErrorKind: tried.Cause.Kind, ErrorCode: tried.Cause.Code,
			Error: tried.Cause.Error, ChannelID: optionalID(tried.Outlet), ChannelName: tried.OutletName})
	}
	for _, happened := range a.Events {
		event := wire.RecipientEvent{Kind: wire.RecipientEventKind(analytics.Kind(happened.Kind).String()), At: happened.At.UTC()}
		if happened.Link != analytics.NoLink {
			event.Link = &wire.RecipientLink{Number: int(happened.Link), URL: happened.URL}
		}
		body.Events = append(body.Events, event)
	}
	return body
}

// outcomeOf is the state that an attempt left the recipient in; one that is tried again is a failure.
func outcomeOf(a delivery.Attempt) wire.AttemptOutcome {
	switch {
	case a.Number == 0 && a.State == delivery.Deferred:
		return wire.AttemptOutcomeDeferred
	case a.Number == 0:
		return wire.AttemptOutcomeReopened
	case a.State == delivery.Pending:
		return wire.AttemptOutcomeRetry
	default:
		return wire.AttemptOutcome(a.State.String())
	}
}

// explainer says why a reader got what was chosen.
type explainer struct {
	items   []content.Item
	chooser *content.Chooser // nil: the items are not all there
	reader  delivery.Reader
	digest  bool // of what was held back: nothing was chosen
}

func newExplainer(items []content.Item, t delivery.Timeline) explainer {
	chooser, err := content.NewChooser(items)
	if err != nil || t.Gathered {
		chooser = nil
	}
	return explainer{items, chooser, t.Reader, t.Gathered}
}

// unpack is what a reader gets, and how much of it is shown.
func (e explainer) unpack(a delivery.Account) (chosen []int, shown int, err error) {
	if e.digest {
		chosen, err = content.DecodeGathered(a.Choice)
		return chosen, len(chosen), err
	}
	if kind, err := channel.KindOf(a.Channel); err == nil {
		shown = kind.MaxItems()
	}
	chosen, err = content.DecodeChoice(a.Choice)
	return chosen, shown, err
}

func (e explainer) explain(a delivery.Account) *wire.Choice {
	chosen, shown, err := e.unpack(a)
	if a.Choice == nil || err != nil {
		return nil
	}
	body := wire.Choice{Basis: wire.ChoiceBasisUnknown, Items: []wire.ChosenContent{}}
	choices := make([]content.Choice, len(chosen))
	for i, index := range chosen {
		choices[i].Index = index
	}
	if e.digest {
		body.Basis = wire.ChoiceBasisDigest
	} else if e.chooser != nil {
		profile := content.Profile{Topics: e.reader.Topics, Language: e.reader.Language}
		again, basis, err := e.chooser.Explain(profile, e.reader.Kept, chosen, channel.Newsletter.MaxItems())
		if err == nil {
			choices, body.Basis = again, wire.ChoiceBasis(basis)
		}
	}
	for i, choice := range choices {
		item := wire.ChosenContent{Number: choice.Index + 1, Score: math.Round(choice.Score*1000) / 1000, Reasons: choice.Reasons.Codes(),
			InMessage: i < shown}
		if item.Reasons == nil {
			item.Reasons = []string{}
		}
		if choice.Index < len(e.items) {
			of := e.items[choice.Index]
			item.ContentID, item.Version, item.Title = &of.UID, of.Version, of.Title
		}
		body.Items = append(body.Items, item)
	}
	return &body
}
