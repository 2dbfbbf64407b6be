package app

import (
	"context"
	"fmt"

	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/postgres"
)

// consentChain derives the keys of the record of consent.
func consentChain(c *config.Config) (*consent.Chain, error) {
	sealer, err := consent.NewChain([]byte(c.SecretKey), previousKeys(c)...)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the record of consent: %w", err)
	}
	return sealer, nil
}

// maxWrongDetails is how many entries are listed.
const maxWrongDetails = 100

// ConsentVerification is what a verification of the record of consent found.
type ConsentVerification struct {
	chain.Report
	// WrongDetails are entries, the first hundred, of which what they hold of a person is not what was sealed, or is gone though
	// the person was not erased.
	WrongDetails []int64 `json:"wrong_details"`
}

// VerifyConsent verifies the record of consent from a block on, 0 for all of it, and looks for a block that was noted as
// "n:hash", if noted is not empty. What it finds wrong is in the ConsentVerification, and no error.
func VerifyConsent(ctx context.Context, c *config.Config, from int64, noted string) (v ConsentVerification, err error) {
	var mark chain.Mark
	if noted != "" {
		if mark, err = chain.ParseMark(noted); err != nil {
			return v, err
		}
	}
	sealer, err := consentChain(c)
	if err != nil {
		return v, err
	}
	db, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{MaxConns: auditConnections, Consent: sealer})
	if err != nil {
		return v, fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer db.Close()
	if v.Report, err = sealer.Verify(ctx, db.ConsentLog(), from, mark); err != nil {
		return v, err
	}
	v.WrongDetails, err = db.WrongDetails(ctx, maxWrongDetails)
	v.Intact = v.Intact && len(v.WrongDetails) == 0
	return v, err
}
