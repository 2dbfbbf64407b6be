package webhook_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/client/webhook"
)

// While the secret is rotated both are taken.
func ExampleHandler() {
	verifier, err := webhook.NewVerifier(os.Getenv("WEBHOOK_SECRET"), os.Getenv("WEBHOOK_SECRET_BEFORE"))
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
