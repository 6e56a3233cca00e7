// Package client asks cgnd's API, on a unix socket or by a URL. What it gets is bounded, and text in it is not to be trusted more
// than any other: control characters are for who prints it to mind.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/internal/api/form"
)

// DefaultSocket is where cgnd listens unless its configuration says otherwise.
const DefaultSocket = "/run/cgnd/cgnd.sock"

// The bounds of a client.
const (
	timeout   = 15 * time.Second
	maxAnswer = 16 << 20
	maxSecret = 4 << 10
	maxCA     = 4 << 20
)

// ErrConfig means: there is nobody to ask by a Config, or it says more than one thing.
var ErrConfig = errors.New("whom to ask")

// ErrUnreachable means: nobody answers.
var ErrUnreachable = errors.New("cgnd does not answer")

// A Refusal is the answer to what cgnd refuses.
type Refusal struct {
	Code int // of HTTP
	Text string
}

// Error returns what cgnd says.
func (r *Refusal) Error() string { return r.Text }

// A Config says whom to ask.
type Config struct {
	Socket    string // path of a unix socket; "" = DefaultSocket, unless there is a URL
	URL       string // such as https://cgn1.example.net:9743
	TokenFile string // for a URL: file with the token, and nothing else
	CA        string // for a URL with https: file with the authorities to trust, as PEM; "" = those of the system
}

// A Client asks. Make one with New. It is safe for concurrent use.
type Client struct {
	base, where, token string
	http               http.Client
}

// New returns a client, which has connected to nobody yet. The error wraps ErrConfig, or is one of reading files.
func New(c Config) (*Client, error) {
	out := &Client{http: http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it wants to send us elsewhere") },
	}}
	if c.URL == "" {
		if c.TokenFile != "" || c.CA != "" {
			return nil, fmt.Errorf("%w: a token and authorities belong to a URL; a socket takes none", ErrConfig)
		}
		out.useSocket(cmp.Or(c.Socket, DefaultSocket))
		return out, nil
	}
	if c.Socket != "" {
		return nil, fmt.Errorf("%w: a socket or a URL, and not both", ErrConfig)
	}
	return out, out.useURL(c)
}

func (c *Client) useSocket(path string) {
	c.base, c.where = "http://cgnd", path
	c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}

func (c *Client) useURL(from Config) error {
	u, err := url.Parse(from.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("%w: URL %q: want https://HOST:PORT", ErrConfig, from.URL)
	}
	c.base, c.where = u.Scheme+"://"+u.Host, u.Scheme+"://"+u.Host
	if u.Scheme == "http" && from.CA != "" {
		return fmt.Errorf("%w: authorities belong to https, and this is %s", ErrConfig, c.where)
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if from.CA != "" {
		text, err := readUpTo(from.CA, maxCA)
		if err != nil {
			return err
		}
		if t.TLSClientConfig.RootCAs = x509.NewCertPool(); !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%w: %s has no certificate as PEM", ErrConfig, from.CA)
		}
	}
	c.http.Transport = t
	if from.TokenFile == "" {
		return fmt.Errorf("%w: on TCP cgnd wants a token: a file with it is missing", ErrConfig)
	}
	text, err := readUpTo(from.TokenFile, maxSecret)
	if err != nil {
		return err
	}
	if c.token = strings.TrimSpace(string(text)); c.token == "" || strings.ContainsFunc(c.token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: %s: want one token, and nothing else", ErrConfig, from.TokenFile)
	}
	return nil
}

func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s: it has more than %d bytes", path, most)
	}
	return b, err
}

// Where returns who is asked: a path or a URL.
func (c *Client) Where() string { return c.where }

// Exposed reports whether the token crosses a network so that everybody in between can read it.
func (c *Client) Exposed() bool {
	host, ok := strings.CutPrefix(c.base, "http://")
	if !ok || c.token == "" {
		return false
	}
	u := url.URL{Host: host}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !a.IsLoopback())
}

// Get asks for a path and decodes the answer. The error is a *Refusal, wraps ErrUnreachable, or says that the answer is none of
// cgnd's.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	a, err := c.http.Do(r)
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err // it has the URL once more
		}
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, c.where, err)
	}
	defer func() { _ = a.Body.Close() }() // it was read
	b, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, c.where, err)
	case len(b) > maxAnswer:
		return fmt.Errorf("%s: the answer has more than %d bytes", c.where, maxAnswer)
	case a.StatusCode != http.StatusOK:
		return c.refusal(a.StatusCode, b)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(into); err != nil {
		return fmt.Errorf("%s: the answer is none of cgnd's: %w", c.where, err)
	}
	return nil
}

// refusal returns a *Refusal, if it was cgnd that refused: whatever else answers there says nothing about a subscriber.
func (c *Client) refusal(code int, body []byte) error {
	var said form.Refusal
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		return fmt.Errorf("%s: the answer is none of cgnd's: %d %s", c.where, code, http.StatusText(code))
	}
	return &Refusal{code, said.Error}
}
