package config

import (
	"slices"
	"strings"
)

// sesEvents checks where SES's events come from.
func (p *problems) sesEvents(c *Config) {
	p.url("PRESSWORK_SES_EVENTS_QUEUE_URL", c.SESEventsQueue, "http", "https")
	p.url("PRESSWORK_SES_EVENTS_STANDIN", c.SESEventsStandin, "http", "https")
	if c.SESEventsStandin != "" && c.Production() {
		p.add("PRESSWORK_SES_EVENTS_STANDIN is for development only")
	}
	c.SESEventsTopics = slices.DeleteFunc(c.SESEventsTopics, func(arn string) bool { return arn == "" })
	for _, arn := range c.SESEventsTopics {
		if parts := strings.Split(arn, ":"); len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" {
			p.add("PRESSWORK_SES_EVENTS_TOPICS must be ARNs like arn:aws:sns:eu-central-1:123456789012:ses-events")
		}
	}
}
