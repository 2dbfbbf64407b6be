package httpapi

import (
	"math"
	"time"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

type timelineBody struct {
	Publication ident.UID `json:"publication_id"`
	Recipient   ident.UID `json:"recipient_id"`
	// Kind is subscriber or place.
	Kind       string         `json:"kind"`
	Deliveries []deliveryBody `json:"deliveries"`
	// Absence is why there are no deliveries, null if there are some.
	Absence *delivery.Absence `json:"not_a_recipient"`
}

type deliveryBody struct {
	Channel   string     `json:"channel"`
	State     string     `json:"state"`
	Reason    *string    `json:"reason"`
	Used      int16      `json:"attempts_used"`
	SettledAt *time.Time `json:"settled_at"`
	// Choice is null for a place: it gets everything.
	Choice   *choiceBody   `json:"choice"`
	Attempts []attemptBody `json:"attempts"`
	Events   []eventBody   `json:"events"`
}

type choiceBody struct {
	// Basis is exact, alike or changed (see content.Basis), or unknown: a chosen item is no more.
	Basis string       `json:"basis"`
	Items []chosenBody `json:"items"`
}

type chosenBody struct {
	// Number counts the publication's items from 1, in the order of the request.
	Number int `json:"number"`
	// Content and Version say which item it is; null and 0 if it is no more.
	Content *string  `json:"content_id"`
	Version int      `json:"version"`
	Title   string   `json:"title"`
	Score   float64  `json:"score"`
	Reasons []string `json:"reasons"`
	// Sent is false for what was chosen and is more than a message of this channel carries.
	Sent bool `json:"in_message"`
}

type attemptBody struct {
	// Number is from 1. What is no attempt has 0: the recipient was made owed again, by By.
	Number int16  `json:"number"`
	By     string `json:"by,omitempty"`
	// At is when the outcome was stored, some milliseconds after the call.
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
	Reason  *string   `json:"reason"`
	// Late: it became known after the process had lost its session.
	Late       bool       `json:"late"`
	ErrorKind  string     `json:"error_kind,omitempty"`
	ErrorCode  string     `json:"error_code,omitempty"`
	Error      string     `json:"error,omitempty"`
	Outlet     *ident.UID `json:"channel_id"`
	OutletName string     `json:"channel_name,omitempty"`
}

type eventBody struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	Link *linkBody `json:"link"`
}

type linkBody struct {
	Number int16  `json:"number"`
	URL    string `json:"url"`
}

func showTimeline(publicationID ident.UID, t delivery.Timeline, e explainer) timelineBody {
	body := timelineBody{Publication: publicationID, Recipient: t.UID, Kind: "place", Deliveries: []deliveryBody{}}
	if t.Personal {
		body.Kind = "subscriber"
	}
	if t.Absence != "" {
		body.Absence = &t.Absence
	}
	for _, a := range t.Deliveries {
		body.Deliveries = append(body.Deliveries, showAccount(a, e))
	}
	return body
}

func showAccount(a delivery.Account, e explainer) deliveryBody {
	body := deliveryBody{Channel: channelName(a.Channel), State: a.State.String(), Reason: reasonCode(a.Reason), Used: a.Used,
		SettledAt: utc(a.SettledAt), Choice: e.explain(a), Attempts: []attemptBody{}, Events: []eventBody{}}
	if a.Sending {
		body.State = "sending"
	}
	for _, tried := range a.Story() {
		body.Attempts = append(body.Attempts, attemptBody{Number: tried.Number, By: tried.By, At: tried.At.UTC(), Outcome: outcomeOf(tried),
			Reason: reasonCode(tried.Reason), Late: tried.Late, ErrorKind: tried.Cause.Kind, ErrorCode: tried.Cause.Code,
			Error: tried.Cause.Error, Outlet: optionalID(tried.Outlet), OutletName: tried.OutletName})
	}
	for _, happened := range a.Events {
		event := eventBody{Kind: analytics.Kind(happened.Kind).String(), At: happened.At.UTC()}
		if happened.Link != analytics.NoLink {
			event.Link = &linkBody{happened.Link, happened.URL}
		}
		body.Events = append(body.Events, event)
	}
	return body
}

// outcomeOf is the state that an attempt left the recipient in; one that is tried again is a failure.
func outcomeOf(a delivery.Attempt) string {
	switch {
	case a.Number == 0:
		return "reopened"
	case a.State == delivery.Pending:
		return "retry"
	default:
		return a.State.String()
	}
}

// explainer says why a reader got what was chosen.
type explainer struct {
	items   []content.Item
	chooser *content.Chooser // nil: the items are not all there
	reader  delivery.Reader
}

func newExplainer(items []content.Item, reader delivery.Reader) explainer {
	chooser, err := content.NewChooser(items)
	if err != nil {
		chooser = nil
	}
	return explainer{items, chooser, reader}
}

func (e explainer) explain(a delivery.Account) *choiceBody {
	chosen, err := content.DecodeChoice(a.Choice)
	if a.Choice == nil || err != nil {
		return nil
	}
	body := choiceBody{Basis: "unknown", Items: []chosenBody{}}
	choices := make([]content.Choice, len(chosen))
	for i, index := range chosen {
		choices[i].Index = index
	}
	if e.chooser != nil {
		profile := content.Profile{Topics: e.reader.Topics, Language: e.reader.Language}
		again, basis, err := e.chooser.Explain(profile, e.reader.Kept, chosen, channel.Newsletter.MaxItems())
		if err == nil {
			choices, body.Basis = again, string(basis)
		}
	}
	kind, err := channel.KindOf(a.Channel)
	for i, choice := range choices {
		item := chosenBody{Number: choice.Index + 1, Score: math.Round(choice.Score*1000) / 1000, Reasons: choice.Reasons.Codes(),
			Sent: err == nil && i < kind.MaxItems()}
		if item.Reasons == nil {
			item.Reasons = []string{}
		}
		if choice.Index < len(e.items) {
			of := e.items[choice.Index]
			item.Content, item.Version, item.Title = &of.UID, of.Version, of.Title
		}
		body.Items = append(body.Items, item)
	}
	return &body
}
