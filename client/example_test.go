package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// A publication is handed in once, however often that takes, and followed to its end.
func ExampleClient_Publish() {
	ctx := context.Background()
	c := client.New("https://presswork.example.org", os.Getenv("PRESSWORK_API_KEY"))
	accepted, err := c.Publish(ctx, api.PublicationInput{
		Title: "What is new in May", PublicationType: api.PublicationTypeDigest, Channels: []api.ChannelKind{api.ChannelKindEmail},
		ContentIDs: []api.ID{"01985a1e-7c00-7000-8000-000000000003"}, Audience: api.AudienceInput{Topics: []string{"release-notes"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for p, err := range c.Follow(ctx, accepted.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %d of %d\n", p.State, p.All.Settled(), p.All.Total)
	}
}

// Lists are ranged over; pages are read as they are needed.
func ExampleCollect() {
	ctx := context.Background()
	c := client.New("https://presswork.example.org", os.Getenv("PRESSWORK_API_KEY"))
	for r, err := range c.Recipients(ctx, "01985a1e-7c00-7000-8000-000000000008", api.ListRecipientsParams{State: "failed,uncertain"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Channel, r.State)
	}
	newest, err := client.Collect(c.Publications(ctx, api.ListPublicationsParams{}), 20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(newest))
}

// A change is made to the version that was looked at. Who was slower than somebody else looks again.
func ExampleIfVersion() {
	ctx := context.Background()
	c := client.New("https://presswork.example.org", os.Getenv("PRESSWORK_API_KEY"))
	template, err := c.GetTemplate(ctx, "01985a1e-7c00-7000-8000-000000000004")
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.UpdateTemplate(ctx, template.ID, api.TemplateChange{Name: "Weekly", Languages: template.Languages}, client.IfVersion(template.Version))
	var p *client.Problem
	if errors.As(err, &p) && p.Code() == "version_mismatch" {
		fmt.Println("somebody else has changed it")
	}
}

// A file is sent as it is read, and refused as a whole, with the lines that are wrong.
func ExampleClient_importSubscribers() {
	ctx := context.Background()
	c := client.New("https://presswork.example.org", os.Getenv("PRESSWORK_API_KEY"))
	file, err := os.Open("subscribers.csv")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	report, err := c.ImportSubscribers(ctx, api.ImportSubscribersParams{Duplicates: "update"}, file)
	var p *client.Problem
	if errors.As(err, &p) {
		for _, e := range p.Errors {
			fmt.Println(e.Line, e.Column, e.Detail)
		}
	}
	fmt.Println(report.Created)
}
