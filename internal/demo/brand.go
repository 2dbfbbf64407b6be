package demo

import (
	"bytes"
	"context"
	_ "embed"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

//go:embed data/logo.png
var logo []byte

const (
	// slug names the demo's brand in addresses.
	slug     = "slow-post"
	logoName = "slow-post.png"
)

// found makes the brand that the demo's mail and pages look like, unless it is there; the sender becomes its own.
func found(ctx context.Context, c *client.Client, sender string) (string, error) {
	image, err := ensure(c.Assets(ctx, api.ListAssetsParams{}), func(a api.Asset) (string, bool) { return a.ID, a.Name == logoName },
		func() (api.Asset, error) {
			return c.UploadAsset(ctx, api.UploadAssetParams{Name: logoName}, "image/png", bytes.NewReader(logo))
		})
	if err != nil {
		return "", err
	}
	face := api.BrandInput{
		Name: identity.FromName, Slug: slug, Logo: "asset:" + image, Color: "#7a3b2e", LinkColor: "#7a3b2e", PostalAddress: identity.PostalAddress,
		WebsiteURL: "https://slow-post.example/", ImprintURL: "https://slow-post.example/imprint", PrivacyURL: "https://slow-post.example/privacy",
		SupportEmail: identity.ReplyTo, Language: "en", SenderID: sender,
	}
	return ensure(c.Brands(ctx, api.ListBrandsParams{}), func(b api.Brand) (string, bool) { return b.ID, b.Slug == face.Slug },
		func() (api.Brand, error) { return c.CreateBrand(ctx, face) })
}
