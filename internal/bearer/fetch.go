package bearer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxSet bounds what is read of a JWK Set, in bytes: a hundred RSA keys have some 100 KB with their certificates left out.
const maxSet = 256 << 10

// fetched is what a fetch has brought.
type fetched struct {
	keys  []publicKey
	fresh time.Duration // how long they need not be fetched again
	err   error
}

func newClient() *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: fetchTime}).DialContext,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: fetchTime,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetch makes one attempt.
func (s *KeySet) fetch(ctx context.Context) fetched {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return fetched{err: errors.New("the address is not valid")} // the error would repeat it
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return fetched{err: withoutAddress(err)}
	}
	defer func() { _ = answer.Body.Close() }() // it was read, or is given up
	if answer.StatusCode != http.StatusOK {
		return fetched{err: fmt.Errorf("the answer is %d", answer.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxSet+1))
	switch {
	case err != nil:
		return fetched{err: withoutAddress(err)}
	case len(body) > maxSet:
		return fetched{err: fmt.Errorf("the answer has more than %d bytes", maxSet)}
	}
	keys, err := readSet(body)
	return fetched{keys: keys, fresh: freshness(answer.Header.Get("Cache-Control")), err: err}
}

// withoutAddress is the cause of an error of net/http: the address may have a password in it.
func withoutAddress(err error) error {
	var in *url.Error
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}

// freshness reads Cache-Control (RFC 9111, section 5.2): max-age within our bounds; no-cache and no-store are the least.
func freshness(header string) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minFresh
			}
			return min(max(time.Duration(seconds)*time.Second, minFresh), maxFresh)
		}
	}
	return defaultFresh
}
