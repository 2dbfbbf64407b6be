package rendition

// Fragment is a part of the rendition's HTML, such as an item's, with a reader's addresses in it: outside of the
// message that it was made for, and with the zero Links not tracked.
func (c *Compiled) Fragment(part string, links Links) string {
	out, _ := c.personalLinks(part, links)
	return out
}
