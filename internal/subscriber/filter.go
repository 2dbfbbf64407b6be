package subscriber

// Filter narrows a list of subscribers. The zero value lets all through.
type Filter struct {
	// EmailPrefix is the beginning of an address, in lower case.
	EmailPrefix string
	// Topic is a slug.
	Topic  string
	Status Status
}
