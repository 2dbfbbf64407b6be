package edition

import (
	"cmp"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
)

// Face is what templates see of who something is from, and of the brand that they belong to; the zero brand is none. images
// stands in front of the ids of uploaded images: https://host/p/a/.
func Face(from sender.Identity, of brand.Brand, images string) (rendition.Sender, rendition.Brand) {
	return rendition.Sender{Name: from.FromName, Email: from.FromEmail, PostalAddress: cmp.Or(from.PostalAddress, of.PostalAddress)},
		rendition.Brand{
			Slug: of.Slug, Name: of.Name, Logo: of.LogoURL(images), Color: of.Color, TextColor: of.TextColor(), LinkColor: of.LinkColor,
			PostalAddress: of.PostalAddress, WebsiteURL: of.WebsiteURL, PrivacyURL: of.PrivacyURL, ImprintURL: of.ImprintURL,
			SupportEmail: of.SupportEmail, Language: of.Language,
		}
}
