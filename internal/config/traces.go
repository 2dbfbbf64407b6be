package config

import "strings"

// TracesURL is where traces go, empty if there are none (OpenTelemetry Protocol Exporter, Endpoint URLs for OTLP/HTTP).
func (c *Config) TracesURL() string {
	switch {
	case c.TracesDisabled:
		return ""
	case c.TracesEndpoint != "":
		return c.TracesEndpoint
	case c.TracesBase != "":
		return strings.TrimRight(c.TracesBase, "/") + "/v1/traces"
	default:
		return ""
	}
}
