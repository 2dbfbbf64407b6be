package rendition

// MouldsMade is how many moulds a rendition has needed.
func (c *Compiled) MouldsMade() int { return int(c.casting.made.Load()) }
