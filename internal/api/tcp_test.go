package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate writes a certificate for localhost and its key into a folder.
func writeCertificate(tb testing.TB, folder string, serial int64) (cert, key string, pool *x509.CertPool) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "cgnd"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	cert, key, pool = filepath.Join(folder, "crt"), filepath.Join(folder, "key"), x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	writeFile(tb, cert, text, 0o644)
	writeFile(tb, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
	return cert, key, pool
}

func writeFile(tb testing.TB, path string, text []byte, mode os.FileMode) {
	tb.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		tb.Fatal(err)
	}
}

// A tcpSite is a server on TCP with a token for every role.
type tcpSite struct {
	*client
	credentials *Credentials
	port        uint16
	secrets     map[Role]string
	pool        *x509.CertPool
}

// serveTCP starts a server on all addresses, or without TLS on 127.0.0.1.
func serveTCP(tb testing.TB, d *fakeDaemon, secure bool) *tcpSite {
	tb.Helper()
	return serveTCPWith(tb, d, secure, func(*Options) {})
}

// serveTCPWith does so with other options.
func serveTCPWith(tb testing.TB, d *fakeDaemon, secure bool, change func(*Options)) *tcpSite {
	tb.Helper()
	s := &tcpSite{client: &client{TB: tb, d: d, folder: tb.TempDir()}, secrets: map[Role]string{}}
	lines := "# tokens\n\n"
	for r := Read; r <= Admin; r++ {
		secret, line, err := NewToken("the-"+r.String(), r)
		if err != nil {
			tb.Fatal(err)
		}
		s.secrets[r] = secret
		lines += line + " # for tests\n"
	}
	tokens, cert, key := filepath.Join(s.folder, "tokens"), "", ""
	writeFile(tb, tokens, []byte(lines), 0o600)
	at, scheme := netip.MustParseAddrPort("127.0.0.1:0"), "http"
	if secure {
		at, scheme = netip.MustParseAddrPort("[::]:0"), "https"
		cert, key, s.pool = writeCertificate(tb, s.folder, 1)
	}
	var err error
	if s.credentials, err = NewCredentials(tokens, cert, key); err != nil {
		tb.Fatal(err)
	}
	s.audit = filepath.Join(s.folder, "audit.jsonl")
	o := Options{Daemon: d, Audit: NewAudit(s.audit), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }, Credentials: s.credentials}
	change(&o)
	l, err := ListenTCP(at, s.credentials, o.Dropped)
	if err != nil {
		tb.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).AddrPort().Port()
	server := New(o)
	go func() { _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close() })
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.pool}, ForceAttemptHTTP2: true}
	tb.Cleanup(t.CloseIdleConnections)
	s.Transport, s.Timeout = t, 20*time.Second
	s.url, s.token = fmt.Sprintf("%s://localhost:%d", scheme, s.port), s.secrets[Read]
	return s
}

// address is where the server is, by IPv4.
func (s *tcpSite) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// TestTCPBothFamilies asks one listener over ::1 and 127.0.0.1, and what it does besides TLS.
func TestTCPBothFamilies(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, true)
	for _, host := range []string{"[::1]", "127.0.0.1", "localhost"} {
		s.url = fmt.Sprintf("https://%s:%d", host, s.port)
		if code, a := s.ask("GET", "/v1/pools", nil); code != 200 {
			t.Error(host, code, a)
		}
	}
	for name, c := range map[string]*tls.Config{
		"TLS 1.1":              {RootCAs: s.pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, ServerName: "localhost"},
		"an unknown authority": {ServerName: "localhost", MinVersion: tls.VersionTLS12},
	} {
		if conn, err := tls.Dial("tcp", s.address(), c); err == nil {
			t.Errorf("%s: %x", name, conn.ConnectionState().Version)
			_ = conn.Close()
		}
	}
	conn, err := tls.Dial("tcp", s.address(), &tls.Config{RootCAs: s.pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if state := conn.ConnectionState(); state.Version < tls.VersionTLS12 || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("%x %s", state.Version, state.NegotiatedProtocol)
	}
}

func TestRoles(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, false)
	const trace = "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r"
	for _, c := range []struct {
		method, path string
		codes        [4]int // without a token, read, trace, admin
	}{
		{"GET", "/v1/status", [4]int{401, 200, 200, 200}},
		{"GET", "/v1/subscribers/default/100.64.0.1", [4]int{401, 200, 200, 200}},
		{"GET", trace, [4]int{401, 403, 200, 200}},
		{"POST", "/v1/reload", [4]int{401, 403, 403, 202}},
		{"POST", "/v1/epochs?from=2026-03-01T13:00:00Z", [4]int{401, 403, 403, 409}},
		{"GET", "/v1/nothing", [4]int{401, 404, 404, 404}},
	} {
		for role, want := range c.codes {
			s.token = s.secrets[Role(role)]
			if code, a := s.ask(c.method, c.path, nil); code != want {
				t.Errorf("%s %s as %v: %d %v, want %d", c.method, c.path, Role(role), code, a, want)
			}
		}
	}
	lines := s.auditLines()
	if len(lines) != 2 || lines[0]["token"] != "the-trace" || lines[0]["uid"] != nil || lines[0]["remote"] == "" {
		t.Errorf("audit: %v", lines)
	}
}

// TestWrongTokens has all of them be refused alike.
func TestWrongTokens(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{}, false)
	good := s.secrets[Admin]
	for _, header := range [][]string{
		nil, {""}, {"Bearer"}, {"Bearer "}, {"Bearer x"}, {"Bearer " + good[:len(good)-1]}, {"Bearer " + good + "x"}, {"Basic " + good}, {good},
		{"Bearer " + good, "Bearer " + good}, {"Bearer " + good + " " + good},
	} {
		r, err := http.NewRequest(http.MethodPost, s.url+"/v1/reload", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = header
		a, err := s.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %s", header, a.Status)
		}
	}
	if s.d.reloads != 0 {
		t.Error("it was reloaded")
	}
	s.token = good
	if code, _ := s.ask("POST", "/v1/reload", nil); code != 202 {
		t.Error(code)
	}
}

// TestCredentialsReload has tokens and certificate be replaced while the server runs; what cannot be read leaves the others.
func TestCredentialsReload(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{}, true)
	was := s.secrets[Read]
	secret, line, err := NewToken("new", Read)
	if err != nil {
		t.Fatal(err)
	}
	_, _, s.pool = writeCertificate(t, s.folder, 2)
	writeFile(t, s.credentials.tokenFile, []byte("nonsense\n"), 0o600)
	if err := s.credentials.Reload(); err == nil {
		t.Error("nonsense was taken")
	}
	s.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.pool}, DisableKeepAlives: true}
	if code, _ := s.ask("GET", "/v1/status", nil); code != 200 {
		t.Error("the token of before:", code)
	}
	writeFile(t, s.credentials.tokenFile, []byte(line), 0o600)
	writeFile(t, s.credentials.keyFile, []byte("nonsense\n"), 0o600)
	if err := s.credentials.Reload(); err == nil {
		t.Error("nonsense was taken")
	}
	for token, want := range map[string]int{was: 401, secret: 200} {
		s.token = token
		if code, _ := s.ask("GET", "/v1/status", nil); code != want {
			t.Error(code, want)
		}
	}
	if end, ok := s.credentials.Expires(); !ok || time.Until(end) > time.Hour {
		t.Error(end, ok)
	}
}
