package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/postgres"
)

// auditChain derives the keys of the audit log.
func auditChain(c *config.Config) (*audit.Chain, error) {
	sealer, err := audit.NewChain([]byte(c.SecretKey), previousKeys(c)...)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the audit log: %w", err)
	}
	return sealer, nil
}

// Verification is what a verification of the audit log found.
type Verification struct {
	chain.Report
	// AppendOnly: the role of DATABASE_URL can change nothing that is in the log.
	AppendOnly bool `json:"append_only"`
}

// auditConnections is how many a command needs.
const auditConnections = 2

func withAudit(ctx context.Context, c *config.Config, do func(*postgres.DB, *audit.Chain) error) error {
	sealer, err := auditChain(c)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{MaxConns: auditConnections, Audit: sealer})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer db.Close()
	return do(db, sealer)
}

// VerifyAudit verifies the audit log from a block on, 0 for all of it, and looks for a block that was noted as "n:hash", if
// noted is not empty. What it finds wrong is in the Verification, and no error.
func VerifyAudit(ctx context.Context, c *config.Config, from int64, noted string) (v Verification, err error) {
	var mark chain.Mark
	if noted != "" {
		if mark, err = chain.ParseMark(noted); err != nil {
			return v, err
		}
	}
	err = withAudit(ctx, c, func(db *postgres.DB, sealer *audit.Chain) (err error) {
		if v.AppendOnly, err = db.AuditAppendOnly(ctx); err != nil {
			return err
		}
		v.Report, err = sealer.Verify(ctx, db.AuditLog(), from, mark)
		return err
	})
	return v, err
}

// AuditMark is the newest block of the audit log as "n:hash", to be kept elsewhere. The block is as it was sealed.
func AuditMark(ctx context.Context, c *config.Config) (mark string, err error) {
	err = withAudit(ctx, c, func(db *postgres.DB, sealer *audit.Chain) error {
		b, err := db.AuditLog().Newest(ctx)
		if err != nil {
			return err
		}
		if b.N == 0 {
			return errors.New("nothing of the audit log is sealed yet")
		}
		mark = chain.Mark{N: b.N, Hash: b.Hash}.String()
		if err := sealer.Check(b); err != nil {
			return fmt.Errorf("the newest block of the audit log, %d: %w", b.N, err)
		}
		return nil
	})
	return mark, err
}
