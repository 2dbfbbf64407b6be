package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Recipient is one delivery of a publication.
type Recipient struct {
	// ID is the subscriber's or the place's; nil once that is no more.
	ID        *string    `json:"recipient_id"`
	Channel   string     `json:"channel"`
	State     string     `json:"state"`
	Reason    *string    `json:"reason"`
	Attempts  int        `json:"attempts_used"`
	SettledAt *time.Time `json:"settled_at"`
}

// Timeline is what became of one recipient of a publication, and why.
type Timeline struct {
	Publication string     `json:"publication_id"`
	Recipient   string     `json:"recipient_id"`
	Kind        string     `json:"kind"` // subscriber or place
	Deliveries  []Delivery `json:"deliveries"`
	// Absence is why there are none.
	Absence *string `json:"not_a_recipient"`
}

// Delivery is a recipient's on one channel.
type Delivery struct {
	Channel   string     `json:"channel"`
	State     string     `json:"state"`
	Reason    *string    `json:"reason"`
	Used      int        `json:"attempts_used"`
	SettledAt *time.Time `json:"settled_at"`
	Choice    *Choice    `json:"choice"`
	Attempts  []Attempt  `json:"attempts"`
	Events    []Event    `json:"events"`
}

// Choice is the contents that were chosen for a reader, best first.
type Choice struct {
	Basis string `json:"basis"` // exact, alike, changed or unknown
	Items []struct {
		Number    int      `json:"number"`
		ContentID *string  `json:"content_id"`
		Version   int      `json:"version"`
		Title     string   `json:"title"`
		Score     float64  `json:"score"`
		Reasons   []string `json:"reasons"`
		InMessage bool     `json:"in_message"`
	} `json:"items"`
}

// Attempt is a call to a provider; with Number 0 the recipient was made owed again.
type Attempt struct {
	Number      int       `json:"number"`
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at"`
	Outcome     string    `json:"outcome"`
	Reason      *string   `json:"reason"`
	Late        bool      `json:"late"`
	ErrorKind   string    `json:"error_kind,omitempty"`
	ErrorCode   string    `json:"error_code,omitempty"`
	Error       string    `json:"error,omitempty"`
	ChannelID   *string   `json:"channel_id"`
	ChannelName string    `json:"channel_name,omitempty"`
}

// Event is something that the recipient did, or that a provider told.
type Event struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	Link *struct {
		Number int    `json:"number"`
		URL    string `json:"url"`
	} `json:"link"`
}

// Recipients lists a publication's deliveries, in parts; query may have state, reason and channel. show is given each part.
func (c *Client) Recipients(ctx context.Context, id string, query url.Values, show func([]Recipient) error) error {
	values := url.Values{"limit": {"200"}}
	for name, v := range query {
		values[name] = v
	}
	for {
		var p page[Recipient]
		if err := c.Call(ctx, http.MethodGet, publicationPath(id)+"/recipients?"+values.Encode(), nil, &p); err != nil {
			return err
		}
		if err := show(p.Items); err != nil || p.Next == "" {
			return err
		}
		values.Set("cursor", p.Next)
	}
}

// Timeline reads what became of a recipient: the id of a subscriber or a place, or a subscriber's address.
func (c *Client) Timeline(ctx context.Context, id, recipient string) (Timeline, error) {
	path := publicationPath(id) + "/recipients/" + url.PathEscape(recipient)
	if strings.Contains(recipient, "@") {
		path = publicationPath(id) + "/recipients/lookup?" + url.Values{"email": {recipient}}.Encode()
	}
	var t Timeline
	err := c.Call(ctx, http.MethodGet, path, nil, &t)
	return t, err
}

func publicationPath(id string) string { return "/publications/" + url.PathEscape(id) }
