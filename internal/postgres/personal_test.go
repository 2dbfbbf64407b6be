package postgres

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// personal says of every column that can hold text what it may hold of a reader, and what becomes of that when they are erased.
// Whoever adds a column has to say so here, and see to it in subscriber_erase.go. The words:
//
//	erased     it is the reader's, and is emptied with them
//	mentioned  others write it, and a reader's address is taken out of it
//	hashed     a keyed hash, which leads to nobody without SECRET_KEY
//	authored   what the organisation writes for all; whoever wrote a reader into it changes it
func personal() map[string]string {
	return map[string]string{
		"erased": `subscriber.email subscriber.name subscriber.language subscriber.timezone subscriber.country subscriber.attributes
			subscriber.consent_source segment_block.members message.email message.name message.language message.timezone message.data consent.detail consent.salt erasure.address`,
		"mentioned": `publication.title publication.data publication_version.request rendition.body dead_letter.error delivery_attempt.error
			webhook_attempt.error webhook_event.data suppression.note idempotency.key idempotency.answer`,
		"hashed": `suppression.hash erasure.hash subscriber_import.mark consent.commitment consent_block.entries audit_block.entries`,
		"authored": `delivery_policy.digest_template asset.name asset_content.bytes consent_text.body consent_text.language content_version.title content_version.summary content_version.body
			content_version.url content_version.topics content_version.language link.url template.name template_version.subject template_version.html
			template_version.text template_version.language topic.slug topic.name topic.description sender_identity.name sender_identity.from_name
			sender_identity.from_email sender_identity.reply_to sender_identity.postal_address channel.name channel.settings
			brand.slug brand.name brand.logo_url brand.color brand.link_color brand.postal_address brand.website_url brand.privacy_url
			brand.imprint_url brand.support_email brand.language
			channel.secrets segment.slug segment.name segment.description segment.rule segment_snapshot.rule webhook_endpoint.url webhook_endpoint.description webhook_endpoint.secrets`,
	}
}

// TestEveryColumnIsDeclared: no column that can hold text is forgotten when a person is erased. Those that are not named above hold
// words, hashes and ids of Presswork's own, and are named here.
func TestEveryColumnIsDeclared(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, list := range append(slices.Collect(maps.Values(personal())), own) {
		for _, column := range strings.Fields(list) {
			if declared[column] {
				t.Errorf("%s is declared twice", column)
			}
			declared[column] = true
		}
	}
	db := open(t)
	rows, err := db.pool.Query(t.Context(), `
		SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE 'goose%'
		  AND a.attnum > 0 AND NOT a.attisdropped
		  AND format_type(a.atttypid, -1) IN ('text', 'text[]', 'json', 'jsonb', 'bytea', 'character varying', 'inet', 'cidr', 'xml', 'tsvector')`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range columns {
		if !declared[column] {
			t.Errorf("%s can hold text: say what of a reader it may hold, and erase it (subscriber_erase.go)", column)
		}
		delete(declared, column)
	}
	for column := range declared {
		t.Errorf("%s is declared and not there", column)
	}
}

// own are columns with words, hashes, names of operators and machines, and ids: nothing of a reader by their making.
const own = `
	api_key.created_by api_key.name api_key.role api_key.scopes api_key_secret.hash api_key_secret.prefix asset.media_type
	asset.sha256 asset_content.sha256 audit_anchor.hash audit_anchor.key_id audit_anchor.signature audit_block.hash
	audit_block.key_id audit_block.previous audit_event.action audit_event.actor audit_event.changes audit_event.correlation_id
	audit_event.entity batch.state channel.disabled_reason channel.kind channel.provider channel.verified consent.actor
	consent.event consent.source consent.status consent.text_hash consent.topics consent_block.hash consent_block.key_id
	consent_block.previous consent_text.hash content_version.format dead_letter.error_code dead_letter.error_kind
	dead_letter.fingerprint dead_letter.replayed_by delivery.choice delivery_attempt.error_code delivery_attempt.error_kind
	delivery_policy.caps digest_item.items erasure.state feedback.key idempotency.principal idempotency.request_hash idempotency.route message.letter outbox.kind
	outbox.payload outbox.queue outbox.task_id outbox.trace_context pause.paused_by pause.scope pause_lane.scope pool_wanted.pool
	publication.approval publication.attachments publication.audience publication.contents publication.correlation_id
	publication.created_by publication.failure publication.priority publication.revised_by publication.revised_correlation
	publication.state publication.templates publication.trace_context publication.type publication_version.changed_by
	publication_version.contents publication_version.correlation_id publication_version.templates reach.members rendition.language reopening.by
	reopening.fingerprint replay.created_by replay.filter replay.note replay.state reputation_domain.domain reputation_pause.cause sender_session.process
	sender_check.domain sender_check.level sender_check.findings service_time.kind subscriber.status subscriber_import.duplicates subscriber_import.problems subscriber_import.state
	suppression.source template.channel webhook_endpoint.disabled_reason webhook_endpoint.events webhook_endpoint.verified
	webhook_event.subject webhook_event.type webhook_message.state worker.process worker.queues`
