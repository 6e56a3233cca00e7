package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A fakeCGND is a daemon without a kernel: the API is the real one, and what subscribers use is made up.
type fakeCGND struct {
	plan    *alloc.Plan
	holding daemon.Holding
	healthy bool
	usage   *metrics.Usage
}

var fakeTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (f *fakeCGND) Snapshot() *daemon.Snapshot {
	s := &daemon.Snapshot{
		Instance: "cgn", Backend: "nftables", Started: fakeTime, Taken: fakeTime, Ready: true, Healthy: f.healthy, Problems: []daemon.Problem{},
		Wanted: f.plan.SHA256(), InForce: f.plan.SHA256(),
		Apply:  daemon.ApplyInfo{OK: 1, At: fakeTime, Took: 120 * time.Millisecond, Way: "first load", Added: f.plan.Subscribers()},
		Verify: daemon.VerifyInfo{Runs: 1, At: fakeTime, Took: 35 * time.Millisecond},
		Drift:  daemon.DriftInfo{Examples: []string{}},
	}
	if !f.healthy {
		s.Problems = []daemon.Problem{{Code: "drift", Text: "1 element of the map is missing\x1b[31m", Since: fakeTime}}
		s.Verify.Differences, s.Drift.Found = 1, 1
	}
	return s
}
func (f *fakeCGND) Holding() *daemon.Holding { return &f.holding }
func (f *fakeCGND) Asked() (*daemon.Snapshot, *ledger.Ledger) {
	return f.Snapshot(), nil
}
func (f *fakeCGND) Plan() *alloc.Plan      { return f.plan }
func (f *fakeCGND) Ledger() *ledger.Ledger { return nil }
func (f *fakeCGND) Reload()                {}

func (f *fakeCGND) Usage() *metrics.Usage { return f.usage }

func (f *fakeCGND) Use(_ context.Context, share alloc.Allocation, now bool) (api.Use, error) {
	u, ok := f.usage.Of(share)
	if !ok {
		return api.Use{}, api.ErrUnknown
	}
	return api.Use{Use: u, Taken: fakeTime, Now: now, HasSessions: true}, nil
}

// fakeCGNDMain serves the plan file that is its first argument in the folder that is its second: sock, and by TLS what stands in the
// file url. Of the subscribers the first uses all of its ports, the second ten, the third one, the others none. With
// a third argument nobody is healthy.
func fakeCGNDMain() {
	if err := serveFake(os.Args[1], os.Args[2], len(os.Args) > 3); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveFake(plan, folder string, ill bool) error {
	p, err := planfile.Load(plan, planfile.Options{})
	if err != nil {
		return err
	}
	f := &fakeCGND{plan: p.Plan, holding: daemon.Holding{Plan: p.Plan}, healthy: !ill}
	tally := metrics.NewTally(p.Plan, 0)
	tally.Rank(metrics.MaxTop)
	tally.Keep()
	uses := []uint64{1 << 20, 10, 1}
	for a := range p.Plan.All() {
		if len(uses) == 0 {
			break
		}
		n := min(uses[0], uint64(a.Ports().Len()))
		tally.Add(metrics.Use{Share: a, Ports: metrics.Protocols{UDP: n}, Mappings: metrics.Protocols{UDP: n}, Sessions: metrics.Protocols{UDP: 2 * n}}, nil)
		uses = uses[1:]
	}
	f.usage = tally.Usage(metrics.PoolsOf(p.Plan), nil)
	f.usage.Taken, f.usage.HasSessions = fakeTime, true
	at := func(name string) string { return filepath.Join(folder, name) }
	o := api.Options{Daemon: f, Kernel: f, Audit: api.NewAudit(at("audit")), Log: slog.New(slog.DiscardHandler)}
	credentials, err := api.NewCredentials(at("tokens"), at("crt"), at("key"))
	if err != nil {
		return err
	}
	tcp, err := api.ListenTCP(netip.MustParseAddrPort("[::]:0"), credentials, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(at("url"), fmt.Appendf(nil, "https://localhost:%d", tcp.Addr().(*net.TCPAddr).Port), 0o600); err != nil {
		return err
	}
	remote := o
	remote.Credentials = credentials
	go func() { _ = api.New(remote).Serve(tcp) }()
	l, err := api.ListenUnix(at("sock"), 0o600, -1, -1, nil)
	if err != nil {
		return err
	}
	if err := api.New(o).Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// await waits until a file is there: await FILE.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for range 1000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("there is no %s", args[0])
}

// load has a variable be what a file says: load NAME FILE.
func load(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: load NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// tokens writes a file with a token for role read, and that token to a file of its own: tokens FILE SECRET.
func tokens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tokens FILE SECRET")
	}
	secret, line, err := api.NewToken("test", api.Read)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(line+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(secret+"\n"), 0o600))
}

// certificate writes a certificate for localhost and its key: certificate CERTIFICATE KEY.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: certificate CERTIFICATE KEY")
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
