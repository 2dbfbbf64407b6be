package config

import (
	"strings"
	"testing"
)

func TestTracesURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, want string
		environ    []string
	}{
		{"off", "", nil},
		{"empty", "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_SDK_DISABLED="}},
		{"base", "http://c:4318/v1/traces", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}},
		{"base with a path", "https://c/otlp/v1/traces", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/"}},
		{"traces alone", "http://t/in", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t/in"}},
		{"disabled", "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_SDK_DISABLED=true"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Load(tc.environ)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.TracesURL(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if _, err := Load([]string{name + "=collector:4318"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("an address without a scheme: %v", err)
		}
	}
}
