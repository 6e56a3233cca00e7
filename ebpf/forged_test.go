//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// guard is the rule that docs/xdp.md gives against packets that the host would forward as they came. It never sees one that is
// translated.
var guard = []string{"add table ip guard; add chain ip guard forward { type filter hook forward priority 0; }; " +
	"add rule ip guard forward iifname inside oifname outside drop"}

// A subscriber that forges its source gets nobody into the belief that an outside address is its own, and no packet out with an
// address of the plan that is not translated. Another subscriber's address makes it that subscriber: what keeps those apart is the
// access network.
func TestForgedSources(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	me, him := s.Subscribers[0].Addr, s.Subscribers[1].Addr
	share := must(s.d.Plan().Lookup(alloc.SubscriberFrom("", him)))
	for _, guarded := range []bool{false, true} {
		if guarded {
			netnstest.Run(t, s.CGN, "nft", guard...)
		}
		for _, test := range []struct {
			name, source string
			verdict      string
			outside      string // "" = nothing arrives
		}{
			{"its own", me.String(), "outbound", must(s.d.Plan().Lookup(alloc.SubscriberFrom("", me))).Outside().String()},
			{"another subscriber's", him.String(), "outbound", share.Outside().String()},
			{"the outside address that it has", "192.0.2.0", "drop-source", ""},
			{"another outside address", "192.0.2.7", "drop-source", ""},
			{"nobody's, inside", "100.64.99.9", "drop-source", ""},
			{"nobody's, outside", "198.51.100.7", "pass-not-subscriber", unless(guarded, "198.51.100.7")},
			{"a server's", "203.0.113.2", "pass-not-subscriber", unless(guarded, "203.0.113.2")},
			{"the CGN's, inside", "100.64.255.254", "drop-source", ""},
			{"the CGN's, outside", "203.0.113.254", "pass-not-subscriber", ""},
			{"this host's", "127.0.0.1", "pass-not-subscriber", ""},
			{"none", "0.0.0.0", "pass-not-subscriber", ""},
			{"a group's", "224.0.0.9", "pass-not-subscriber", ""},
			{"everybody's", "255.255.255.255", "pass-not-subscriber", ""},
		} {
			t.Run(map[bool]string{false: "", true: "guarded, "}[guarded]+test.name, func(t *testing.T) {
				for kind, p := range forgeries(ad(test.source), s.Servers[0].Addr) {
					s.forges(t, kind, p, test.verdict, test.outside)
				}
			})
		}
	}
}

func unless(guarded bool, outside string) string {
	if guarded {
		return ""
	}
	return outside
}

// forgeries are packets of all kinds from one address to another.
func forgeries(from, to netip.Addr) map[string]datagram {
	here, there := netip.AddrPortFrom(from, 5000), netip.AddrPortFrom(to, 9)
	return map[string]datagram{
		"UDP": udp(here, there, "forged"), "TCP": tcp(here, there, syn, ""), "ICMP": icmpQuery(from, to, echoRequest, 5000, "forged"),
		"a first fragment": udp(here, there, "forged").with(func(d *datagram) { d.id, d.flags = 1, moreFragments }),
		"a later fragment": udp(here, there, "forged").with(func(d *datagram) { d.id, d.flags = 2, 100 }),
	}
}

// forges has subscriber 0 send a packet, and checks its verdict and where it comes from for server 0, if it gets there.
func (s *site) forges(t *testing.T, kind string, p datagram, verdict, outside string) {
	t.Helper()
	o, err := s.Servers[0].Observe(netns.Watch{Match: func(got netns.Packet) bool { return got.Proto == p.proto && got.Raw[8] == 32-1 }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	before := s.counts()[verdict]
	p.ttl = 32 // marks it
	gateway, err := s.CGN.MAC(netns.InsideLink)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribers[0].SendFrame(netns.HostLink, gateway, p.ip()); err != nil {
		t.Fatal(err)
	}
	until(t, kind+" is counted as "+verdict, func() bool { return s.counts()[verdict] > before })
	if err := s.Subscribers[0].Ping(netns.Ping{To: s.Servers[0].Addr}); err != nil { // which comes behind it
		t.Error(err)
	}
	got, err := o.Packets()
	if err != nil {
		t.Fatal(err)
	}
	if want := outside != ""; want != (len(got) == 1) || want && got[0].Src.String() != outside {
		t.Errorf("%s: %d packets arrived, %+v, want one from %q", kind, len(got), got, outside)
	}
}
