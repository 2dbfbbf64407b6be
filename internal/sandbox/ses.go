package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// sesRate is the sending rate GetAccount reports, in mails a second, when no fault sets one.
const sesRate = 10_000

// sesInput is the body of SendEmail, as far as the stand-in looks at it.
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
type sesInput struct {
	FromEmailAddress string
	Destination      struct {
		ToAddresses  []string
		CcAddresses  []string
		BccAddresses []string
	}
	Content struct {
		Raw    *struct{ Data []byte }
		Simple *sesSimple
	}
	EmailTags []struct{ Name, Value string }
}

// sesSimple is a mail SES puts together itself.
type sesSimple struct {
	Subject sesText
	Body    struct {
		Text *sesText
		HTML *sesText `json:"Html"`
	}
	Headers []Field
}

type sesText struct{ Data string }

func (s *Sandbox) routeSES(mux *http.ServeMux) {
	mux.HandleFunc("POST /ses/v2/email/outbound-emails", s.sesSend)
	mux.HandleFunc("GET /ses/v2/email/account", s.sesAccount)
	mux.HandleFunc("GET /ses/v2/email/identities/{identity}", s.sesIdentity)
	mux.HandleFunc("/ses/", func(w http.ResponseWriter, _ *http.Request) {
		sesError(w, http.StatusNotFound, "UnknownOperationException", "The stand-in does not have this operation.")
	})
}

func (s *Sandbox) sesSend(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, sesMaxBody)
	if !ok {
		return
	}
	if r.Header.Get("Authorization") == "" {
		sesError(w, http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
		return
	}
	var in sesInput
	if err := json.Unmarshal(body, &in); err != nil {
		sesError(w, http.StatusBadRequest, "SerializationException", "The request is not what SendEmail takes.")
		return
	}
	m := sesMessage(r, in)
	if problem := sesProblem(m); problem != "" {
		s.book.invalid(m, problem)
		sesError(w, http.StatusBadRequest, "BadRequestException", problem)
		return
	}
	if s.accept(w, m, refuseSES) {
		writeJSON(w, http.StatusOK, map[string]string{"MessageId": sesMessageID(m)})
	}
}

// sesMessage makes the record of a mail. What SES would take from the mail itself is taken from there.
func sesMessage(r *http.Request, in sesInput) *Message {
	m := newRequestMessage(r, ProviderSES, ChannelEmail)
	m.From = in.FromEmailAddress
	m.To = strings.Join(slices.Concat(
		in.Destination.ToAddresses, in.Destination.CcAddresses, in.Destination.BccAddresses), ", ")
	switch {
	case in.Content.Raw != nil:
		m.Body = in.Content.Raw.Data
	case in.Content.Simple != nil:
		m.Body = composed(in, *in.Content.Simple)
	}
	if m.From == "" {
		m.From = mailField(m.Body, "From")
	}
	if m.To == "" {
		m.To = mailField(m.Body, "To")
	}
	if m.Identity == "" {
		m.Identity = identityOf(m.Body)
	}
	m.Channel = mailChannel(m.Identity)
	for _, tag := range in.EmailTags {
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		m.Tags[tag.Name] = tag.Value
	}
	return m
}

func sesProblem(m *Message) string {
	switch {
	case len(m.Body) == 0:
		return "Content must be specified as Raw or Simple."
	case len(m.Body) > smtpMaxSize:
		return "Message length is more than 41943040 bytes long."
	case m.From == "":
		return "From address is missing."
	case m.To == "":
		return "Destination is missing."
	}
	return ""
}

// sesMessageID is an id in the layout of SES's own.
func sesMessageID(m *Message) string {
	const zeros = "0000000000000000"
	return zeros[min(len(m.ID), len(zeros)):] + m.ID + "-00000000-0000-4000-8000-000000000000-000000"
}

// refuseSES answers as SES does when it will not send.
func refuseSES(w http.ResponseWriter, v verdict) {
	switch v.outcome {
	case throttled:
		sesError(w, http.StatusTooManyRequests, "TooManyRequestsException", "Maximum sending rate exceeded.")
	case rejected:
		sesError(w, http.StatusBadRequest, "MessageRejected", "Email address is not verified.")
	case down:
		sesError(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "Service is unavailable.")
	case failed, accepted, hungUp:
		sesError(w, http.StatusInternalServerError, "InternalServiceErrorException", "Something went wrong.")
	}
}

// sesError answers with an error in the REST JSON form of AWS.
func sesError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	writeJSON(w, status, map[string]string{"message": message})
}

// sesAccount answers GetAccount. Faults other than an outage leave it alone: it sends nothing.
func (s *Sandbox) sesAccount(w http.ResponseWriter, _ *http.Request) {
	if !s.up(w, ProviderSES, refuseSES) {
		return
	}
	rate := float64(sesRate)
	for _, fault := range s.faults.list(ProviderSES) {
		if fault.Match == "" && fault.RatePerSecond > 0 {
			rate = fault.RatePerSecond
		}
	}
	counts := s.Counts()
	sent := counts[ChannelEmail].Received + counts[ChannelNewsletter].Received
	writeJSON(w, http.StatusOK, map[string]any{
		"DedicatedIpAutoWarmupEnabled": false,
		"EnforcementStatus":            "HEALTHY",
		"ProductionAccessEnabled":      true,
		"SendingEnabled":               true,
		"SendQuota": map[string]any{
			"Max24HourSend": 50_000_000.0, "MaxSendRate": rate, "SentLast24Hours": float64(sent),
		},
	})
}
