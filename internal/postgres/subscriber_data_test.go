package postgres

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// untold are columns that may hold something of a person, and why it is not told to them by itself.
func untold() map[string]string {
	const others = "what others wrote is looked for when somebody is erased; their own deliveries are told by title"
	const hash = "it stands for an address that is told"
	return map[string]string{
		"consent.salt": "random; with it the commitment can be checked, and nothing else", "suppression.hash": hash, "subscriber_import.mark": "of a file",
		"publication.data": others, "publication_version.request": others, "rendition.body": others, "webhook_attempt.error": others,
		"webhook_event.data": others, "idempotency.key": others, "idempotency.answer": others, "dead_letter.error": "it is that of the last attempt",
		"erasure.hash": hash, "erasure.address": "it is what is asked for, and sealed until it is nowhere else",
		"consent.commitment": hash, "consent_block.entries": "hashes of the record", "audit_block.entries": "hashes of the log",
	}
}

// tellEverything is all that the answer is made of, as text.
func tellEverything(t *testing.T, db *DB, s subscriber.Subscriber) string {
	t.Helper()
	var told strings.Builder
	tell := func(part any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		told.Write(text)
	}
	tell(s, nil)
	if s.ID != 0 {
		tell(db.Preferences(t.Context(), s.UID))
		tell(db.Engagement(t.Context(), s.ID))
		tell(db.SnapshotsWith(t.Context(), s.ID))
		tell(db.ConsentHistory(t.Context(), s.UID, 0, 100))
	}
	tell(db.Suppressions(t.Context(), s.Email, 0, 1))
	tell(db.MessagesTo(t.Context(), s, 0, 100))
	for after := int64(0); ; {
		page, next, err := db.Received(t.Context(), s, after, 1)
		tell(page, err)
		if after = next; next == 0 {
			return told.String()
		}
	}
}

// TestEveryPersonalColumnIsTold: no column that is erased with a person, or may mention them, is forgotten when they ask what is held
// about them.
func TestEveryPersonalColumnIsTold(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	ann := createReader(t, db, subscriber.Input{Email: "ann-m1@x.org", Name: "m2", Language: "pt-BR", Timezone: "Europe/Lisbon", Country: "PT",
		Attributes: map[string]any{"city": "m4"}, ConsentSource: "m5"})
	if _, err := db.pool.Exec(t.Context(), `UPDATE consent SET detail = '{"email":"m6@x.org"}'`); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, data, created_by)
		 SELECT gen_random_uuid(), 'm7-' || n, 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]', '{}', 'me' FROM generate_series(1, 4) n`,
		`INSERT INTO message (publication_id, subscriber_id, name, language, timezone, data)
		 SELECT p.id, s.id, 'm8', 'm9', 'm10', '{"x": "m11"}' FROM publication p, subscriber s WHERE p.title = 'm7-2'`,
		`INSERT INTO message (publication_id, email, name) SELECT id, 'm12@x.org', 'm13' FROM publication WHERE title = 'm7-3'`,
		`INSERT INTO message (publication_id, subscriber_id, letter, data)
		 SELECT p.id, s.id, 'confirm', '{"link": "secret"}' FROM publication p, subscriber s WHERE p.title = 'm7-4'`,
		`INSERT INTO delivery (publication_id, recipient_id, channel_id, state, attempt, settled_at)
		 SELECT p.id, s.id, 1, 6, 1, now() FROM publication p, subscriber s WHERE p.title IN ('m7-1', 'm7-2')`,
		`INSERT INTO delivery (publication_id, recipient_id, channel_id, state) SELECT id, -id, 1, 2 FROM publication WHERE title = 'm7-3'`,
		`INSERT INTO delivery_attempt (publication_id, recipient_id, channel_id, attempt, state, error_kind, error_code, error)
		 SELECT p.id, s.id, 1, 1, 6, 'give_up', 'rejected', 'm14' FROM publication p, subscriber s WHERE p.title = 'm7-1'`,
		`INSERT INTO segment (uid, slug, name, rule) SELECT gen_random_uuid(), 'm' || n, 'x', '{}' FROM generate_series(16, 18) n`,
		`INSERT INTO segment_snapshot (uid, segment_id, version, rule, ready) SELECT gen_random_uuid(), id, 1, '{}', slug <> 'm17' FROM segment`,
		`INSERT INTO segment_block (snapshot_id, n, members)
		 SELECT p.id, s.id >> 13, set_bit(decode(repeat('00', 1024), 'hex'), (s.id & 8191)::integer, (p.segment_id <> g.id)::integer)
		 FROM segment_snapshot p, subscriber s, segment g WHERE g.slug = 'm18'`,
	} {
		exec(t, db, statement)
	}
	entry := suppression.Entry{Reason: suppression.Manual, Source: suppression.SourceAPI, Note: "m15"}
	if _, _, err := db.Suppress(t.Context(), ann.Email, entry); err != nil {
		t.Fatal(err)
	}
	marks := map[string]string{
		"subscriber.email": "ann-m1@", "subscriber.name": `"m2"`, "subscriber.language": "pt-BR", "subscriber.timezone": "Lisbon", "subscriber.country": `"PT"`,
		"subscriber.attributes": `"m4"`, "subscriber.consent_source": `"m5"`, "consent.detail": "m6@x.org", "publication.title": "m7-1",
		"message.name": `"m8"`, "message.language": `"m9"`, "message.timezone": `"m10"`, "message.data": `"m11"`,
		"delivery_attempt.error": `"m14"`, "suppression.note": `"m15"`, "segment_block.members": `"m16"`,
	}
	told := tellEverything(t, db, byEmail(t, db, ann.Email))
	stranger := tellEverything(t, db, subscriber.Subscriber{Email: "m12@x.org"})
	reasons := untold()
	for kind, columns := range personal() {
		for column := range strings.FieldsSeq(columns) {
			mark, why := marks[column], reasons[column]
			switch {
			case kind == "authored" || column == "message.email":
			case mark == "" && why == "":
				t.Errorf("%s may hold something of a person: tell it to them (subscriber_data.go), or say why not", column)
			case mark != "" && !strings.Contains(told, mark):
				t.Errorf("%s is not told: %s", column, told)
			}
		}
	}
	for _, mark := range []string{"m12@x.org", "m13", "m7-3"} {
		if !strings.Contains(stranger, mark) || strings.Contains(told, mark) {
			t.Errorf("of somebody who is no subscriber %s is to be told, and to nobody else: %s", mark, stranger)
		}
	}
	if strings.Contains(told, "m17") || strings.Contains(told, "m18") {
		t.Errorf("one snapshot is not ready, and of the other they are no member: %s", told)
	}
	if strings.Contains(told, "secret") || strings.Contains(stranger, "ann-m1") {
		t.Errorf("told %s and %s", told, stranger)
	}
	if nobody, err := db.SubscriberByAddress(t.Context(), "nobody@x.org"); err != nil || nobody.ID != 0 || nobody.Email != "nobody@x.org" {
		t.Errorf("nobody is %+v, %v", nobody, err)
	}
}
