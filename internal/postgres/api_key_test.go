package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// newKey stores a key and returns it with its text.
func newKey(tb testing.TB, db *DB, k auth.Key) (auth.Key, string) {
	tb.Helper()
	text, prefix, hash := auth.NewSecret()
	if k.CreatedBy == "" {
		k.CreatedBy = auth.AdminID
	}
	stored, err := db.CreateKey(tb.Context(), k, prefix, hash)
	if err != nil {
		tb.Fatal(err)
	}
	return stored, text
}

func fine(auth.Key) error { return nil }

func TestKeyComesBack(t *testing.T) {
	t.Parallel()
	db := open(t)
	expires := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	want, text := newKey(t, db, auth.Key{Name: "CMS", Role: auth.Publisher, RatePerHour: 5000, ExpiresAt: &expires,
		Scopes: []auth.Permission{auth.PublicationsWrite, auth.TopicsRead}})
	got, err := db.Key(t.Context(), want.UID)
	if err != nil || got.Name != "CMS" || got.Role != auth.Publisher || got.RatePerHour != 5000 || !got.ExpiresAt.Equal(expires) ||
		got.Version != 1 || got.CreatedBy != auth.AdminID || got.LastUsedAt != nil || got.RevokedAt != nil ||
		!slices.Equal(got.Scopes, []auth.Permission{auth.PublicationsWrite, auth.TopicsRead}) {
		t.Errorf("%+v, %v", got, err)
	}
	prefix, hash, _ := auth.ParseSecret(text)
	if len(got.Secrets) != 1 || got.Secrets[0].Prefix != prefix || got.Secrets[0].ExpiresAt != nil || got.Secrets[0].CreatedAt.IsZero() {
		t.Errorf("secrets %+v", got.Secrets)
	}
	stored, err := db.KeyByPrefix(t.Context(), prefix)
	if err != nil || !stored.Hash.Equal(hash) || stored.SecretExpiresAt != nil || stored.Key.Principal().ID != want.Principal().ID ||
		stored.Key.Principal().Permissions() != want.Principal().Permissions() || stored.Key.RatePerHour != 5000 || !stored.Key.ExpiresAt.Equal(expires) {
		t.Errorf("%+v, %v", stored, err)
	}
	rows := value[string](t, db, `
		SELECT concat((SELECT string_agg(k::text || encode(s.hash, 'escape') || s::text, ' ') FROM api_key k JOIN api_key_secret s ON s.key_id = k.id),
		              (SELECT string_agg(a::text, ' ') FROM audit_event a))`)
	if secret := strings.Split(text, "_")[2]; !strings.Contains(rows, prefix) || strings.Contains(rows, secret[:8]) {
		t.Errorf("the key itself is stored, or nothing is: %s", rows)
	}
}

// TestScopes: null is all of the role's, an empty list nothing, and neither becomes the other.
func TestScopesOfKeys(t *testing.T) {
	t.Parallel()
	db := open(t)
	all, text := newKey(t, db, auth.Key{Name: "all", Role: auth.Admin})
	none, _ := newKey(t, db, auth.Key{Name: "none", Role: auth.Admin, Scopes: []auth.Permission{}})
	if all.Scopes != nil || none.Scopes == nil || none.Principal().Permissions() != 0 || all.Principal().Permissions() != auth.Admin.Permissions() {
		t.Errorf("%+v, %+v", all.Scopes, none.Scopes)
	}
	exec(t, db, `UPDATE api_key SET scopes = '{topics:read,from:tomorrow}' WHERE uid = '`+all.UID.String()+`'`)
	prefix, _, _ := auth.ParseSecret(text)
	if stored, err := db.KeyByPrefix(t.Context(), prefix); err != nil || stored.Key.Principal().Permissions() != auth.SetOf(auth.TopicsRead) {
		t.Errorf("a scope of a newer build: %+v, %v", stored.Key.Scopes, err)
	}
}

func TestUpdateKey(t *testing.T) {
	t.Parallel()
	db := open(t)
	k, _ := newKey(t, db, auth.Key{Name: "one", Role: auth.Analyst})
	other, _ := newKey(t, db, auth.Key{Name: "two", Role: auth.Analyst})
	ctx := audit.WithActor(t.Context(), "key:x")
	got, err := db.UpdateKey(ctx, k.UID, func(before auth.Key) (auth.Key, error) {
		if before.Name != "one" || before.Version != 1 {
			t.Errorf("before: %+v", before)
		}
		before.Name, before.Role, before.RatePerHour = "first", auth.Ops, 7
		return before, nil
	})
	if err != nil || got.Name != "first" || got.Role != auth.Ops || got.RatePerHour != 7 || got.Version != 2 || len(got.Secrets) != 1 || got.UID != k.UID {
		t.Errorf("%+v, %v", got, err)
	}
	if fields := value[string](t, db, `SELECT changes->>'fields' FROM audit_event WHERE action = 'api_key.update' AND actor = 'key:x' AND entity_uid = $1`, k.UID); fields != `["name", "rate_per_hour", "role"]` {
		t.Errorf("audited %s", fields)
	}
	refusal := errors.New("no")
	if _, err := db.UpdateKey(ctx, k.UID, func(k auth.Key) (auth.Key, error) { return k, refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if _, err := db.UpdateKey(ctx, k.UID, func(k auth.Key) (auth.Key, error) { k.Name = other.Name; return k, nil }); !fault.Is(err, fault.Conflict) {
		t.Errorf("the name of another: %v", err)
	}
	if _, err := db.UpdateKey(ctx, ident.New(), func(k auth.Key) (auth.Key, error) { return k, nil }); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v", err)
	}
}

// TestRotateKey: the old secret goes on for the overlap, and no rotation gives it more time than it had.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	db := open(t)
	k, first := newKey(t, db, auth.Key{Name: "one", Role: auth.Analyst})
	rotate := func(overlap time.Duration) (auth.Key, string) {
		t.Helper()
		text, prefix, hash := auth.NewSecret()
		got, err := db.RotateKey(t.Context(), k.UID, overlap, prefix, hash, fine)
		if err != nil || got.Secrets[0].Prefix != prefix || got.Secrets[0].ExpiresAt != nil {
			t.Fatalf("%+v, %v", got, err)
		}
		return got, text
	}
	ends := func(text string) *time.Time {
		t.Helper()
		prefix, _, _ := auth.ParseSecret(text)
		stored, err := db.KeyByPrefix(t.Context(), prefix)
		if err != nil || stored.Key.UID != k.UID {
			t.Fatal(stored, err)
		}
		return stored.SecretExpiresAt
	}
	got, second := rotate(time.Hour)
	if len(got.Secrets) != 2 || got.Version != 2 {
		t.Errorf("%+v", got)
	}
	hour := *ends(first)
	if left := time.Until(hour); left > time.Hour || left < 50*time.Minute {
		t.Errorf("the old one has %s", left)
	}
	rotate(24 * time.Hour)
	if again := *ends(first); !again.Equal(hour) {
		t.Errorf("the oldest had until %s and has until %s", hour, again)
	}
	if ends(second) == nil {
		t.Error("the second does not end")
	}
	ended := func(text string) bool {
		t.Helper()
		prefix, _, _ := auth.ParseSecret(text)
		stored, err := db.KeyByPrefix(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		return stored.Ended
	}
	got, newest := rotate(0)
	if len(got.Secrets) != 1 || !ended(second) || ended(newest) {
		t.Errorf("without an overlap %d secrets are left; the one before has ended: %v", len(got.Secrets), ended(second))
	}
	rotate(time.Hour) // clears away what has ended
	if n := value[int](t, db, `SELECT count(*)::int FROM api_key_secret`); n != 2 {
		t.Errorf("%d secrets are kept", n)
	}
	_, prefix, hash := auth.NewSecret()
	refusal := errors.New("no")
	if _, err := db.RotateKey(t.Context(), k.UID, 0, prefix, hash, func(auth.Key) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if _, err := db.RotateKey(t.Context(), ident.New(), 0, prefix, hash, fine); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestRevokeKey(t *testing.T) {
	t.Parallel()
	db := open(t)
	k, text := newKey(t, db, auth.Key{Name: "one", Role: auth.Analyst})
	refusal := errors.New("no")
	if err := db.RevokeKey(t.Context(), k.UID, func(auth.Key) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	for range 2 {
		if err := db.RevokeKey(t.Context(), k.UID, fine); err != nil {
			t.Fatal(err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'api_key.revoke'`); n != 1 {
		t.Errorf("%d lines of it", n)
	}
	prefix, _, _ := auth.ParseSecret(text)
	if stored, err := db.KeyByPrefix(t.Context(), prefix); err != nil || stored.Key.RevokedAt == nil {
		t.Errorf("%+v, %v", stored, err)
	}
	if got, err := db.Key(t.Context(), k.UID); err != nil || got.RevokedAt == nil {
		t.Errorf("it is not kept: %+v, %v", got, err)
	}
	_, prefix, hash := auth.NewSecret()
	if _, err := db.RotateKey(t.Context(), k.UID, 0, prefix, hash, fine); !fault.Is(err, fault.Conflict) {
		t.Errorf("rotated: %v", err)
	}
	if _, err := db.UpdateKey(t.Context(), k.UID, func(k auth.Key) (auth.Key, error) { return k, nil }); !fault.Is(err, fault.Conflict) {
		t.Errorf("updated: %v", err)
	}
	if err := db.RevokeKey(t.Context(), ident.New(), fine); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v", err)
	}
	if _, err := db.CreateKey(t.Context(), auth.Key{Name: "one", Role: auth.Ops}, prefix, hash); err != nil {
		t.Errorf("its name is not free: %v", err)
	}
}

func TestListKeys(t *testing.T) {
	t.Parallel()
	db := open(t)
	var want []ident.UID
	for _, name := range []string{"a", "b", "c"} {
		k, _ := newKey(t, db, auth.Key{Name: name, Role: auth.Ops})
		want = append(want, k.UID)
	}
	first, err := db.ListKeys(t.Context(), 0, 2)
	if err != nil || len(first) != 2 {
		t.Fatal(first, err)
	}
	rest, err := db.ListKeys(t.Context(), first[1].ID, 2)
	if err != nil || len(rest) != 1 || first[0].UID != want[0] || first[1].UID != want[1] || rest[0].UID != want[2] {
		t.Errorf("%v then %v, %v", first, rest, err)
	}
}

func TestTouchKeys(t *testing.T) {
	t.Parallel()
	db := open(t)
	k, _ := newKey(t, db, auth.Key{Name: "a", Role: auth.Ops})
	other, _ := newKey(t, db, auth.Key{Name: "b", Role: auth.Ops})
	touch := func() time.Time {
		t.Helper()
		if err := db.TouchKeys(t.Context(), []int64{k.ID, 12345}); err != nil {
			t.Fatal(err)
		}
		got, err := db.Key(t.Context(), k.UID)
		if err != nil || got.LastUsedAt == nil || got.Version != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		return *got.LastUsedAt
	}
	first := touch()
	if again := touch(); !again.Equal(first) {
		t.Error("written twice within a minute")
	}
	exec(t, db, `UPDATE api_key SET last_used_at = last_used_at - interval '2 minutes'`)
	if later := touch(); later.Before(first) {
		t.Error("not written after two minutes")
	}
	if got, err := db.Key(t.Context(), other.UID); err != nil || got.LastUsedAt != nil {
		t.Errorf("another was touched: %v", err)
	}
}

func TestRecordFailures(t *testing.T) {
	t.Parallel()
	db := open(t)
	err := db.RecordFailures(context.Background(), []auth.Failure{
		{Reason: auth.Expired, Credential: "abc", Address: "hash", CorrelationID: "c1"}, {Reason: auth.Malformed, CorrelationID: "c2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := db.ListAudit(t.Context(), 0, 10)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	slices.SortFunc(list, func(a, b audit.Event) int { return strings.Compare(a.CorrelationID, b.CorrelationID) })
	for _, e := range list {
		if e.Actor != audit.Anonymous || e.Action != "authentication.fail" || e.Entity != "authentication" || !e.EntityUID.IsZero() || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	if a, b := list[0].Changes, list[1].Changes; len(a) != 3 || a["reason"] != "expired" || a["credential"] != "abc" || a["address"] != "hash" || len(b) != 1 || b["reason"] != "malformed" {
		t.Errorf("%v, %v", a, b)
	}
}
