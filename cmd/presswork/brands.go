package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func brandsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "brands",
		Short: "List the faces of the organisation, and make, change and delete them",
		Long:  "A brand is named by its slug or its id. docs/brands.md says what it is for.",
	}
	command.AddCommand(brandsListCommand(), brandsShowCommand(), brandsCreateCommand(), brandsUpdateCommand(), brandsDeleteCommand())
	return command
}

func brandsListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the brands, the oldest first"}
	limit := command.Flags().Int("limit", 50, "at most so many")
	columns := table[api.Brand]{columns: "ID\tSLUG\tVERSION\tNAME\tSENDER", row: func(b api.Brand) []any {
		return []any{b.ID, b.Slug, b.Version, oneLine(b.Name), orDash(b.SenderID)}
	}}
	return listCommand(command, columns, func(c *cobra.Command, remote *client.Client) ([]api.Brand, error) {
		return client.Collect(remote.Brands(c.Context(), api.ListBrandsParams{Limit: page(*limit)}), *limit)
	})
}

// findBrand is the brand with a slug or an id.
func findBrand(ctx context.Context, remote *client.Client, name string) (api.Brand, error) {
	slug := strings.ToLower(strings.TrimSpace(name))
	for b, err := range remote.Brands(ctx, api.ListBrandsParams{}) {
		if err != nil || b.Slug == slug || b.ID == name {
			return b, err
		}
	}
	return api.Brand{}, fmt.Errorf("there is no brand %q", name)
}

func brandsShowCommand() *cobra.Command {
	command := &cobra.Command{Use: "show BRAND", Short: "Show a brand", Args: cobra.ExactArgs(1)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		b, err := findBrand(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		return printJSON(c, b)
	})
}

// describeBrand adds the flags that say what a brand is.
func describeBrand(flags *pflag.FlagSet, in *api.BrandInput) {
	choose(flags, &in.Slug, "slug", "what addresses name it by (default: made of the name)")
	choose(flags, &in.PostalAddress, "postal-address", "for the footer, where the sender has none of its own")
	choose(flags, &in.Logo, "logo", "asset: and the id of an uploaded image, or an https address")
	choose(flags, &in.Color, "color", "behind the text of buttons, as in #1a56c4")
	choose(flags, &in.LinkColor, "link-color", "of links, as in #1a56c4")
	choose(flags, &in.WebsiteURL, "website", "its website")
	choose(flags, &in.PrivacyURL, "privacy", "where it says how it treats readers' data")
	choose(flags, &in.ImprintURL, "imprint", "where it says who is answerable")
	choose(flags, &in.SupportEmail, "support", "where readers get help")
	choose(flags, &in.Language, "language", "how readers are spoken to of whom no language is known")
	choose(flags, &in.SenderID, "sender", "who its mail is from unless told")
}

func brandsCreateCommand() *cobra.Command {
	var in api.BrandInput
	command := &cobra.Command{Use: "create NAME", Short: "Make a brand", Args: cobra.ExactArgs(1)}
	describeBrand(command.Flags(), &in)
	must(command, "postal-address")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		in.Name = args[0]
		b, err := remote.CreateBrand(c.Context(), in)
		if err != nil {
			return err
		}
		return printJSON(c, b)
	})
}

func brandsUpdateCommand() *cobra.Command {
	var in api.BrandInput
	command := &cobra.Command{Use: "update BRAND", Short: "Change of a brand what the flags say; the rest stays", Args: cobra.ExactArgs(1)}
	choose(command.Flags(), &in.Name, "name", "how readers see it")
	describeBrand(command.Flags(), &in)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		b, err := findBrand(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		if b, err = remote.UpdateBrand(c.Context(), b.ID, changedBrand(b, in), client.IfVersion(b.Version)); err != nil {
			return err
		}
		return printJSON(c, b)
	})
}

// changedBrand is a brand with what is given of another, which is what is not empty.
func changedBrand(b api.Brand, given api.BrandInput) api.BrandInput {
	from := ""
	if b.SenderID != nil {
		from = *b.SenderID
	}
	return api.BrandInput{
		Name: cmp.Or(given.Name, b.Name), Slug: cmp.Or(given.Slug, b.Slug), Logo: cmp.Or(given.Logo, b.Logo),
		Color: cmp.Or(given.Color, b.Color), LinkColor: cmp.Or(given.LinkColor, b.LinkColor),
		PostalAddress: cmp.Or(given.PostalAddress, b.PostalAddress), WebsiteURL: cmp.Or(given.WebsiteURL, b.WebsiteURL),
		PrivacyURL: cmp.Or(given.PrivacyURL, b.PrivacyURL), ImprintURL: cmp.Or(given.ImprintURL, b.ImprintURL),
		SupportEmail: cmp.Or(given.SupportEmail, b.SupportEmail), Language: cmp.Or(given.Language, b.Language),
		SenderID: cmp.Or(given.SenderID, from),
	}
}

func brandsDeleteCommand() *cobra.Command {
	command := &cobra.Command{Use: "delete BRAND", Short: "Delete a brand of which no publication is", Args: cobra.ExactArgs(1)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		b, err := findBrand(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		return remote.DeleteBrand(c.Context(), b.ID)
	})
}
