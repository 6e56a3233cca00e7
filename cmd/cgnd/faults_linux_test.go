package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// refused are pools that a backend does not take: one table of nftables knows no realms, and with XDP the slots would take 384 GiB.
var refused = map[string]string{
	daemonfile.Nftables: "  - {name: b, realm: other, inside: [100.64.0.0/24], outside: [192.0.2.64/28]}\n",
	daemonfile.XDP:      "  - {name: b, inside: [10.0.0.0/8], outside: [198.18.0.0/15]}\n",
}

// TestBackendRefuses has the backend refuse a plan: what was in force stays so, the metrics say so at once, and a plan that it
// takes mends it. A daemon that starts with such a plan leaves the kernel alone and says the same.
func TestBackendRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "metrics: 127.0.0.1:9742\n")
		s.write("plan.yaml", plan(1000))
		s.start()
		first := s.await("start", healthy)
		transfer := s.startTransfer()
		bad := func(n daemon.Snapshot) bool { return n.Apply.Failed > 0 && !n.Healthy }
		check := func(when string) {
			t.Helper()
			n := s.await(when, bad)
			if n.InForce != first.InForce || n.Problems[0].Code != "apply" || n.Apply.Retry == 0 {
				t.Errorf("%s: %+v", when, n)
			}
			text := s.metrics(`cgnkit_applies_total{result="failure"}`)
			for _, want := range []string{"cgnkit_last_apply_success 0\n", "cgnkit_healthy 0\n", `cgnkit_problem{code="apply"} 1` + "\n"} {
				if !strings.Contains(text, "\n"+want) {
					t.Errorf("%s: no %sin\n%s", when, want, text)
				}
			}
			s.flows(transfer, when)
		}
		s.write("plan.yaml", plan(1000)+refused[backend])
		check("refused")
		if err := s.stop(unix.SIGTERM); err != nil {
			t.Error(err)
		}
		s.start()
		check("refused from the start")
		s.write("plan.yaml", plan(1000)+"  - {name: b, inside: [100.65.0.0/28], outside: [192.0.2.64/30]}\n")
		if n := s.await("mended", healthy); n.InForce == first.InForce || n.Apply.Kept != 256 || n.Apply.Added != 16 {
			t.Errorf("%+v", n)
		}
		if text := s.metrics("cgnkit_healthy 1\n"); !strings.Contains(text, "\ncgnkit_last_apply_success 1\n") {
			t.Error(text)
		}
		if err := transfer.Finish(); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskFull has ledger and audit log on a disk that fills up: no epoch is recorded, no trace is answered, both say
// why, the ledger stays whole, and the kernel is looked after as before. With room again both work.
func TestDiskFull(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/disk/ledger.jsonl\n")
	disk := s.path("disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.write("cgnd.yaml", strings.Replace(string(text), "audit.jsonl", "disk/audit.jsonl", 1))
	s.recordIn("disk/ledger.jsonl", plan(1000), time.Now().UTC().Truncate(time.Millisecond))
	s.start()
	first := s.await("start", healthy)

	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	large := plan(2000) // so large that it does not fit behind the first record in its block
	for i := range 200 {
		large += fmt.Sprintf("  - {name: p%d, inside: [10.0.%d.0/28], outside: [198.51.100.%d], ports-per-subscriber: 1000}\n", i, i, i)
	}
	epoch := func() error {
		var e struct{ Seq uint64 }
		return s.ask("POST", "/v1/epochs?from="+url.QueryEscape(time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), large, &e)
	}
	trace := func() error {
		var a struct{ Status string }
		return s.get("/v1/trace?outside=192.0.2.0&port=2500&case=1&reason=test&at="+url.QueryEscape(time.Now().UTC().Format(time.RFC3339)), &a)
	}
	for what, ask := range map[string]func() error{"an epoch": epoch, "a trace": trace} {
		if err := ask(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s with a full disk: %v", what, err)
		}
	}
	led, err := ledger.Open(filepath.Join(disk, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if led.Len() != 1 || led.Head() != first.Head {
		t.Errorf("the ledger has %d records, head %s", led.Len(), led.Head())
	}
	led.Close()
	before := s.await("drift", healthy)
	netnstest.Run(t, s.CGN, "nft", "flush", "ruleset")
	n := s.await("repair", func(n daemon.Snapshot) bool { return n.Drift.Repaired > before.Drift.Repaired && n.Healthy })
	if n.InForce != first.InForce {
		t.Errorf("%+v", n)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(epoch(), trace()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	s.await("epoch", func(n daemon.Snapshot) bool { return n.Records == 2 && n.Healthy })
	audit, err := os.ReadFile(filepath.Join(disk, "audit.jsonl"))
	if err != nil || strings.Count(string(audit), "\n") != 1 {
		t.Errorf("audit log %q, %v", audit, err)
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
