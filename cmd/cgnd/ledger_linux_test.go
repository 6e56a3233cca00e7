package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// record adds an epoch to the ledger of a site.
func (s *site) record(text string, from time.Time) {
	s.Helper()
	s.recordIn("ledger.jsonl", text, from)
}

func (s *site) recordIn(name, text string, from time.Time) {
	s.Helper()
	p, err := planfile.Parse("plan", []byte(text), planfile.Options{})
	if err != nil {
		s.Fatal(err)
	}
	w, err := ledger.Edit(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Add(ledger.Entry{Plan: p.Plan, From: from, Now: time.Now()}); err != nil {
		s.Fatal(err)
	}
}

// TestLedger is a daemon that follows a ledger: an epoch that is there, one that is recorded through the API and takes effect at its instant,
// traces of both, and a ledger that gets damaged while the daemon is down.
func TestLedger(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\n")
	begun := time.Now().UTC().Truncate(time.Millisecond)
	s.record(plan(1000), begun)
	s.start()
	first := s.await("start", healthy)
	if first.Epoch == nil || first.Epoch.Seq != 1 || first.Records != 1 {
		t.Fatalf("%+v", first)
	}
	instant := time.Now().UTC().Add(3 * time.Second).Truncate(time.Millisecond)
	var e struct{ Seq uint64 }
	if err := s.ask("POST", "/v1/epochs?note=test&from="+url.QueryEscape(instant.Format(time.RFC3339Nano)), plan(2000), &e); err != nil || e.Seq != 2 {
		t.Fatal(e, err)
	}
	s.await("next", func(n daemon.Snapshot) bool { return n.Next != nil && n.Next.Seq == 2 && n.Next.From.Equal(instant) })
	n := s.await("epoch 2", func(n daemon.Snapshot) bool { return n.Epoch.Seq == 2 && n.Healthy })
	if late := n.Apply.At.Sub(instant); late < 0 {
		t.Errorf("epoch 2 was applied %v before its instant", -late)
	}
	if err := s.ask("POST", "/v1/epochs?from="+url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339)), "version: 1\npools: []\n", &e); err == nil {
		t.Error("a plan that is none was recorded")
	}

	for _, q := range []struct {
		at   time.Time
		want string
	}{{instant.Add(-time.Second), "100.64.0.1"}, {instant.Add(time.Millisecond), "100.64.0.0"}} {
		var a struct {
			Status     string
			Candidates []struct{ Subscriber string }
		}
		path := fmt.Sprintf("/v1/trace?outside=192.0.2.0&port=2500&case=1&reason=test&at=%s", url.QueryEscape(q.at.Format(time.RFC3339Nano)))
		if err := s.get(path, &a); err != nil || a.Status != "allocated" || len(a.Candidates) != 1 || a.Candidates[0].Subscriber != q.want {
			t.Errorf("at %v: %+v, %v", q.at, a, err)
		}
	}
	if text, err := os.ReadFile(s.path("audit.jsonl")); err != nil || bytes.Count(text, []byte("\n")) != 2 {
		t.Errorf("%q, %v", text, err)
	}

	// The ledger is damaged while the daemon is down: the kernel stays as it is, and the status says why.
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	before := s.ruleset()
	good, err := os.ReadFile(s.path("ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("ledger.jsonl", strings.Replace(string(good), `"note":"test"`, `"note":"rest"`, 1))
	s.start()
	bad := s.await("damage", func(n daemon.Snapshot) bool { return n.Ready })
	if bad.Healthy || bad.Problems[0].Code != "source" || !strings.Contains(bad.Problems[0].Text, "record 2") {
		t.Errorf("%+v", bad)
	}
	if s.ruleset() != before {
		t.Error("the ruleset was changed")
	}
	s.write("ledger.jsonl", string(good))
	if n := s.await("mended", healthy); n.Apply.Way != "unchanged" || n.Epoch.Seq != 2 {
		t.Errorf("%+v", n)
	}
}
