package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// onBoth runs a test with each backend, side by side.
func onBoth(t *testing.T, test func(t *testing.T, backend string)) {
	t.Helper()
	netnstest.Root(t)
	t.Parallel()
	for _, backend := range []string{daemonfile.Nftables, daemonfile.XDP} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			test(t, backend)
		})
	}
}

// newSiteOf returns a site for a backend, whose instance it takes away at the end. A line with its name comes first.
func newSiteOf(t *testing.T, backend, lines string) *site {
	t.Helper()
	top := netnstest.NewTopology(t, netns.Options{Switches: backend == daemonfile.XDP})
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
	instance := ""
	if name, ok := strings.CutPrefix(lines, "instance: "); ok {
		instance, _, _ = strings.Cut(name, "\n")
	}
	if backend == daemonfile.XDP {
		lines = "backend: xdp\ninterfaces: {inside: [" + netns.InsideLink + "], outside: [" + netns.OutsideLink + "]}\n" + lines
		t.Cleanup(func() {
			if err := top.CGN.Do(func() error { return ebpf.Remove(instance) }); err != nil {
				t.Error(err)
			}
		})
	}
	return newSite(t, top, lines)
}
