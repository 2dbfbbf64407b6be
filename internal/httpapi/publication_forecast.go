package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// SendingRates says how fast each kind of channel sends just now, and what it owes already, as far as that is known.
type SendingRates func(ctx context.Context) (map[string]publication.Speed, error)

// dryRun reads ?dry_run=, and refuses other parameters: a misspelt one must not publish.
func dryRun(c *gin.Context) (bool, error) {
	if c.Request.URL.RawQuery == "" {
		return false, nil
	}
	if err := knownQuery(c, "dry_run"); err != nil {
		return false, err
	}
	switch c.Query("dry_run") {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, badQuery("dry_run", "must be true or false")
	}
}

// foresee answers what a request would do; one that would be refused is refused alike.
func (h publications) foresee(c *gin.Context, in publication.Request) error {
	ctx := c.Request.Context()
	resolved, review, err := h.resolve(ctx, in)
	if err != nil {
		return err
	}
	census, err := h.store.Census(ctx, resolved)
	if err != nil {
		return err
	}
	rates := map[string]publication.Speed{}
	if h.rates != nil {
		if now, err := h.rates(ctx); err == nil { // with Redis away nothing is said of the time
			rates = now
		}
	}
	f := publication.Foresee(publication.Submission{Resolved: resolved, Review: review}, census, rates)
	c.PureJSON(http.StatusOK, showForecast(f, review))
	return nil
}

// foreseeDraft is foresee for a draft that would be published.
func (h publications) foreseeDraft(c *gin.Context, uid ident.UID, in publication.Request) error {
	p, err := h.store.Publication(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	if err := ifMatch(c, p.Version); err != nil {
		return err
	}
	if p.State != publication.Draft || p.Approval != nil && p.Approval.State == publication.ApprovalRequested {
		return fault.New(fault.Conflict, "wrong_state", "Only a draft that does not wait for approval can be published.")
	}
	return h.foresee(c, in)
}

func showForecast(f publication.Forecast, review bool) wire.Forecast {
	body := wire.Forecast{
		DryRun: true, State: wire.PublicationState(f.State), ApprovalRequired: review, Lane: f.Lane.String(),
		Channels: make([]wire.ForecastChannel, 0, len(f.Channels)), Tasks: f.Tasks,
	}
	for _, part := range f.Channels {
		body.Channels = append(body.Channels, wire.ForecastChannel{
			Channel: wire.ChannelKindSeen(part.Channel), Recipients: part.Recipients, Eligible: part.Eligible, Deferred: part.Deferred, Excluded: part.Excluded, Batches: part.Batches,
		})
	}
	if f.Took != nil {
		seconds := int64(math.Ceil(float64(*f.Took) / float64(time.Second)))
		body.Seconds = &seconds
	}
	return body
}
