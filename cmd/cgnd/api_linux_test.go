package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/gate"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// newAPISite returns a site with a backend.
func newAPISite(t *testing.T, backend, lines string) *site {
	t.Helper()
	top := netnstest.NewTopology(t, netns.Options{Switches: backend == "xdp"})
	for _, h := range top.Subscribers {
		if err := h.Ping(netns.Ping{To: netip.MustParseAddr("100.64.255.254")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range top.Servers {
		if err := h.Ping(netns.Ping{To: netip.MustParseAddr("203.0.113.254")}); err != nil {
			t.Fatal(err)
		}
	}
	if backend == "xdp" {
		lines += "backend: xdp\ninterfaces: {inside: [" + netns.InsideLink + "], outside: [" + netns.OutsideLink + "]}\npolicy: FOLDER/policy.yaml\n"
		t.Cleanup(func() {
			if err := top.CGN.Do(func() error { return ebpf.Remove("") }); err != nil {
				t.Error(err)
			}
		})
	}
	s := newSite(t, top, lines)
	s.write("policy.yaml", "default: {limit: {udp: 5}}\n")
	s.write("plan.yaml", plan(1000))
	return s
}

// awaitSubscriber asks for subscriber 0 until its state is as it should be.
func (s *site) awaitSubscriber(query string, is func(form.Subscriber) bool) form.Subscriber {
	s.Helper()
	var last form.Subscriber
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		last = form.Subscriber{}
		if err = s.get("/v1/subscribers/default/"+s.Subscribers[0].Addr.String()+query, &last); err == nil && is(last) {
			return last
		}
	}
	s.Fatalf("it did not come to that: %+v, %v", last, err)
	return last
}

// TestSubscriber has a subscriber use ports, with each backend, and the API tell how many; with xdp until its policy refuses more.
func TestSubscriber(t *testing.T) {
	netnstest.Root(t)
	for _, backend := range []string{"nftables", "xdp"} {
		t.Run(backend, func(t *testing.T) {
			s := newAPISite(t, backend, "")
			s.start()
			s.await("start", healthy)
			who := s.Subscribers[0]
			server := netip.AddrPortFrom(s.Servers[0].Addr, 7)
			e, err := s.Servers[0].ListenEcho("udp", server)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			ask := func(port uint16) error {
				_, err := who.Ask(netns.Query{Network: "udp", Local: netip.AddrPortFrom(who.Addr, port), Remote: server})
				return err
			}
			idle := s.awaitSubscriber("", func(a form.Subscriber) bool { return a.Verdict == form.Idle })
			if idle.Count != 1000 || idle.Outside == "" {
				t.Errorf("%+v", idle)
			}
			for port := range uint16(3) {
				if err := ask(4000 + port); err != nil {
					t.Fatal(err)
				}
			}
			got := s.awaitSubscriber("?now=true", func(a form.Subscriber) bool { return a.Usage.Protocols[1].Used == 3 })
			udp := got.Usage.Protocols[1]
			if !got.Usage.Now || udp.Owned != 1000 || udp.Mappings != 3 || (udp.Sessions != nil) != (backend == "nftables") || (got.Refusals != nil) != (backend == "xdp") {
				t.Errorf("%+v, %+v", got, udp)
			}
			if backend == "nftables" {
				if got.Verdict != form.Healthy || *udp.Sessions != 3 {
					t.Errorf("%+v", got)
				}
				return
			}
			_, _ = ask(4003), ask(4004)
			for port := range uint16(3) {
				if err := ask(5000 + port); err == nil {
					t.Error("more mappings than the policy allows")
				}
			}
			got = s.awaitSubscriber("", func(a form.Subscriber) bool { return a.Refusals.Last != nil })
			if r := got.Refusals; got.Verdict != form.Limited || r.Limit == 0 || r.LastKind != "limit" || r.Exhausted != 0 || got.Usage.Protocols[1].Limit != 5 {
				t.Errorf("%+v, %+v", got, r)
			}
		})
	}
}

// TestTCP has the API of a daemon on TCP: both families on one listener, tokens and certificate that change with SIGHUP, and metrics of it.
func TestTCP(t *testing.T) {
	netnstest.Root(t)
	s := newAPISite(t, "nftables", "listen: {unix: FOLDER/sock, tcp: '[::]:9743', tokens: FOLDER/tokens, certificate: FOLDER/crt, key: FOLDER/key}\nmetrics: 127.0.0.1:9742\n")
	read, line, err := api.NewToken("portal", api.Read)
	if err != nil {
		t.Fatal(err)
	}
	s.write("tokens", line+"\n")
	pool := s.writeCertificate()
	netnstest.Run(t, s.CGN, "sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0")
	s.start()
	s.await("start", healthy)
	netnstest.Run(t, s.CGN, "ip", "-6", "address", "replace", "::1/128", "dev", "lo")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		if code, err := s.tcp(host, "GET /v1/pools", read, pool); err != nil || code != 200 {
			t.Errorf("%s: %d, %v", host, code, err)
		}
	}
	if code, err := s.tcp("127.0.0.1", "POST /v1/reload", read, pool); err != nil || code != 403 {
		t.Error(code, err)
	}
	if code, err := s.tcp("127.0.0.1", "GET /v1/pools", "cgnd_wrong", pool); err != nil || code != 401 {
		t.Error(code, err)
	}
	s.metrics(s.certificateEnd())
	text := s.metrics(`cgnkit_api_requests_total{code="403"`)
	for _, want := range []string{`{code="200",listener="tcp"} 2`, `{code="401",listener="tcp"} 1`, `{code="403",listener="tcp"} 1`, `listener="unix"`} {
		if !strings.Contains(text, "cgnkit_api_requests_total") || !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	admin, line, err := api.NewToken("boss", api.Admin)
	if err != nil {
		t.Fatal(err)
	}
	s.write("tokens", line+"\n")
	pool = s.writeCertificate()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	var code int
	for range 100 {
		if code, err = s.tcp("127.0.0.1", "POST /v1/reload", admin, pool); err == nil && code == 202 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if code != 202 {
		t.Error(code, err)
	}
	if code, err := s.tcp("127.0.0.1", "GET /v1/pools", read, pool); err != nil || code != 401 {
		t.Error("the old token:", code, err)
	}
	s.metrics(`cgnkit_problem{code="credentials"} 0`)
	s.metrics(s.certificateEnd())
	s.write("tokens", "nonsense\n")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.metrics(`cgnkit_problem{code="credentials"} 1`)
	s.await("the status says so", func(s daemon.Snapshot) bool {
		return len(s.Problems) == 1 && s.Problems[0].Code == "credentials" && s.Healthy
	})
}

// TestListens has nothing listen but where that is configured: without anything said, on the socket alone.
func TestListens(t *testing.T) {
	netnstest.Root(t)
	s := newAPISite(t, "nftables", "")
	s.start()
	s.await("start", healthy)
	out := netnstest.Run(t, s.CGN, "ss", "-Htuln")
	if strings.TrimSpace(out) != "" {
		t.Errorf("something listens:\n%s", out)
	}
}

// writeCertificate writes a certificate for loopback, and returns who trusts it.
func (s *site) writeCertificate() *x509.CertPool {
	s.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	n := time.Now().UnixNano()
	c := &x509.Certificate{ // which ends when no other does
		SerialNumber: big.NewInt(n), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour + time.Duration(n%1000)*time.Minute), DNSNames: []string{"cgnd"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		s.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.write("crt", string(text))
	s.write("key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// certificateEnd returns the line of /metrics that says when the certificate ends.
func (s *site) certificateEnd() string {
	s.Helper()
	text, err := os.ReadFile(s.path("crt"))
	if err != nil {
		s.Fatal(err)
	}
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		s.Fatal(err)
	}
	return "\ncgnkit_certificate_end_timestamp_seconds " + strconv.FormatFloat(float64(c.NotAfter.Unix()), 'g', -1, 64) + "\n"
}

// tcp sends a request by TLS from within the namespace.
func (s *site) tcp(host, what, token string, pool *x509.CertPool) (code int, err error) {
	err = s.do(func() error {
		c, err := tls.Dial("tcp", host+":9743", &tls.Config{RootCAs: pool, ServerName: "cgnd", MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		method, path, _ := strings.Cut(what, " ")
		q, err := http.NewRequest(method, "https://cgnd"+path, nil)
		if err != nil {
			return err
		}
		q.Header.Set("Authorization", "Bearer "+token)
		q.Close = true
		if err := q.Write(c); err != nil {
			return err
		}
		a, err := http.ReadResponse(bufio.NewReader(c), q)
		if err != nil {
			return err
		}
		defer func() { _ = a.Body.Close() }()
		b, err := io.ReadAll(a.Body)
		if err == nil && !json.Valid(b) {
			err = fmt.Errorf("%q is no JSON", b)
		}
		code = a.StatusCode
		return err
	})
	return code, err
}

// TestTally counts by listener and code, in an order that stays.
func TestTally(t *testing.T) {
	tally := &requestTally{}
	tcp, unix := tally.of("tcp"), tally.of("unix")
	unix(200)
	tcp(401)
	tcp(200)
	tcp(401)
	var got []string
	for _, r := range tally.counts() {
		got = append(got, fmt.Sprint(r.Listener, r.Code, r.Count))
	}
	if want := []string{"tcp2001", "tcp4012", "unix2001"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	tally.drops("unix")
	drop := tally.drops("tcp")
	drop(gate.Silent)
	drop(api.Slow)
	drop(gate.Silent)
	got = nil
	for _, d := range tally.droppedConnections() {
		got = append(got, fmt.Sprint(d.Listener, d.Reason, d.Count))
	}
	if want := []string{"tcpcrowded0", "tcpsilent2", "tcpslow1", "unixcrowded0", "unixsilent0", "unixslow0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
