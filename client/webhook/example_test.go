package webhook_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/client/webhook"
)

// While the secret is rotated there are two, with a blank between them, and both are taken.
func ExampleHandler() {
	verifier, err := webhook.NewVerifier(strings.Fields(os.Getenv("WEBHOOK_SECRETS"))...)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /presswork", webhook.Handler(verifier, func(_ context.Context, e webhook.Event) error {
		switch data := e.Data.(type) {
		case *api.PublicationEventData:
			fmt.Println(e.Type, data.Publication, data.State)
		case *api.DeliveryEventData:
			fmt.Println(e.Type, data.State, data.Reason)
		}
		return nil
	}))
}
