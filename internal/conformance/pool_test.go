//go:build linux

package conformance

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func poolProbes() map[string]probe {
	routes := netns.Options{Outside: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")}}
	scattered := setup{ports: roomy, scheme: alloc.Stripe, outside: []string{"198.51.100.3", "192.0.2.7-192.0.2.9", "192.0.2.1"}, extra: routes}
	return map[string]probe{
		"6888-1a": shows(nil, chapter(NFTables(), "6888-1a", "4787-")),
		"6888-1b": shows(nil, chapter(NFTables(), "6888-1b", "5382-")),
		"6888-1c": shows(nil, chapter(NFTables(), "6888-1c", "5508-")),
		"6888-2":  shows(scattered.make, paired),
		"4787-2":  shows(scattered.make, paired),
		"6888-3":  shows(scattered.make, notContiguous),
	}
}

// chapter shows that the verdict about a whole RFC follows from those about its mandatory requirements, and that the note names
// those that are not met in full; each of them has a probe of its own.
func chapter(k Backend, id, prefix string) func(*testing.T, *bench) {
	return func(t *testing.T, _ *bench) {
		want := Result{Verdict: Yes}
		if unmet := k.Unmet(prefix); len(unmet) > 0 {
			want = Result{Partly, "MUSTs not met in full: " + strings.Join(unmet, ", ")}
		}
		if k.Results[id] != want {
			t.Errorf("the verdict is %v, want %v", k.Results[id], want)
		}
	}
}

// paired shows that all protocols of a subscriber use one address, towards whomever.
func paired(t *testing.T, b *bench) {
	for _, protocol := range []string{"udp", "tcp", "icmp"} {
		k := newTalk(t, b, protocol)
		for i := range b.Subscribers {
			for _, port := range []uint16{40000, 40001, 2000} {
				for server := range k.servers {
					if e := k.say(t, i, port, server); e.Addr() != b.share(t, i).Outside {
						t.Errorf("subscriber %d uses %v over %s, want %v", i, e, protocol, b.share(t, i).Outside)
					}
				}
			}
		}
	}
	if b.share(t, 0).Outside == b.share(t, 1).Outside {
		t.Error("the subscribers are on one address, so nothing was shown")
	}
}

// notContiguous shows subscribers on two scattered addresses of a pool, and by computation that all of it is used, in the order
// in which it was written.
func notContiguous(t *testing.T, b *bench) {
	for i, want := range []string{"198.51.100.3", "192.0.2.7"} {
		e := b.ask(t, i, "udp", 40000, b.echo(t, i, "udp", 7000).Addr())
		b.owns(t, i, e)
		if e.Addr() != addr(want) {
			t.Errorf("subscriber %d is %v, want %s", i, e, want)
		}
	}
	plan := newPlan(t, alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "scattered", Inside: ranges(t, "100.64.0.1-100.64.0.12"), PortsPerSubscriber: allOfIt,
		Outside: ranges(t, "192.0.2.1", "192.0.2.7-192.0.2.9", "198.51.100.0/29"),
	}}})
	var used, want []netip.Addr
	for a := range plan.All() {
		used = append(used, a.Outside())
	}
	for _, r := range ranges(t, "192.0.2.1", "192.0.2.7-192.0.2.9", "198.51.100.0/29") {
		for a := r.First(); r.Contains(a); a = a.Next() {
			want = append(want, a)
		}
	}
	if !slices.Equal(used, want) {
		t.Errorf("addresses %v, want %v", used, want)
	}
}
