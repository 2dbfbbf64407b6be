package audit_test

import (
	"context"
	"testing"

	"github.com/presswork/presswork/internal/audit"
)

func TestActor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if got := audit.Actor(ctx); got != audit.System {
		t.Errorf("nobody is %q", got)
	}
	if got := audit.Actor(audit.WithActor(ctx, "key:admin")); got != "key:admin" {
		t.Errorf("got %q", got)
	}
	if got := audit.Actor(audit.WithActor(ctx, "")); got != audit.System {
		t.Errorf("an empty actor is %q", got)
	}
}
