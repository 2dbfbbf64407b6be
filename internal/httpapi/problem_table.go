package httpapi

import (
	"net/http"

	"github.com/presswork/presswork/internal/channel"
)

// problemType explains a type of problem. Its title is the status' own, so that it never changes.
type problemType struct {
	Status int
	// Cause is what has happened, Remedy what whoever called can do.
	Cause, Remedy string
}

// problemTypes is the one table of the problems that clients can get, by their codes. A test reads the sources, and fails for
// one that is missing, for one that nothing answers, and for a status that is not the one answered.
func problemTypes() map[string]problemType {
	table := map[string]problemType{
		"malformed_json":      {400, "The body is not one JSON value in UTF-8, or nests deeper than 32 levels.", "Mend the body. `detail` says near which byte it goes wrong."},
		"unreadable_body":     {400, "The connection broke, or the chunks of the body were not in order, before all of it was there.", "Send the request again."},
		"invalid_query":       {400, "A query parameter is unknown, given twice, or has a value that it cannot have; or a cursor is of another list.", "Mend the parameter that `detail` names. Take cursors as they came."},
		"unauthenticated":     {401, "No credential was shown, or one that is not valid: unknown, expired, revoked, or of somebody else.", "Send `Authorization: Bearer` with an API key or a token. Ask an administrator for a new key if it was revoked."},
		"forbidden":           {403, "The credential is valid, and its roles and scopes do not allow this.", "Use one that has the permission which `detail` names, or ask an administrator for it."},
		"own_publication":     {403, "Whoever made a publication, or changed it last, cannot approve it.", "Have somebody else approve it."},
		"not_found":           {404, "There is nothing at this address, or nothing any more.", "Look at the address; list what there is."},
		codeMethodNotAllowed:  {405, "The address exists, and does not take this method.", "Use a method that the header `Allow` names."},
		codeSlowBody:          {408, "The body did not come in in time: 30 seconds, for a file five minutes.", "Send the request again, on a faster line or with a smaller body."},
		"already_exists":      {409, "There is one with this name or address already.", "Use the one that is there, or another name."},
		"in_use":              {409, "Something that is not finished needs it.", "Delete it when that is finished, or cancel that."},
		"wrong_state":         {409, "It is in a state in which this cannot be done.", "Get it, and look at its state."},
		codeVersionMismatch:   {412, "It was changed since the version that `If-Match` names.", "Get it again, and decide anew."},
		"too_large":           {413, "The body is longer than this route takes.", "Send less at once: `detail` says how much it takes."},
		codeMediaType:         {415, "The body is of another media type than this route takes, in another character set than UTF-8, or compressed.", "Send it as `detail` says, without Content-Encoding."},
		"invalid_input":       {422, "The body is well formed, and has values that it cannot have, or fields that are unknown.", "`errors` names every one of them by a JSON pointer (RFC 6901)."},
		codeNoPrecondition:    {428, "A change has to say which version it is meant for.", "Send `If-Match` with the ETag that GET answered."},
		codeRateLimited:       {429, "One of the limits that `RateLimit-Policy` names is used up: of the client's address, or of whom the credential stands for.", "Send it again after `Retry-After` seconds. A backend that needs more is given an API key with a number of its own."},
		"internal":            {500, "Something unforeseen happened.", "Report the correlation id: the log has more under it. Whether the request had an effect is not known; with an Idempotency-Key it can be repeated safely."},
		"database_timeout":    {504, "The database took too long.", "Send it again later, with the same Idempotency-Key."},
		"stopping":            {503, "This process is stopping.", "Send it again after `Retry-After`: another process answers."},
		"redis_unavailable":   {503, "The queue cannot be reached. Publications are still accepted.", "Send it again after `Retry-After`."},
		"issuer_unavailable":  {503, "The keys by which tokens are verified cannot be fetched from the issuer.", "Send it again after `Retry-After`. The token may well be valid."},
		"feedback_not_stored": {503, "What a provider reported could not be stored in time.", "The provider posts it again by itself."},
	}
	for code, t := range problemsOfPublishing() {
		table[code] = t
	}
	return table
}

// problemsOfPublishing are those of single resources.
func problemsOfPublishing() map[string]problemType {
	return map[string]problemType{
		"database_unavailable":    {http.StatusServiceUnavailable, "The database cannot be reached.", "Send it again after `Retry-After`, with the same Idempotency-Key."},
		"outcome_unknown":         {503, "The connection to the database broke while the publication was stored, and it could not be asked whether it was.", "Send it again with the same Idempotency-Key: it is stored once."},
		"not_cloneable":           {409, "It is a digest that was made of what was held back for its readers. No request could ask for another.", "Clone one of the publications that it was made of."},
		"changed_meanwhile":       {409, "It was changed between being read and being written.", "Send it again."},
		"deleted":                 {409, "The publication that came with this Idempotency-Key was deleted.", "Use another Idempotency-Key for another publication."},
		"no_default_sender":       {409, "A mail of our own is to be sent, and there is no sender identity that it could be from.", "Make a sender, which becomes the default: `POST /api/v1/senders`."},
		"idempotency_in_flight":   {409, "Another request with this Idempotency-Key is being worked on.", "Wait for its answer, or send it again a moment later."},
		"idempotency_mismatch":    {422, "This Idempotency-Key came with another body before.", "Use a new key for a new publication, and the same body with the same key."},
		"invalid_idempotency_key": {400, "The Idempotency-Key is empty, too long, given twice, or has characters that it cannot have.", "Use a UUID."},
		"too_many_segments":       {409, "There are 1,000 segments already.", "Delete one that is not used any more."},
		"segment_too_large":       {409, "A segment that refers to this one would have more than 500 conditions, or lead through more than 5 others.", "Make the rule smaller, or have that segment refer to less."},
		"no_such_version":         {404, "It never had the version that was asked for.", "List its versions."},
		"unknown_content":         {404, "Contents that the publication is made of are no more.", "Choose others."},
		"endpoint_unverified":     {409, "The webhook endpoint did not answer a test with 2xx within 5 seconds.", "`detail` says what happened. Mend the receiver, then try again; until then the endpoint can be stored disabled."},
		"too_many_endpoints":      {409, "There are 100 webhook endpoints already.", "Delete one that is not used any more."},
		"placeholder_channel":     {409, "The channel has no credentials, and in production nothing may only pretend to send.", "Give it credentials, then enable it."},
		channel.CodeUnverified:    {409, "The channel does not work as it is set up: its provider was asked, within 5 seconds, and `detail` says what it answered.", "Mend the settings or the secrets, or store the channel with `enabled` false and switch it on when it works."},
		"credentials_missing":     {409, "The channel cannot be enabled without the credentials that `detail` names.", "Give it credentials, then enable it."},
		"credentials_refused":     {409, "A credential of the channel is too short, a default or a placeholder.", "Give it a real one: `detail` names it, not its value."},
		"confirmation_required":   {409, "Somebody who unsubscribed can only come back by themselves.", "Have them asked: `POST /subscribers/ID/confirmation` mails them a link by which they confirm."},
		"already_active":          {409, "The subscriber is active: there is nothing to confirm.", "Nothing is to be done."},
		"address_suppressed":      {409, "The subscriber's address is on the suppression list, so no letter goes there.", "Take it off the list first, if the cause is gone."},
		"asked_enough":            {409, "The subscriber was asked to confirm several times within a day.", "Wait until they answer, or a day."},
		"bulk_refused":            {409, "Items of a call that was all or nothing cannot be done with what is there now. Nothing was written.", "`errors` names every such item. Mend them, or ask for `per_item`."},
		"invalid_lines":           {422, "Lines of the file have errors. Nothing was stored.", "`errors` names the first of them by line and column."},
		"import_differs":          {409, "The id is that of another import: of another file, or with other options.", "Use a new id for each file."},
		"import_elsewhere":        {409, "Another request goes on with this import.", "Ask how far it is: GET /api/v1/subscribers/imports/ID."},
		"import_running":          {409, "This import is under way.", "Ask how far it is: GET /api/v1/subscribers/imports/ID."},
		"snapshots_busy":          {429, "The server is taking a snapshot already.", "Wait as long as Retry-After says and try again."},
		"too_many_snapshots":      {409, "The segment has 100 snapshots already.", "Delete one that is not needed any more, or have them removed by age: PRESSWORK_SNAPSHOTS_KEPT."},
		"imports_busy":            {429, "The server has as many imports in hand as it can.", "Wait as long as Retry-After says and send the file again."},
		"too_many_attributes":     {409, "All subscribers together have more names of attributes than there can be columns.", "Use fewer names of attributes."},
		"filter_required":         {409, "All dead letters are not deleted at once.", "Say which, by a query parameter."},
		"key_revoked":             {409, "The API key was revoked, and cannot be changed any more.", "Make a new one."},
		"no_such_scope":           {404, "There is nothing of this name that can be paused.", "A scope is `all`, `channel:` and a kind, or `queue:` and a name."},
		"no_such_link":            {404, "The link is not valid. It may have been cut off.", "Open the link as it stands in the message."},
		"too_many_streams":        {503, "This process has as many streams of progress as it takes.", "Connect again after `Retry-After`, or ask for the progress now and then."},
		"no_sns_message":          {400, "The body is no message of Amazon SNS.", "Subscribe this address with a topic of SNS, without raw delivery."},
		"no_ses_event":            {400, "The message holds no event of Amazon SES.", "Publish SES's events to the topic, and nothing else."},
		"not_from_sns":            {403, "The message is not signed by Amazon SNS, is too old, or is of a topic that is not trusted.", "Name the topic in `PRESSWORK_SES_EVENTS_TOPICS`."},
		"certificate_unavailable": {503, "The certificate that the message is signed with could not be fetched.", "SNS posts it again by itself."},
		"not_confirmed":           {503, "The subscription could not be confirmed.", "SNS asks again by itself."},
	}
}
