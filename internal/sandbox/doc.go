// Package sandbox stands in for the providers Presswork delivers to: AWS SES v2, an SMTP server,
// Slack, Discord and webhook receivers. Everything is served over real sockets, spoken as the real
// providers speak it, recorded, shown in a page, and counted so that a test can say of every delivery
// whether it arrived never, once or more often. Faults (latency, throttling, errors, outages and
// answers that never come) are injected per provider.
//
// A delivery is told by its identity, "publicationUID/channel/recipientID". E-mail carries it in the
// header X-Presswork-Delivery, Slack in the message metadata, Discord in the nonce, webhooks in
// webhook-id; any HTTP request may name it in the header X-Presswork-Delivery instead, which then wins.
//
// It is meant for loopback: nobody is authenticated and every credential is accepted.
package sandbox
