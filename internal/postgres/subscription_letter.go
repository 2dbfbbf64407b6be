package postgres

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/subscriber"
)

// askBy mails the link by which a request is confirmed.
func (s *Subscriptions) askBy(ctx context.Context, tx pgx.Tx, r consent.Reader, request int64) error {
	kind := letter.ConfirmSubscription
	if r.Status == string(subscriber.Unsubscribed) {
		kind = letter.Resubscribe
	}
	until := time.Now().Add(consent.ConfirmTime)
	of, err := letterBrand(ctx, tx)
	if err != nil {
		return err
	}
	_, err = s.db.sendLetter(ctx, tx, letter.Letter{Kind: kind, Subscriber: r.ID, Language: r.Language, ExpiresAt: &until, Brand: of,
		Data: map[string]any{letter.Link: branded(s.links.ConfirmLink(r.ID, request, until), of)}, Key: "confirm:" + strconv.FormatInt(request, 10)})
	return err
}

const selectLetterBrand = `SELECT coalesce((SELECT slug FROM brand WHERE slug = $1),
	(SELECT b.slug FROM sender_identity i JOIN brand b ON b.id = i.brand_id WHERE i.is_default), $1)`

// letterBrand is the slug of the brand that a letter is of, empty for none: that of the page on which it was asked for, else that of who
// it is from.
func letterBrand(ctx context.Context, tx pgx.Tx) (slug string, err error) {
	err = tx.QueryRow(ctx, selectLetterBrand, consent.Of(ctx, consent.API).Brand).Scan(&slug)
	return slug, err
}

// branded has a link lead to a page of a brand.
func branded(link, brand string) string {
	if brand == "" {
		return link
	}
	return link + "?brand=" + url.QueryEscape(brand)
}

// mailedLinks is how many links to preferences were mailed to a reader lately, by the keys of their letters.
const mailedLinks = `SELECT count(*) FROM idempotency WHERE principal = $1 AND route = $2 AND key = ANY($3)`

// preferences mails a reader, who is locked, the link to their preferences: once an hour at most, and a few times within a day.
func (s *Subscriptions) preferences(ctx context.Context, tx pgx.Tx, r consent.Reader) error {
	now := time.Now()
	keys := preferenceKeys(r.ID, now)
	var mailed int
	if err := tx.QueryRow(ctx, mailedLinks, audit.Actor(ctx), letterRoute, keys).Scan(&mailed); err != nil || mailed >= consent.MaxRequests {
		return err
	}
	until := now.Add(consent.PreferTime)
	of, err := letterBrand(ctx, tx)
	if err != nil {
		return err
	}
	_, err = s.db.sendLetter(ctx, tx, letter.Letter{Kind: letter.PreferenceLink, Subscriber: r.ID, Language: r.Language, ExpiresAt: &until, Brand: of,
		Data: map[string]any{letter.Link: branded(s.links.PreferLink(r.ID, until), of)}, Key: keys[0]})
	return err
}

// preferenceKeys are the keys of the letters to a reader in this hour and in those before it that are within RequestTime.
func preferenceKeys(reader int64, now time.Time) []string {
	var keys []string
	for ago := time.Duration(0); ago < consent.RequestTime; ago += time.Hour {
		keys = append(keys, "preferences:"+strconv.FormatInt(reader, 10)+":"+now.Add(-ago).UTC().Format("2006-01-02T15"))
	}
	return keys
}

// MailPreferences mails the link to their preferences to a reader with a canonical address; to others nothing. Which of both
// is not said. It is Conflict (no_default_sender), whoever it is, while there is nobody whom a letter could be from.
func (s *Subscriptions) MailPreferences(ctx context.Context, email string) error {
	return s.db.tx(ctx, "mail a link to preferences", func(tx pgx.Tx) error {
		if err := mayWrite(ctx, tx, consent.Of(ctx, consent.API).Brand); err != nil {
			return err
		}
		r, err := scanReader(tx.QueryRow(ctx, selectReader+`WHERE email = $1 FOR UPDATE`, email))
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.preferences(ctx, tx, r)
	})
}
