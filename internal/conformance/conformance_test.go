package conformance

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A probe shows what the verdict about one requirement claims. Each has a network of its own, made by its setup, so probes do not
// disturb each other; where setup is nil the probe needs no network.
type probe struct {
	setup func(t *testing.T) *bench
	show  func(t *testing.T, b *bench)
}

// probes returns the probes of the nftables backend by requirement id.
func probes() map[string]probe {
	all := map[string]probe{}
	for _, part := range []map[string]probe{
		mappingProbes(), filteringProbes(), limitProbes(), poolProbes(), timerProbes(), tcpProbes(), icmpErrorProbes(),
		icmpProbes(), fragmentProbes(), borderProbes(), planProbes(), portProbes(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// TestConformance runs the probe of every requirement and then compares docs/conformance.md with the verdicts, or writes it.
func TestConformance(t *testing.T) {
	all := probes()
	var shown, wanted atomic.Int32
	for _, r := range Requirements() {
		p, ok := all[r.ID]
		if !ok {
			continue
		}
		wanted.Add(1)
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			var b *bench
			if p.setup != nil {
				b = p.setup(t)
			}
			p.show(t, b)
			if !t.Failed() {
				shown.Add(1)
			}
		})
	}
	// After the parallel tests.
	t.Cleanup(func() { checkDocument(t, shown.Load() == wanted.Load()) })
}

var release = regexp.MustCompile(`What follows was measured on Linux ([^ ]+)\.\n`)

// checkDocument fails if the committed document is not what the verdicts give. With UPDATE_CONFORMANCE set it writes the
// document instead, but only after a run in which every probe held.
func checkDocument(t *testing.T, complete bool) {
	path := filepath.Join("..", "..", DocumentPath)
	if os.Getenv("UPDATE_CONFORMANCE") != "" {
		if !complete {
			t.Errorf("%s is not written: not every probe was run and held", DocumentPath)
			return
		}
		var u unix.Utsname
		if err := unix.Uname(&u); err != nil {
			t.Error(err)
			return
		}
		version, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
		if err := os.WriteFile(path, Document(version, NFTables()), 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	m := release.FindSubmatch(have)
	if m == nil {
		t.Errorf("%s does not say which kernel it is about", DocumentPath)
		return
	}
	if want := Document(string(m[1]), NFTables()); !bytes.Equal(have, want) {
		t.Errorf("%s is stale: run UPDATE_CONFORMANCE=1 go test ./internal/conformance as root", DocumentPath)
	}
}

// TestCatalogue checks that ids are unique, that every requirement has a verdict, and that every claim has a probe.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	nft, all := NFTables(), probes()
	for _, r := range Requirements() {
		if seen[r.ID] {
			t.Errorf("%s stands twice", r.ID)
		}
		seen[r.ID] = true
		res, ok := nft.Results[r.ID]
		_, probed := all[r.ID]
		switch {
		case !ok:
			t.Errorf("%s has no verdict", r.ID)
		case res.Verdict.NeedsProbe() && !probed:
			t.Errorf("%s: %s, and no probe shows it", r.ID, res.Verdict)
		case !res.Verdict.NeedsProbe() && probed:
			t.Errorf("%s: %s, but it has a probe", r.ID, res.Verdict)
		case res.Verdict != Yes && res.Note == "":
			t.Errorf("%s: %s without a reason", r.ID, res.Verdict)
		case r.Where == "" || r.Text == "" || r.Level == "":
			t.Errorf("%s is not described", r.ID)
		}
	}
	for id := range nft.Results {
		if !seen[id] {
			t.Errorf("verdict about %s, which is not in the catalogue", id)
		}
	}
	for id := range all {
		if !seen[id] {
			t.Errorf("probe of %s, which is not in the catalogue", id)
		}
	}
}
