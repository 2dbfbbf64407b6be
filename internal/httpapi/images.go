package httpapi

import (
	"context"
	"maps"
	"slices"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

// images checks the uploaded images that contents and templates show, when they are saved. They may be deleted
// later: then a publication fails as a whole when it is rendered.
type images struct{ store AssetStore }

// ofItem is an Invalid error that holds everything that is wrong with the images of an item.
func (i images) ofItem(ctx context.Context, item content.Item) error {
	var f fault.Fields
	uids, problems := rendition.ItemImages(item)
	if err := i.check(ctx, &f, "/body", uids, problems); err != nil {
		return err
	}
	return f.Err()
}

// ofSources is ofItem for a template in all its languages.
func (i images) ofSources(ctx context.Context, languages map[string]template.Source) error {
	var f fault.Fields
	for _, language := range slices.Sorted(maps.Keys(languages)) {
		uids, problems := rendition.TemplateImages(languages[language].HTML)
		if err := i.check(ctx, &f, "/languages/"+fault.Token(language)+"/html", uids, problems); err != nil {
			return err
		}
	}
	return f.Err()
}

func (i images) check(ctx context.Context, f *fault.Fields, pointer string, uids []ident.UID, problems []string) error {
	for _, problem := range problems {
		f.Add(pointer, "bad_asset", "%s", problem)
	}
	if len(uids) == 0 {
		return nil
	}
	list, err := i.store.Assets(ctx, uids)
	if err != nil {
		return err
	}
	known := make(map[ident.UID]asset.Asset, len(list))
	for _, a := range list {
		known[a.UID] = a
	}
	for _, uid := range uids {
		switch a, ok := known[uid]; {
		case !ok:
			f.Add(pointer, "unknown_asset", "asset:%s does not exist", uid)
		case !a.Image():
			f.Add(pointer, "not_an_image", "asset:%s is %s, and what can be shown is %v", uid, a.MediaType, asset.Images())
		}
	}
	return nil
}
