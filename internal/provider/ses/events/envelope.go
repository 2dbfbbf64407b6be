package events

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what Amazon SNS signs with under SignatureVersion 1
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// Types of SNS's messages.
const (
	typeNotification = "Notification"
	typeSubscribe    = "SubscriptionConfirmation"
	typeUnsubscribe  = "UnsubscribeConfirmation"
)

// Envelope is a message of SNS.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type Envelope struct {
	Type             string
	MessageID        string `json:"MessageId"`
	Token            string `json:",omitempty"`
	TopicARN         string `json:"TopicArn"`
	Subject          *string
	Message          string
	SubscribeURL     string `json:",omitempty"`
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

func parseEnvelope(text []byte) (*Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil || e.Type == "" || e.TopicARN == "" {
		return nil, fault.New(fault.Malformed, "no_sns_message", "It is not a message of Amazon SNS.")
	}
	return &e, nil
}

// StringToSign is what SNS signs: names and values of certain fields, in the order of their names, a line each.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
func (e *Envelope) StringToSign() []byte {
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	field("Message", e.Message)
	field("MessageId", e.MessageID)
	if e.Type == typeNotification {
		if e.Subject != nil {
			field("Subject", *e.Subject)
		}
	} else {
		field("SubscribeURL", e.SubscribeURL)
	}
	field("Timestamp", e.Timestamp)
	if e.Type != typeNotification {
		field("Token", e.Token)
	}
	field("TopicArn", e.TopicARN)
	field("Type", e.Type)
	return []byte(b.String())
}

// errForged refuses a message. Why is for the log: who forges is told nothing.
func errForged(why string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "not_from_sns", Detail: "The message is not believed.", Err: refusal(why)}
}

type refusal string

// Error says why.
func (r refusal) Error() string { return string(r) }

// signedBy proves the signature.
func (e *Envelope) signedBy(key *rsa.PublicKey) error {
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return errForged("the signature is not base64")
	}
	text := e.StringToSign()
	switch e.SignatureVersion {
	case "1":
		sum := sha1.Sum(text) //nolint:gosec // see the import
		err = rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256(text)
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		return errForged("the version of the signature is not known")
	}
	if err != nil {
		return errForged("the signature is not that of the certificate")
	}
	return nil
}

// maxAge is how old a message may be: one that was recorded cannot be played again later. SNS gives up on a hook after an
// hour by its default policy for HTTPS. maxAhead allows for a clock of ours that is behind.
const (
	maxAge   = time.Hour
	maxAhead = 15 * time.Minute
)

func (e *Envelope) fresh(now time.Time) error {
	at, err := time.Parse(time.RFC3339, e.Timestamp)
	if err != nil || now.Sub(at) > maxAge || at.Sub(now) > maxAhead {
		return errForged("it is older than an hour, or of no time")
	}
	return nil
}
