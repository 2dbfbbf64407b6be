package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
)

// SESHook takes what Amazon SNS posts of SES's events. It proves by itself who posts.
type SESHook interface {
	// Receive returns nil when the message is stored or of no use; Forbidden if it is forged.
	Receive(ctx context.Context, body []byte) error
}

// limitSNS is twice what SNS lets a message have (256 KB): quotes in it are written as two characters each.
const limitSNS = 512 << 10

// registerSESHook has the address that a topic of SNS is subscribed with. It needs no key: messages are signed. SNS sends
// them as text/plain.
func registerSESHook(r gin.IRouter, d Deps) {
	r.POST("/hooks/ses", handle(func(c *gin.Context) error {
		body, err := readBody(c.Request, limitSNS)
		if err != nil {
			return err
		}
		if err := d.SESHook.Receive(c.Request.Context(), body); err != nil {
			return err
		}
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return nil
	}))
}
