package nat44

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestRouteWatch changes routes of the instance, and others, of which only the former are noticed.
func TestRouteWatch(t *testing.T) {
	b := newBench(t)
	netnstest.Run(t, b.ns, "ip", "link", "set", "lo", "up")
	instance, err := ParseInstance("watched")
	if err != nil {
		t.Fatal(err)
	}
	var w *RouteWatch
	if err := b.ns.Do(func() (err error) { w, err = WatchRoutes(instance); return err }); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	changes := func() uint64 {
		t.Helper()
		n, err := w.Changes()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	changes()
	for _, c := range []struct {
		command string
		concern bool
	}{
		{"add blackhole 192.0.2.0/28 proto 204 metric METRIC", true},
		{"add blackhole 192.0.2.0/28 proto 204 metric 7", false}, // of another instance
		{"add 198.51.100.0/24 dev lo", false},
		{"replace 198.51.100.0/24 dev lo src 127.0.0.1", false},
		{"del 198.51.100.0/24 dev lo", false},
		{"replace unreachable 192.0.2.0/28 metric METRIC", true}, // it takes the place of ours
		{"del unreachable 192.0.2.0/28 metric METRIC", false},    // which it no longer is
		{"add blackhole 192.0.2.0/28 proto 204 metric METRIC", true},
		{"del blackhole 192.0.2.0/28 proto 204 metric METRIC", true},
	} {
		before := changes()
		args := strings.Fields("route " + strings.ReplaceAll(c.command, "METRIC", strconv.Itoa(metric(instance))))
		netnstest.Run(t, b.ns, "ip", args...)
		if got := changes() != before; got != c.concern {
			t.Errorf("%s: noticed %t", c.command, got)
		}
	}
}

// TestRouteWatchOverrun has more changes than there is room for: that is a change.
func TestRouteWatchOverrun(t *testing.T) {
	b := newBench(t)
	netnstest.Run(t, b.ns, "ip", "link", "set", "lo", "up")
	var w *RouteWatch
	if err := b.ns.Do(func() (err error) { w, err = WatchRoutes(Instance{name: "watched"}); return err }); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	netnstest.Run(t, b.ns, "sh", "-c", `i=0; while [ $i -lt 4000 ]; do echo "route add blackhole 10.$((i/256)).$((i%256)).1/32 proto 204 metric 7"; i=$((i+1)); done | ip -batch -`)
	if n, err := w.Changes(); n == 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := w.Changes(); n != 1 || err != nil {
		t.Errorf("it goes on: %d, %v", n, err)
	}
}

// TestRouteMessages has messages that no kernel sends.
func TestRouteMessages(t *testing.T) {
	w := &RouteWatch{metric: 7}
	good := make([]byte, routeAttributes+8)
	good[routeType], good[routeAttributes], good[routeAttributes+2], good[routeAttributes+4] = 24, 8, 6, 7
	for n := range good {
		if w.concerns(good[:n]) {
			t.Errorf("%d octets", n)
		}
	}
	if !w.concerns(good) { // RTM_NEWROUTE, RTA_PRIORITY, on a machine with the low octet first
		t.Error("not noticed")
	}
	for _, size := range []byte{0, 3, 200} {
		bad := append([]byte{}, good...)
		bad[routeAttributes] = size
		if w.concerns(bad) {
			t.Errorf("an attribute with size %d", size)
		}
	}
}
