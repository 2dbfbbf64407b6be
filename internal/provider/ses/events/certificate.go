package events

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"
)

// minKey is the least size of a signing key in bits.
const minKey = 2048

// readCertificates reads a certificate in PEM, and others that may follow it.
func readCertificates(text []byte) (leaf *x509.Certificate, others *x509.CertPool, err error) {
	others = x509.NewCertPool()
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: the certificate cannot be read", ErrUntrusted)
		}
		if leaf == nil {
			leaf = c
		} else {
			others.AddCert(c)
		}
	}
	if leaf == nil {
		return nil, nil, fmt.Errorf("%w: there is no certificate", ErrUntrusted)
	}
	return leaf, others, nil
}

const (
	// maxKept is many more certificates than Amazon SNS signs with at a time, and as many refused addresses are remembered.
	maxKept = 32
	// keptFor is how long a certificate is used without looking at its chain again.
	keptFor = 24 * time.Hour
	// refusedFor is how long an address that had nothing to be trusted is not asked again: who forges messages must not
	// make us call at every one.
	refusedFor = time.Minute
)

// certificates remembers those that were fetched, and apart from them, so that a flood of forged messages displaces none,
// the addresses that had none to be trusted.
type certificates struct {
	trust Trust
	now   func() time.Time
	// fetching has room for one: there is hardly ever more than one to fetch, and nobody waits for it who needs another.
	fetching chan struct{}

	mu            sync.Mutex
	kept, refused map[string]keptCertificate
}

func newCertificates(trust Trust, now func() time.Time) *certificates {
	return &certificates{trust: trust, now: now, fetching: make(chan struct{}, 1),
		kept: make(map[string]keptCertificate), refused: make(map[string]keptCertificate)}
}

type keptCertificate struct {
	key   *rsa.PublicKey // nil: not to be trusted
	until time.Time
}

// key is the public key at a SigningCertURL; ErrUntrusted if it is not one to believe.
func (c *certificates) key(ctx context.Context, address string) (*rsa.PublicKey, error) {
	if key, known, err := c.remembered(address); known {
		return key, err
	}
	select {
	case c.fetching <- struct{}{}:
		defer func() { <-c.fetching }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another certificate: %w", ctx.Err())
	}
	if key, known, err := c.remembered(address); known {
		return key, err // fetched meanwhile
	}
	fresh, err := c.fetch(ctx, address, c.now())
	if err != nil && !errors.Is(err, ErrUntrusted) {
		return nil, err
	}
	c.remember(address, fresh)
	return fresh.key, err
}

func (c *certificates) remembered(address string) (key *rsa.PublicKey, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if one, ok := c.kept[address]; ok && now.Before(one.until) {
		return one.key, true, nil
	}
	if one, ok := c.refused[address]; ok && now.Before(one.until) {
		return nil, true, ErrUntrusted
	}
	return nil, false, nil
}

func (c *certificates) remember(address string, fresh keptCertificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.kept
	if fresh.key == nil {
		list = c.refused
	}
	if len(list) >= maxKept {
		clear(list)
	}
	list[address] = fresh
}

func (c *certificates) fetch(ctx context.Context, address string, now time.Time) (keptCertificate, error) {
	refused := keptCertificate{until: now.Add(refusedFor)}
	cert, err := c.trust.Certificate(ctx, address)
	if err != nil {
		return refused, err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKey || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return refused, fmt.Errorf("%w: the certificate is not valid now, or not of a kind that SNS has", ErrUntrusted)
	}
	until := now.Add(keptFor)
	if cert.NotAfter.Before(until) {
		until = cert.NotAfter
	}
	return keptCertificate{key: key, until: until}, nil
}
