package delivery

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Received is what became of one publication for one recipient.
type Received struct {
	Publication ident.UID
	Title, Type string
	CreatedAt   time.Time
	Deliveries  []Account
}
