package app

import (
	"context"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/telemetry"
)

// tracing starts to collect spans if there is somebody who takes them; else it returns nil, which is tracing that is
// off.
func tracing(ctx context.Context, c *config.Config, log *zap.Logger, roles []Role) (*telemetry.Tracing, error) {
	url := c.TracesURL()
	if url == "" {
		return nil, nil //nolint:nilnil // as the comment says
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return telemetry.NewTracing(ctx, telemetry.TracingOptions{URL: url, Service: c.TracesService, Roles: names, Log: log})
}
