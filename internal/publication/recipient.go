package publication

// Recipient is a subscriber who got a publication, as the unsubscribe page sees them.
type Recipient struct {
	Email, Language string
	// Active is false once they unsubscribed from everything.
	Active bool
	// Topics are those that the publication was for and that they follow; none if it was not for topics.
	Topics []Topic
}

// Topic is what a publication may be for.
type Topic struct {
	ID   int32  `json:"id"`
	Name string `json:"name"`
}

// Unsubscription is what a reader asks for in answer to a publication.
type Unsubscription struct {
	Publication int64
	Channel     int16
	Subscriber  int64
	// Topics are the ones to leave; nil is everything.
	Topics []int32
}
