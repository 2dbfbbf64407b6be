package postgres

import (
	"maps"
	"slices"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
)

// What a change did, for the audit log: the names of the fields, never what was in them.

type field struct {
	name string
	same bool
}

// edited are the names of those fields that are not the same any more; never nil.
func edited(fields ...field) []string {
	names := []string{}
	for _, f := range fields {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}

func contentFields(a, b content.Item) []string {
	return edited(field{"title", a.Title == b.Title}, field{"summary", a.Summary == b.Summary}, field{"format", a.Format == b.Format},
		field{"body", a.Body == b.Body}, field{"url", a.URL == b.URL}, field{"topics", slices.Equal(a.Topics, b.Topics)},
		field{"language", a.Language == b.Language}, field{"quality", a.Quality == b.Quality})
}

func templateFields(a, b template.Set) []string {
	return edited(field{"name", a.Name == b.Name}, field{"languages", maps.Equal(a.Languages, b.Languages)})
}

func senderFields(a, b sender.Identity) []string {
	return edited(field{"name", a.Name == b.Name}, field{"from_name", a.FromName == b.FromName}, field{"from_email", a.FromEmail == b.FromEmail},
		field{"reply_to", a.ReplyTo == b.ReplyTo}, field{"postal_address", a.PostalAddress == b.PostalAddress}, field{"default", a.Default == b.Default},
		field{"brand", a.Brand == b.Brand})
}

func brandFields(a, b brand.Brand) []string {
	return edited(field{"slug", a.Slug == b.Slug}, field{"name", a.Name == b.Name}, field{"logo", a.Logo == b.Logo}, field{"color", a.Color == b.Color},
		field{"link_color", a.LinkColor == b.LinkColor}, field{"postal_address", a.PostalAddress == b.PostalAddress},
		field{"website_url", a.WebsiteURL == b.WebsiteURL}, field{"privacy_url", a.PrivacyURL == b.PrivacyURL},
		field{"imprint_url", a.ImprintURL == b.ImprintURL}, field{"support_email", a.SupportEmail == b.SupportEmail},
		field{"language", a.Language == b.Language}, field{"sender", a.Sender == b.Sender})
}

func channelFields(a, b channel.Channel) []string {
	return edited(field{"name", a.Name == b.Name}, field{"kind", a.Kind == b.Kind}, field{"provider", a.Provider == b.Provider},
		field{"enabled", a.Enabled == b.Enabled}, field{"settings", maps.Equal(a.Settings, b.Settings)},
		field{"secrets", maps.Equal(a.Secrets, b.Secrets)})
}
