package events

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/sandbox"
)

// serve has the hook at an address while do runs.
func serve(t *testing.T, h *Hook, do func(address string)) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = h.Receive(r.Context(), body)
		}
		switch {
		case fault.Is(err, fault.Unavailable):
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	do(server.URL)
}

// authority is a certificate authority of the test's.
type authority struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, template *x509.Certificate, by *authority, key any) []byte {
	t.Helper()
	template.SerialNumber, template.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newAuthority(t *testing.T, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if by == nil {
		by = &authority{template, nil, key}
	}
	a.der = issue(t, template, by, key.Public())
	if a.cert, err = x509.ParseCertificate(a.der); err != nil {
		t.Fatal(err)
	}
	return a
}

// web answers requests without a network.
type web map[string][]byte

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	body, there := w[r.URL.String()]
	status := http.StatusOK
	if !there {
		status = http.StatusNotFound
	}
	if string(body) == "down" {
		status = http.StatusBadGateway
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(body))), Header: http.Header{}, Request: r}, nil
}

const (
	certificateURL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
	issuerURL      = "http://crt.r2m02.amazontrust.com/r2m02.cer"
)

// TestAmazonCertificate has a chain like Amazon's: a root that the machine knows, an authority below it, whose certificate
// has to be fetched, and SNS's own.
func TestAmazonCertificate(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "Root", nil)
	middle, other := newAuthority(t, "Middle", root), newAuthority(t, "Other", nil)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(by *authority, change func(*x509.Certificate)) []byte {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"},
			IssuingCertificateURL: []string{issuerURL}}
		if change != nil {
			change(template)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(t, template, by, key.Public())})
	}
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	for name, c := range map[string]struct {
		cert []byte
		ok   bool
	}{
		"good":       {certificate(middle, nil), true},
		"with chain": {append(certificate(middle, func(c *x509.Certificate) { c.IssuingCertificateURL = nil }), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: middle.der})...), true},
		"other root": {certificate(other, nil), false},
		"alone":      {certificate(middle, func(c *x509.Certificate) { c.IssuingCertificateURL = nil }), false},
		"elsewhere":  {certificate(middle, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://evil.example/amazontrust.com"} }), false},
		"other name": {certificate(middle, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = []string{"evil.example"}, "evil.example" }), false},
		"name of evil": {certificate(middle, func(c *x509.Certificate) {
			c.DNSNames, c.Subject.CommonName = nil, "sns.amazonaws.com.evil.example"
		}), false},
		"expired": {certificate(middle, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), false},
		"none":    {[]byte("no certificate"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &amazon{client: &http.Client{Transport: web{certificateURL: c.cert, issuerURL: middle.der}}, roots: roots}
			cert, err := a.Certificate(t.Context(), certificateURL)
			if c.ok && (err != nil || cert == nil) || !c.ok && !errors.Is(err, ErrUntrusted) {
				t.Errorf("%v", err)
			}
		})
	}
	a := &amazon{client: &http.Client{Transport: web{certificateURL: []byte("down")}}, roots: roots}
	if _, err := a.Certificate(t.Context(), certificateURL); err == nil || errors.Is(err, ErrUntrusted) {
		t.Errorf("while SNS was away: %v", err)
	}
}

func TestAmazonAddresses(t *testing.T) {
	t.Parallel()
	visited := web{"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t": nil,
		"https://sns.cn-north-1.amazonaws.com.cn/?Token=t": nil, "https://sns.us-gov-west-1.amazonaws.com/?Token=t": nil}
	a := &amazon{client: &http.Client{Transport: visited}}
	for address := range visited {
		if err := a.Confirm(t.Context(), address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"", "http://sns.eu-central-1.amazonaws.com/x", "https://sns.eu-central-1.amazonaws.com.evil.example/x", "https://evil.example/sns.eu-central-1.amazonaws.com",
		"https://sns.eu-central-1.amazonaws.com@evil.example/x", "https://user@sns.eu-central-1.amazonaws.com/x", "https://sns.eu-central-1.amazonaws.com:8443/x",
		"https://xsns.eu-central-1.amazonaws.com/x", "https://s3.eu-central-1.amazonaws.com/sns", "https://sns.amazonaws.com/x", "https://SNS.eu-central-1.amazonaws.com/x",
		"https://sns.evil.eu-central-1.amazonaws.com/x", "https://127.0.0.1/x", "https://sns.eu-central-1.amazonaws.com/x#y", "file:///etc/passwd",
	} {
		if err := a.Confirm(t.Context(), address); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%q: confirmed, %v", address, err)
		}
		if _, err := a.Certificate(t.Context(), address); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%q: certificate, %v", address, err)
		}
	}
	for _, address := range []string{certificateURL + "?x", strings.Replace(certificateURL, "Simple", "Other", 1), strings.Replace(certificateURL, "/Simple", "/x/Simple", 1)} {
		if _, err := a.Certificate(t.Context(), address); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOnlyTheStandinIsTrusted(t *testing.T) {
	t.Parallel()
	s := Standin("http://127.0.0.1:1/sns")
	for _, address := range []string{"http://127.0.0.1:1/snsx", "http://127.0.0.1:10/sns/x", certificateURL} {
		if err := s.Confirm(t.Context(), address); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if Amazon() == nil {
		t.Error("there is no trust in Amazon")
	}
}

func FuzzAddress(f *testing.F) {
	f.Add(certificateURL)
	f.Add("https://sns.us-east-1.amazonaws.com\\@evil.example/x")
	f.Fuzz(func(t *testing.T, address string) {
		u, err := (&amazon{}).api(address)
		if err == nil && (u.Scheme != "https" || !strings.HasPrefix(u.Host, "sns.") || !strings.HasSuffix(strings.TrimSuffix(u.Host, ".cn"), ".amazonaws.com")) {
			t.Errorf("%q is called trusted", address)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"Type":"Notification","TopicArn":"a","Subject":"s","Timestamp":"2026-01-01T00:00:00.000Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parseEnvelope(text)
		if err != nil {
			return
		}
		if len(e.StringToSign()) == 0 || e.fresh(time.Time{}) == nil && e.Timestamp == "" {
			t.Error("an empty text is signed, or no time is fresh")
		}
		if e.signedBy(&key.PublicKey) == nil {
			t.Error("a random key has signed it")
		}
	})
}

// slow is SNS, of which only some addresses answer at once.
type slow struct {
	Trust
	asked   chan struct{}
	answers chan struct{}
}

func (s slow) Certificate(ctx context.Context, address string) (*x509.Certificate, error) {
	if strings.HasSuffix(address, "/none") {
		s.asked <- struct{}{}
		<-s.answers
		return nil, ErrUntrusted
	}
	return s.Trust.Certificate(ctx, address)
}

// TestForgersKeepNobodyWaiting: what is signed by a certificate that is known is believed while another is fetched, and after
// more forged ones than are remembered.
func TestForgersKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	s := start(t)
	h := hookOf(s, &taken{})
	closeIdle(t, h)
	if err := s.ReportSES(t.Context(), sandbox.SESReports{SignatureVersion: "2"}); err != nil {
		t.Fatal(err)
	}
	trust := slow{Trust: h.Trust, asked: make(chan struct{}), answers: make(chan struct{})}
	h.certificates.trust = trust
	body, err := s.Notification(delivered, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	receive := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := h.Receive(ctx, body); err != nil {
			t.Fatal(err)
		}
	}
	receive()
	for i := range maxKept + 1 {
		refused := make(chan error, 1)
		go func() {
			_, err := h.certificates.key(context.WithoutCancel(t.Context()), strconv.Itoa(i)+"/none")
			refused <- err
		}()
		<-trust.asked
		receive()
		trust.answers <- struct{}{}
		if err := <-refused; !errors.Is(err, ErrUntrusted) {
			t.Fatal(err)
		}
	}
	h.certificates.trust = unreachable{} // and asks nobody
	receive()
}
