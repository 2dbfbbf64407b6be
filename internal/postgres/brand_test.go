package postgres

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/subscriber"
)

func newBrand(t *testing.T, db *DB, slug string, from ident.UID) brand.Brand {
	t.Helper()
	b, err := db.CreateBrand(t.Context(), brand.Brand{Slug: slug, Name: "The " + slug, PostalAddress: "1 Street", Color: "#1a56c4", Sender: from})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newSender(t *testing.T, db *DB, name string, of ident.UID) sender.Identity {
	t.Helper()
	i := identity(name, false)
	i.Brand = of
	i, err := db.CreateSender(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// problem is the first pointer and code of what is Invalid.
func problem(err error) string {
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return fault.CodeOf(err)
	}
	return e.Fields[0].Pointer + " " + e.Fields[0].Code
}

func TestBrandLife(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	desk := newSender(t, db, "desk", ident.UID{})
	made := newBrand(t, db, "daily", desk.UID)
	if got, err := db.Brand(ctx, made.UID); err != nil || got != made || got.Sender != desk.UID {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := db.BrandByID(ctx, made.ID); err != nil || got != made {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := db.Sender(ctx, desk.UID); err != nil || got.Brand != made.UID || *got.BrandID != made.ID || got.Version != desk.Version+1 {
		t.Errorf("the sender did not come to the brand: %+v, %v", got, err)
	}
	if _, err := db.CreateBrand(ctx, brand.Brand{Slug: "daily", Name: "x", PostalAddress: "x"}); fault.CodeOf(err) != "already_exists" {
		t.Errorf("the same slug: %v", err)
	}
	other := newSender(t, db, "other", made.UID)
	made.Slug, made.Name, made.Sender, made.Logo = "", "Renamed", other.UID, "https://x.example/l.png"
	changed, err := db.UpdateBrand(ctx, made, anyVersion)
	if err != nil || changed.Slug != "daily" || changed.Name != "Renamed" || changed.Sender != other.UID || changed.Logo != made.Logo || changed.Version != 2 {
		t.Errorf("%+v, %v", changed, err)
	}
	if list, err := db.ListBrands(ctx, 0, 10); err != nil || !slices.Equal(list, []brand.Brand{changed}) {
		t.Errorf("%v, %v", list, err)
	}
	if err := db.DeleteSender(ctx, other.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("the default sender is deleted: %v", err)
	}
	if err := db.DeleteBrand(ctx, made.UID, anyVersion); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Sender(ctx, desk.UID); err != nil || got.BrandID != nil || !got.Brand.IsZero() {
		t.Errorf("the sender is of a brand that is gone: %+v, %v", got, err)
	}
	for _, err := range []error{
		db.DeleteBrand(ctx, made.UID, anyVersion),
		func() error { _, err := db.UpdateBrand(ctx, made, anyVersion); return err }(),
		func() error { _, err := db.Brand(ctx, made.UID); return err }(),
		func() error { _, err := db.BrandByID(ctx, made.ID); return err }(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestBrandRefuses(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	desk := newSender(t, db, "desk", ident.UID{})
	daily, weekly := newBrand(t, db, "daily", desk.UID), newBrand(t, db, "weekly", ident.UID{})
	weekly.Sender = desk.UID
	stranger := weekly
	stranger.Sender = ident.New()
	pictured := weekly
	pictured.Sender, pictured.Logo = ident.UID{}, brand.LogoOf(ident.New())
	astray := identity("astray", false)
	astray.Brand = ident.New()
	leaving := desk
	leaving.Brand = weekly.UID
	stale := func(int) error { return fault.New(fault.Conflict, "version_mismatch", "") }
	for what, one := range map[string]struct {
		do   func() error
		want string
	}{
		"another brand's sender": {func() error { _, err := db.UpdateBrand(ctx, weekly, anyVersion); return err }, "/sender_id other_brand"},
		"an unknown sender":      {func() error { _, err := db.UpdateBrand(ctx, stranger, anyVersion); return err }, "/sender_id unknown_sender"},
		"an unknown logo":        {func() error { _, err := db.UpdateBrand(ctx, pictured, anyVersion); return err }, "/logo unknown_asset"},
		"an unknown brand":       {func() error { _, err := db.CreateSender(ctx, astray); return err }, "/brand_id unknown_brand"},
		"a default that leaves":  {func() error { _, err := db.UpdateSender(ctx, leaving, anyVersion); return err }, "in_use"},
		"an old version":         {func() error { _, err := db.UpdateBrand(ctx, daily, stale); return err }, "version_mismatch"},
		"an old version deleted": {func() error { return db.DeleteBrand(ctx, daily.UID, stale) }, "version_mismatch"},
	} {
		if got := problem(one.do()); got != one.want {
			t.Errorf("%s: %s, want %s", what, got, one.want)
		}
	}
	if got, err := db.Brand(ctx, weekly.UID); err != nil || !got.Sender.IsZero() || got.Version != 1 {
		t.Errorf("something was changed: %+v, %v", got, err)
	}
}

// TestBrandOfWhatIsSent: what publications name stays in its brand, and so does the brand.
func TestBrandOfWhatIsSent(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	desk := newSender(t, db, "desk", ident.UID{})
	daily, weekly := newBrand(t, db, "daily", ident.UID{}), newBrand(t, db, "weekly", ident.UID{})
	first := desk
	first.Brand, first.PostalAddress = daily.UID, ""
	if _, err := db.UpdateSender(ctx, first, anyVersion); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteBrand(ctx, daily.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("a sender would be left without a postal address: %v", err)
	}
	first.Brand, first.PostalAddress = weekly.UID, "1 Street"
	if _, err := db.UpdateSender(ctx, first, anyVersion); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, sender_id)
		VALUES (gen_random_uuid(), 'P', 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]', 'test', `+"(SELECT id FROM sender_identity))")
	first.Brand = daily.UID
	if _, err := db.UpdateSender(ctx, first, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("a sender takes its publications to another brand: %v", err)
	}
	if err := db.DeleteBrand(ctx, weekly.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("a brand of publications is deleted: %v", err)
	}
	if err := db.DeleteBrand(ctx, daily.UID, anyVersion); err != nil {
		t.Errorf("a brand of nothing: %v", err)
	}
	list, err := db.Publications(ctx, publication.Filter{Limit: 1})
	if err != nil || len(list) != 1 || list[0].Brand == nil || *list[0].Brand != weekly.UID {
		t.Errorf("the publication's brand: %+v, %v", list, err)
	}
}

// TestSenderOfBrand: a brand says who something is from, and who is named as well has to be the brand's.
func TestSenderOfBrand(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	house := newSender(t, db, "house", ident.UID{})
	desk := newSender(t, db, "desk", ident.UID{})
	daily, bare := newBrand(t, db, "daily", desk.UID), newBrand(t, db, "bare", ident.UID{})
	second := newSender(t, db, "second", daily.UID)
	none := ident.UID{}
	for name, c := range map[string]struct {
		brand, sender ident.UID
		want          int32
		problem       string
	}{
		"its default":            {daily.UID, none, desk.ID, ""},
		"another of its senders": {daily.UID, second.UID, second.ID, ""},
		"a sender of no brand":   {daily.UID, house.UID, 0, "/sender_id other_brand"},
		"a sender of another":    {bare.UID, desk.UID, 0, "/sender_id other_brand"},
		"an unknown sender":      {daily.UID, ident.New(), 0, "/sender_id unknown_sender"},
		"an unknown brand":       {ident.New(), desk.UID, 0, "/brand_id unknown_brand"},
		"a brand without any":    {bare.UID, none, 0, "/brand_id no_default_sender"},
		"no brand":               {none, none, house.ID, ""},
	} {
		order := publication.Order{Brand: c.brand, Sender: c.sender, Channels: []publication.Channel{{Name: "email", ID: 1, Personal: true}},
			Audience: publication.AudienceOrder{All: true}}
		got, err := db.ResolveOrder(ctx, order)
		if c.problem == "" && (got.SenderID == nil || *got.SenderID != c.want) || c.problem != "" && !has(err, c.problem) || c.problem == "" && !has(err) {
			t.Errorf("a publication of %s: from %v, %v", name, got.SenderID, err)
		}
		s, err := db.ResolveMessage(ctx, publication.MessageOrder{Brand: c.brand, Sender: c.sender})
		if c.problem == "" && (s.SenderID == nil || *s.SenderID != c.want) || c.problem != "" && !has(err, c.problem) || c.problem == "" && !has(err) {
			t.Errorf("a message of %s: from %v, %v", name, s.SenderID, err)
		}
	}
}

// has reports whether err has exactly these problems with a sender or a brand.
func has(err error, want ...string) bool {
	var e *fault.Error
	if !errors.As(err, &e) {
		return len(want) == 0
	}
	var found []string
	for _, f := range e.Fields {
		if f.Pointer == "/sender_id" || f.Pointer == "/brand_id" {
			found = append(found, f.Pointer+" "+f.Code)
		}
	}
	return slices.Equal(found, want)
}

// TestBrandLogoStays: an uploaded image that is a logo is not deleted.
func TestBrandLogoStays(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := upload(t, db, "logo.txt", "text/plain", []byte("logo")).UID
	b, err := db.CreateBrand(t.Context(), brand.Brand{Slug: "daily", Name: "x", PostalAddress: "x", Logo: brand.LogoOf(a)})
	if err != nil || b.Logo != brand.LogoOf(a) {
		t.Fatalf("%+v, %v", b, err)
	}
	if err := db.DeleteAsset(t.Context(), a); fault.CodeOf(err) != "in_use" {
		t.Errorf("the logo is deleted: %v", err)
	}
	b.Logo = ""
	if _, err := db.UpdateBrand(t.Context(), b, anyVersion); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteAsset(t.Context(), a); err != nil {
		t.Error(err)
	}
}

// TestLettersLeadToTheBrandOfTheirSender: a letter that was asked for on a page of no brand looks like the brand that its sender is of, and
// so do the pages that it leads to.
func TestLettersLeadToTheBrandOfTheirSender(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	newBrand(t, db, "daily news", value[ident.UID](t, db, `SELECT uid FROM sender_identity WHERE is_default`))
	newBrand(t, db, "weekly", newSender(t, db, "weekly desk", ident.UID{}).UID)
	for n, c := range []struct{ page, link string }{{"", "?brand=daily+news"}, {"gone", "?brand=daily+news"}, {"weekly", "?brand=weekly"}} {
		ctx := consent.With(t.Context(), consent.Act{Source: consent.Form, Brand: c.page})
		email := "ann" + strconv.Itoa(n) + "@reader.example"
		up, err := subscriber.NewSignUp(email, "Ann", "de", nil)
		if err == nil {
			err = s.SignUp(ctx, up)
		}
		if err != nil {
			t.Fatal(err)
		}
		const last = `SELECT data ->> 'link' FROM message ORDER BY publication_id DESC LIMIT 1`
		if link := value[string](t, db, last); !strings.HasSuffix(link, c.link) {
			t.Errorf("on the page of %q, confirming is at %s", c.page, link)
		}
		exec(t, db, `UPDATE subscriber SET status = 'active' WHERE email = $1`, email)
		if err := s.MailPreferences(ctx, email); err != nil {
			t.Fatal(err)
		}
		if link := value[string](t, db, last); !strings.HasSuffix(link, c.link) || !strings.Contains(link, "prefer") {
			t.Errorf("on the page of %q, preferences are at %s", c.page, link)
		}
	}
}

// TestLettersComeFromTheBrand: who signs up on a brand's page is written to by the brand, and led back to its pages; the letter of
// a page of no brand, or of one that is no more, is the organisation's.
func TestLettersComeFromTheBrand(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	house := value[ident.UID](t, db, `SELECT uid FROM sender_identity`)
	desk := newSender(t, db, "daily desk", ident.UID{})
	made := newBrand(t, db, "daily news", desk.UID)
	for _, c := range []struct {
		slug, link string
		from       ident.UID
	}{{"daily news", "?brand=daily+news", desk.UID}, {"", "", house}, {"gone", "?brand=gone", house}} {
		ctx := consent.With(t.Context(), consent.Act{Source: consent.Form, Brand: c.slug})
		up, err := subscriber.NewSignUp("ann"+strconv.Itoa(len(c.slug))+"@reader.example", "Ann", "de", nil)
		if err == nil {
			err = s.SignUp(ctx, up)
		}
		if err != nil {
			t.Fatal(err)
		}
		const last = ` FROM message m JOIN publication p ON p.id = m.publication_id JOIN sender_identity f ON f.id = p.sender_id ORDER BY p.id DESC LIMIT 1`
		link, from := value[string](t, db, `SELECT m.data ->> 'link'`+last), value[ident.UID](t, db, `SELECT f.uid`+last)
		if _, found, _ := strings.Cut(link, "?"); from != c.from || (c.link != "") != (found != "") || !strings.HasSuffix(link, c.link) {
			t.Errorf("%q: %s from %s", c.slug, link, from)
		}
		got, err := db.BrandOf(t.Context(), value[int64](t, db, `SELECT p.id`+last))
		if of := c.from == desk.UID; of && (err != nil || got.UID != made.UID) || !of && !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: of the brand %+v, %v", c.slug, got, err)
		}
	}
	if got, err := db.BrandNamed(t.Context(), "daily news"); err != nil || got.UID != made.UID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := db.BrandNamed(t.Context(), "gone"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a brand that is not there: %v", err)
	}
}
