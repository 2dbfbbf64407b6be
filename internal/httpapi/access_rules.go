package httpapi

import "github.com/presswork/presswork/internal/auth"

// accessRules is the one table of who may use which route. A test holds it against the routes that are registered: none is
// without a line, no line without a route.
func accessRules() map[string]access { //nolint:funlen // it is a table
	public := access{public: true}
	needs := func(p auth.Permission) access { return access{needs: p} }
	return map[string]access{
		"* /healthz": public,
		"* /readyz":  public,

		"* /api/openapi.json": public, // the description
		"* /api/docs":         public,
		"GET /problems":       public, // what each type of problem means
		"GET /problems/:code": public,

		"* /p/*path":       public, // the readers' pages: their links are signed
		"* /t/o/:token":    public, // signed as well
		"* /t/c/:token/:n": public,
		"POST /hooks/ses":  public, // its messages are signed

		"GET /api/v1/topics":        needs(auth.TopicsRead),
		"POST /api/v1/topics":       needs(auth.TopicsWrite),
		"GET /api/v1/topics/:id":    needs(auth.TopicsRead),
		"PUT /api/v1/topics/:id":    needs(auth.TopicsWrite),
		"DELETE /api/v1/topics/:id": needs(auth.TopicsWrite),

		"GET /api/v1/subscribers":                   needs(auth.SubscribersRead),
		"POST /api/v1/subscribers":                  needs(auth.SubscribersWrite),
		"GET /api/v1/subscribers/export":            needs(auth.SubscribersExport),
		"POST /api/v1/subscribers/import":           needs(auth.SubscribersWrite),
		"GET /api/v1/subscribers/imports/:id":       needs(auth.SubscribersRead),
		"POST /api/v1/subscribers/bulk":             needs(auth.SubscribersWrite),
		"GET /api/v1/subscribers/:id":               needs(auth.SubscribersRead),
		"PUT /api/v1/subscribers/:id":               needs(auth.SubscribersWrite),
		"DELETE /api/v1/subscribers/:id":            needs(auth.SubscribersWrite),
		"GET /api/v1/subscribers/:id/consent":       needs(auth.SubscribersRead),
		"GET /api/v1/subscribers/:id/preferences":   needs(auth.SubscribersRead),
		"PUT /api/v1/subscribers/:id/preferences":   needs(auth.SubscribersWrite),
		"POST /api/v1/subscribers/:id/confirmation": needs(auth.SubscribersWrite),
		"GET /api/v1/subscribers/:id/data":          needs(auth.SubscribersExport),
		"POST /api/v1/subscribers/data":             needs(auth.SubscribersExport),
		"POST /api/v1/subscribers/erase":            needs(auth.SubscribersWrite),
		"POST /api/v1/subscribers/:id/erase":        needs(auth.SubscribersWrite),
		"GET /api/v1/erasures":                      needs(auth.SubscribersRead),
		"GET /api/v1/erasures/:id":                  needs(auth.SubscribersRead),

		"GET /api/v1/segments":              needs(auth.SegmentsRead),
		"POST /api/v1/segments":             needs(auth.SegmentsWrite),
		"GET /api/v1/segments/ready-made":   needs(auth.SegmentsRead),
		"POST /api/v1/segments/preview":     needs(auth.SegmentsRead),
		"POST /api/v1/segments/explain":     needs(auth.SegmentsRead),
		"GET /api/v1/segments/:id":          needs(auth.SegmentsRead),
		"PUT /api/v1/segments/:id":          needs(auth.SegmentsWrite),
		"DELETE /api/v1/segments/:id":       needs(auth.SegmentsWrite),
		"POST /api/v1/segments/:id/preview": needs(auth.SegmentsRead),
		"POST /api/v1/segments/:id/explain": needs(auth.SegmentsRead),

		"GET /api/v1/segments/:id/snapshots":        needs(auth.SegmentsRead),
		"POST /api/v1/segments/:id/snapshots":       needs(auth.SegmentsWrite),
		"GET /api/v1/segment-snapshots/:id":         needs(auth.SegmentsRead),
		"DELETE /api/v1/segment-snapshots/:id":      needs(auth.SegmentsWrite),
		"GET /api/v1/segment-snapshots/:id/members": needs(auth.SubscribersRead), // whoever is named by an id
		"GET /api/v1/segment-snapshots/:id/changes": needs(auth.SegmentsRead),

		"GET /api/v1/contents":                       needs(auth.ContentsRead),
		"POST /api/v1/contents":                      needs(auth.ContentsWrite),
		"GET /api/v1/contents/:id":                   needs(auth.ContentsRead),
		"GET /api/v1/contents/:id/versions/:version": needs(auth.ContentsRead),
		"PUT /api/v1/contents/:id":                   needs(auth.ContentsWrite),
		"DELETE /api/v1/contents/:id":                needs(auth.ContentsWrite),

		"GET /api/v1/templates":        needs(auth.TemplatesRead),
		"POST /api/v1/templates":       needs(auth.TemplatesWrite),
		"GET /api/v1/templates/:id":    needs(auth.TemplatesRead),
		"PUT /api/v1/templates/:id":    needs(auth.TemplatesWrite),
		"DELETE /api/v1/templates/:id": needs(auth.TemplatesWrite),

		"GET /api/v1/assets":             needs(auth.AssetsRead),
		"POST /api/v1/assets":            needs(auth.AssetsWrite),
		"GET /api/v1/assets/:id":         needs(auth.AssetsRead),
		"GET /api/v1/assets/:id/content": needs(auth.AssetsRead),
		"DELETE /api/v1/assets/:id":      needs(auth.AssetsWrite),

		"GET /api/v1/channels":              needs(auth.ChannelsRead),
		"POST /api/v1/channels":             needs(auth.ChannelsWrite),
		"GET /api/v1/channels/:id":          needs(auth.ChannelsRead),
		"PUT /api/v1/channels/:id":          needs(auth.ChannelsWrite),
		"POST /api/v1/channels/:id/verify":  needs(auth.ChannelsControl),
		"POST /api/v1/channels/:id/enable":  needs(auth.ChannelsControl),
		"POST /api/v1/channels/:id/disable": needs(auth.ChannelsControl),
		"DELETE /api/v1/channels/:id":       needs(auth.ChannelsWrite),

		"GET /api/v1/senders":                  needs(auth.SendersRead),
		"POST /api/v1/senders":                 needs(auth.SendersWrite),
		"GET /api/v1/senders/failing":          needs(auth.SendersRead),
		"GET /api/v1/senders/:id":              needs(auth.SendersRead),
		"PUT /api/v1/senders/:id":              needs(auth.SendersWrite),
		"DELETE /api/v1/senders/:id":           needs(auth.SendersWrite),
		"POST /api/v1/senders/:id/verify":      needs(auth.SendersWrite),
		"GET /api/v1/senders/:id/verification": needs(auth.SendersRead),

		// A brand says who mail is from, as its senders do.
		"GET /api/v1/brands":        needs(auth.SendersRead),
		"POST /api/v1/brands":       needs(auth.SendersWrite),
		"GET /api/v1/brands/:id":    needs(auth.SendersRead),
		"PUT /api/v1/brands/:id":    needs(auth.SendersWrite),
		"DELETE /api/v1/brands/:id": needs(auth.SendersWrite),

		"GET /api/v1/publications":                            needs(auth.PublicationsRead),
		"POST /api/v1/publications":                           needs(auth.PublicationsWrite),
		"POST /api/v1/publications/bulk":                      needs(auth.PublicationsWrite),
		"GET /api/v1/publications/:id":                        needs(auth.PublicationsRead),
		"POST /api/v1/publications/:id/pause":                 needs(auth.PublicationsControl),
		"POST /api/v1/publications/:id/resume":                needs(auth.PublicationsControl),
		"POST /api/v1/publications/:id/cancel":                needs(auth.PublicationsControl),
		"PUT /api/v1/publications/:id":                        needs(auth.PublicationsWrite),
		"DELETE /api/v1/publications/:id":                     needs(auth.PublicationsWrite),
		"POST /api/v1/publications/:id/publish":               needs(auth.PublicationsWrite),
		"POST /api/v1/publications/:id/clone":                 needs(auth.PublicationsWrite),
		"POST /api/v1/publications/:id/rollback":              needs(auth.PublicationsWrite),
		"GET /api/v1/publications/:id/versions":               needs(auth.PublicationsRead),
		"GET /api/v1/publications/:id/versions/:version":      needs(auth.RecipientsRead), // it names readers
		"GET /api/v1/publications/:id/versions/:version/diff": needs(auth.RecipientsRead),
		"POST /api/v1/publications/:id/approve":               needs(auth.PublicationsApprove),
		"POST /api/v1/publications/:id/reject":                needs(auth.PublicationsApprove),
		"GET /api/v1/publications/:id/progress":               needs(auth.PublicationsRead),
		"GET /api/v1/publications/:id/progress/stream":        needs(auth.PublicationsRead),
		"GET /api/v1/publications/:id/deferred":               needs(auth.PublicationsRead),
		"GET /api/v1/publications/:id/analytics":              needs(auth.AnalyticsRead),
		"GET /api/v1/publications/:id/uncertain":              needs(auth.UncertainRead),

		"GET /api/v1/publications/:id/recipients":            needs(auth.RecipientsRead),
		"GET /api/v1/publications/:id/recipients/lookup":     needs(auth.RecipientsRead),
		"GET /api/v1/publications/:id/recipients/:recipient": needs(auth.RecipientsRead),

		"GET /api/v1/messages":             needs(auth.MessagesRead),
		"POST /api/v1/messages":            needs(auth.MessagesWrite),
		"GET /api/v1/messages/:id":         needs(auth.MessagesRead),
		"POST /api/v1/messages/:id/cancel": needs(auth.MessagesWrite),

		"GET /api/v1/pauses":           needs(auth.PausesRead),
		"PUT /api/v1/pauses/:scope":    needs(auth.PausesWrite),
		"DELETE /api/v1/pauses/:scope": needs(auth.PausesWrite),
		"GET /api/v1/queues":           needs(auth.QueuesRead),

		"GET /api/v1/delivery-policy": needs(auth.PolicyRead),
		"PUT /api/v1/delivery-policy": needs(auth.PolicyWrite),

		"GET /api/v1/reputation":        needs(auth.ReputationRead),
		"GET /api/v1/reputation/policy": needs(auth.ReputationRead),
		"PUT /api/v1/reputation/policy": needs(auth.ReputationWrite),

		"GET /api/v1/suppressions":         needs(auth.SuppressionsRead),
		"POST /api/v1/suppressions":        needs(auth.SuppressionsWrite),
		"POST /api/v1/suppressions/lookup": needs(auth.SuppressionsRead),
		"POST /api/v1/suppressions/import": needs(auth.SuppressionsWrite),
		"GET /api/v1/suppressions/export":  needs(auth.SubscribersExport), // it names readers
		"GET /api/v1/suppressions/:id":     needs(auth.SuppressionsRead),
		"DELETE /api/v1/suppressions/:id":  needs(auth.SuppressionsWrite),

		"GET /api/v1/dead-letters":                     needs(auth.DeadLettersRead),
		"GET /api/v1/dead-letters/groups":              needs(auth.DeadLettersRead),
		"GET /api/v1/dead-letters/:id":                 needs(auth.DeadLettersRead),
		"DELETE /api/v1/dead-letters":                  needs(auth.DeadLettersWrite),
		"DELETE /api/v1/dead-letters/:id":              needs(auth.DeadLettersWrite),
		"POST /api/v1/dead-letters/replays":            needs(auth.DeadLettersWrite),
		"GET /api/v1/dead-letters/replays":             needs(auth.DeadLettersRead),
		"GET /api/v1/dead-letters/replays/:id":         needs(auth.DeadLettersRead),
		"POST /api/v1/dead-letters/replays/:id/cancel": needs(auth.DeadLettersWrite),

		"GET /api/v1/uncertain":         needs(auth.UncertainRead),
		"GET /api/v1/uncertain/counts":  needs(auth.UncertainRead),
		"POST /api/v1/uncertain/decide": needs(auth.UncertainWrite),

		"GET /api/v1/audit-events":     needs(auth.AuditRead),
		"GET /api/v1/audit-events/:id": needs(auth.AuditRead),

		"GET /api/v1/api-keys":             needs(auth.APIKeysRead),
		"POST /api/v1/api-keys":            needs(auth.APIKeysWrite),
		"GET /api/v1/api-keys/:id":         needs(auth.APIKeysRead),
		"PUT /api/v1/api-keys/:id":         needs(auth.APIKeysWrite),
		"POST /api/v1/api-keys/:id/rotate": needs(auth.APIKeysWrite),
		"DELETE /api/v1/api-keys/:id":      needs(auth.APIKeysWrite),

		"GET /api/v1/webhook-endpoints":                               needs(auth.WebhooksRead),
		"POST /api/v1/webhook-endpoints":                              needs(auth.WebhooksWrite),
		"GET /api/v1/webhook-endpoints/:id":                           needs(auth.WebhooksRead),
		"PUT /api/v1/webhook-endpoints/:id":                           needs(auth.WebhooksWrite),
		"DELETE /api/v1/webhook-endpoints/:id":                        needs(auth.WebhooksWrite),
		"POST /api/v1/webhook-endpoints/:id/enable":                   needs(auth.WebhooksControl),
		"POST /api/v1/webhook-endpoints/:id/disable":                  needs(auth.WebhooksControl),
		"POST /api/v1/webhook-endpoints/:id/verify":                   needs(auth.WebhooksControl),
		"POST /api/v1/webhook-endpoints/:id/rotate-secret":            needs(auth.WebhooksWrite),
		"GET /api/v1/webhook-endpoints/:id/deliveries":                needs(auth.WebhooksRead),
		"GET /api/v1/webhook-endpoints/:id/deliveries/:event":         needs(auth.WebhooksRead),
		"POST /api/v1/webhook-endpoints/:id/deliveries/:event/resend": needs(auth.WebhooksControl),
		"POST /api/v1/webhook-endpoints/:id/recover":                  needs(auth.WebhooksControl),
		"GET /api/v1/webhook-event-types":                             needs(auth.WebhooksRead),
	}
}
