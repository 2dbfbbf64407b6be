package events

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/provider/attempt"
)

// Trust says whom messages of SNS are believed from. Amazon's is the only one in production; the stand-in's exists in
// development, where it is asked for by name.
type Trust interface {
	// Certificate fetches the certificate at a SigningCertURL and proves that it is Amazon SNS's own. ErrUntrusted: it
	// is not, or the address cannot be; any other error may pass.
	Certificate(ctx context.Context, address string) (*x509.Certificate, error)
	// Confirm visits a SubscribeURL. ErrUntrusted: the address is not one of SNS's.
	Confirm(ctx context.Context, address string) error
}

// ErrUntrusted is an address or a certificate that is not Amazon SNS's.
var ErrUntrusted = errors.New("not of Amazon SNS")

const (
	// fetchTime bounds one call: SNS waits 15 s for our answer.
	fetchTime = 5 * time.Second
	// maxFetched is many times the size of a certificate with its chain.
	maxFetched = 64 << 10
)

// hostPattern is SNS's API of a region, of China's too.
// https://docs.aws.amazon.com/general/latest/gr/sns.html
var hostPattern = regexp.MustCompile(`^sns\.[a-z]{2}(-[a-z]+)+-[0-9]+\.amazonaws\.com(\.cn)?$`)

// certPattern is where SNS keeps its certificates.
var certPattern = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem$`)

// namePattern is in a certificate of SNS: sns.amazonaws.com, in some regions a name of their own.
var namePattern = regexp.MustCompile(`^sns[a-z0-9.-]*\.amazonaws\.com(\.cn)?$`)

// issuerPattern is where the authorities that sign for Amazon publish their certificates. What is found there proves
// nothing by itself: the chain has to end at an authority that the machine knows.
var issuerPattern = regexp.MustCompile(`^([a-z0-9-]+\.)+(amazontrust|digicert)\.com$`)

// Amazon trusts Amazon SNS: addresses of its API by HTTPS, and certificates with its name that an authority known to the
// machine vouches for.
func Amazon() Trust {
	return &amazon{client: &http.Client{
		Transport:     attempt.Network{}.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       fetchTime,
	}}
}

type amazon struct {
	client *http.Client
	roots  *x509.CertPool // nil: the system's
	now    func() time.Time
}

// api parses an address of SNS's API.
func (*amazon) api(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || !hostPattern.MatchString(u.Host) {
		return nil, ErrUntrusted
	}
	return u, nil
}

// Certificate is Trust's.
func (a *amazon) Certificate(ctx context.Context, address string) (*x509.Certificate, error) {
	u, err := a.api(address)
	if err != nil || u.RawQuery != "" || !certPattern.MatchString(u.Path) {
		return nil, ErrUntrusted
	}
	text, err := fetch(ctx, a.client, address)
	if err != nil {
		return nil, err
	}
	leaf, others, err := readCertificates(text)
	if err != nil {
		return nil, err
	}
	return leaf, a.verify(ctx, leaf, others)
}

// verify proves the chain. SNS publishes the certificate alone: the authority's is fetched from where it says.
func (a *amazon) verify(ctx context.Context, leaf *x509.Certificate, others *x509.CertPool) error {
	names := append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
	named := false
	for _, name := range names {
		named = named || namePattern.MatchString(name)
	}
	if !named {
		return fmt.Errorf("%w: the certificate has another name", ErrUntrusted)
	}
	options := x509.VerifyOptions{Roots: a.roots, Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if a.now != nil {
		options.CurrentTime = a.now()
	}
	_, err := leaf.Verify(options)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		if err := a.addIssuer(ctx, leaf, others); err != nil {
			return err
		}
		_, err = leaf.Verify(options)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return nil
}

// addIssuer fetches the certificate of the authority (RFC 5280, 4.2.2.1).
func (a *amazon) addIssuer(ctx context.Context, leaf *x509.Certificate, others *x509.CertPool) error {
	for _, address := range leaf.IssuingCertificateURL {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !issuerPattern.MatchString(u.Host) {
			continue
		}
		text, err := fetch(ctx, a.client, address)
		if err != nil {
			return err
		}
		issuer, err := x509.ParseCertificate(text)
		if err != nil {
			return fmt.Errorf("%w: the authority's certificate cannot be read", ErrUntrusted)
		}
		others.AddCert(issuer)
		return nil
	}
	return fmt.Errorf("%w: nobody vouches for the certificate", ErrUntrusted)
}

// Confirm is Trust's.
func (a *amazon) Confirm(ctx context.Context, address string) error {
	if _, err := a.api(address); err != nil {
		return err
	}
	_, err := fetch(ctx, a.client, address)
	return err
}

// Standin trusts the stand-in at base, for development: whatever certificate lies below it, and subscriptions confirmed
// there.
func Standin(base string) Trust {
	return &standin{base: strings.TrimSuffix(base, "/") + "/", client: &http.Client{Timeout: fetchTime}}
}

type standin struct {
	base   string
	client *http.Client
}

func (s *standin) fetch(ctx context.Context, address string) ([]byte, error) {
	if !strings.HasPrefix(address, s.base) {
		return nil, ErrUntrusted
	}
	return fetch(ctx, s.client, address)
}

// Certificate is Trust's.
func (s *standin) Certificate(ctx context.Context, address string) (*x509.Certificate, error) {
	text, err := s.fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	leaf, _, err := readCertificates(text)
	return leaf, err
}

// Confirm is Trust's.
func (s *standin) Confirm(ctx context.Context, address string) error {
	_, err := s.fetch(ctx, address)
	return err
}

// fetch reads what is at an address. That something is not there is final: ErrUntrusted.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, ErrUntrusted
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch from Amazon SNS: %w", attempt.Cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFetched))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read from Amazon SNS: %w", err)
	case resp.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("fetch from Amazon SNS: status %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", ErrUntrusted, resp.StatusCode)
	}
	return text, nil
}
