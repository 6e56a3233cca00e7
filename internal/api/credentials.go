package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Credentials are what the API on TCP needs: who may use it, and how it proves that it is itself. Make them with NewCredentials. They are
// read again by Reload, while requests are served.
type Credentials struct {
	tokenFile, certFile, keyFile string

	mu     sync.Mutex // of reading: what was read last is what holds
	failed atomic.Pointer[Failed]
	tokens atomic.Pointer[Tokens]
	cert   atomic.Pointer[tls.Certificate]
}

// maxPEM is how long a certificate or key may be.
const maxPEM = 1 << 20

// NewCredentials reads tokens, and a certificate with its key unless both are "".
func NewCredentials(tokens, cert, key string) (*Credentials, error) {
	c := &Credentials{tokenFile: tokens, certFile: cert, keyFile: key}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// A Failed is why what holds is not what the files say.
type Failed struct {
	Err   error
	Since time.Time // of the first of the readings in a row that failed
}

// Failed returns why the last reading failed; nil = it did not.
func (c *Credentials) Failed() *Failed { return c.failed.Load() }

// Reload reads the files again. What cannot be read stays as it was, and Failed says so until it can: a token that was taken out of
// a file that cannot be read is good still.
func (c *Credentials) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.read()
	switch was := c.failed.Load(); {
	case err == nil:
		c.failed.Store(nil)
	case was != nil:
		c.failed.Store(&Failed{err, was.Since})
	default:
		c.failed.Store(&Failed{err, time.Now().UTC()})
	}
	return err
}

func (c *Credentials) read() error {
	tokens, err := LoadTokens(c.tokenFile)
	if err == nil {
		c.tokens.Store(tokens)
	}
	if c.certFile == "" {
		return err
	}
	cert, err2 := loadCertificate(c.certFile, c.keyFile)
	if err2 == nil {
		c.cert.Store(cert)
	}
	return errors.Join(err, err2)
}

func loadCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := readGuarded(certFile, maxPEM, 0o022)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := readGuarded(keyFile, maxPEM, 0o027)
	if err != nil {
		return nil, fmt.Errorf("key of the certificate: %w", err)
	}
	both, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s, key %s: %w", certFile, keyFile, err)
	}
	return &both, nil
}

// Expires returns when the certificate ends; ok is false without one.
func (c *Credentials) Expires() (end time.Time, ok bool) {
	cert := c.cert.Load()
	if cert == nil || cert.Leaf == nil {
		return end, false
	}
	return cert.Leaf.NotAfter, true
}

// config returns what TLS needs, or nil without a certificate. HTTP/2 is left out: its streams would be beyond the bounds of a server.
func (c *Credentials) config() *tls.Config {
	if c.certFile == "" {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.cert.Load(), nil },
	}
}

// identify returns whose token a request has.
func (c *Credentials) identify(r *http.Request) (name string, role Role, ok bool) {
	all := r.Header["Authorization"]
	if len(all) != 1 {
		return "", 0, false
	}
	scheme, secret, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", 0, false
	}
	return c.tokens.Load().find(strings.TrimSpace(secret))
}
