//go:build linux

package conformance

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A probe shows what the verdict about one requirement claims. Each has a network of its own, made by its setup, so probes do not
// disturb each other; where setup is nil the probe needs no network.
type probe struct {
	setup func(t *testing.T) *bench
	show  func(t *testing.T, b *bench)
	like  string // the requirement whose probe shows this one as well; nothing else is set
}

func shows(setup func(*testing.T) *bench, show func(*testing.T, *bench)) probe {
	return probe{setup: setup, show: show}
}

// like is for what is shown together with another requirement: the probe runs once for all of them.
func like(id string) probe { return probe{like: id} }

func (p probe) run(t *testing.T) {
	t.Helper()
	var b *bench
	if p.setup != nil {
		b = p.setup(t)
	}
	p.show(t, b)
}

// An outcome is what came of a probe, for all requirements that it shows.
type outcome struct {
	once  sync.Once
	holds bool
}

// of runs the probe, unless it was run.
func (o *outcome) of(t *testing.T, p probe) {
	t.Helper()
	o.once.Do(func() {
		p.run(t)
		o.holds = !t.Failed()
	})
	if !o.holds {
		t.Error("the probe failed, here or where the same one shows another requirement")
	}
}

// A column is a backend with its probes by requirement id.
type column struct {
	Backend
	probes   map[string]probe
	outcomes map[string]*outcome
}

func newColumn(k Backend, probes map[string]probe) column {
	c := column{k, probes, map[string]*outcome{}}
	for id := range probes {
		c.outcomes[id] = &outcome{}
	}
	return c
}

// show runs the probe of a requirement.
func (c column) show(t *testing.T, id string) {
	t.Helper()
	if other := c.probes[id].like; other != "" {
		id = other
	}
	c.outcomes[id].of(t, c.probes[id])
}

func columns() []column {
	return []column{newColumn(NFTables(), nftablesProbes()), newColumn(XDP(), xdpProbes())}
}

// backends returns the columns without their probes.
func backends() (out []Backend) {
	for _, c := range columns() {
		out = append(out, c.Backend)
	}
	return out
}

// nftablesProbes returns the probes of the nftables backend.
func nftablesProbes() map[string]probe {
	all := map[string]probe{}
	for _, part := range []map[string]probe{
		mappingProbes(), filteringProbes(), limitProbes(), poolProbes(), timerProbes(), tcpProbes(), icmpErrorProbes(),
		icmpProbes(), fragmentProbes(), borderProbes(), planProbes(), portProbes(), ledgerProbes(), nftablesManagedProbes(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// TestConformance runs the probes of every requirement and then compares docs/conformance.md with the verdicts, or writes it.
func TestConformance(t *testing.T) {
	all := columns()
	wanted := 0
	for _, c := range all {
		wanted += len(c.probes)
	}
	var shown atomic.Int32
	for _, r := range Requirements() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			for _, c := range all {
				if _, ok := c.probes[r.ID]; !ok {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					t.Parallel()
					if c.show(t, r.ID); !t.Failed() {
						shown.Add(1)
					}
				})
			}
		})
	}
	// After the parallel tests.
	t.Cleanup(func() { checkDocument(t, int(shown.Load()) == wanted) })
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
		if err := os.WriteFile(path, Document(version, backends()...), 0o644); err != nil {
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
	if want := Document(string(m[1]), backends()...); !bytes.Equal(have, want) {
		t.Errorf("%s is stale: run UPDATE_CONFORMANCE=1 go test ./internal/conformance as root", DocumentPath)
	}
}

// TestCatalogue checks that ids are unique, that every requirement has a verdict, and that every claim has a probe.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Requirements() {
		if seen[r.ID] {
			t.Errorf("%s stands twice", r.ID)
		}
		seen[r.ID] = true
		if r.Where == "" || r.Text == "" || r.Level == "" {
			t.Errorf("%s is not described", r.ID)
		}
		for _, c := range columns() {
			c.check(t, r.ID)
		}
	}
	for _, c := range columns() {
		for id := range c.Results {
			if !seen[id] {
				t.Errorf("%s: verdict about %s, which is not in the catalogue", c.Name, id)
			}
		}
		for id := range c.probes {
			if !seen[id] {
				t.Errorf("%s: probe of %s, which is not in the catalogue", c.Name, id)
			}
		}
	}
}

// check checks the verdict about one requirement.
func (c column) check(t *testing.T, id string) {
	t.Helper()
	res, ok := c.Results[id]
	_, probed := c.probes[id]
	switch {
	case !ok:
		t.Errorf("%s: %s has no verdict", c.Name, id)
	case res.Verdict.NeedsProbe() && !probed:
		t.Errorf("%s: %s: %s, and no probe shows it", c.Name, id, res.Verdict)
	case !res.Verdict.NeedsProbe() && probed:
		t.Errorf("%s: %s: %s, but it has a probe", c.Name, id, res.Verdict)
	case probed && c.probes[id].like != "" && c.probes[c.probes[id].like].show == nil:
		t.Errorf("%s: the probe of %s is that of %s, which has none", c.Name, id, c.probes[id].like)
	case res.Verdict != Yes && res.Note == "":
		t.Errorf("%s: %s: %s without a reason", c.Name, id, res.Verdict)
	}
}
