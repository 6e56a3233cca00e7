package main

import (
	"bytes"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

var broadcast4 = netip.MustParseAddrPort("255.255.255.255:67")

// Messages of DHCPv4.
const (
	discover4 = 1
	request4  = 3
	ack4      = 5
)

// message4 is a message of the client whose hardware address ends in n.
func message4(n, kind byte, options ...byte) []byte {
	m := make([]byte, 240)
	copy(m, []byte{1, 1, 6, 0, 0x5a, kind, 0, n, 0, 0, 0x80}) // BOOTREQUEST, Ethernet, the answer by broadcast
	copy(m[28:], []byte{2, 0, 0, 0, 0, n})
	copy(m[236:], []byte{99, 130, 83, 99})
	return slices.Concat(m, []byte{53, 1, kind}, options, []byte{255})
}

// answers4 returns what tells whether a message answers another.
func answers4(m []byte) func([]byte) bool {
	return func(b []byte) bool { return len(b) > 240 && b[0] == 2 && bytes.Equal(b[4:8], m[4:8]) }
}

func options4(b []byte) map[byte][]byte {
	out := map[byte][]byte{}
	for b = b[240:]; len(b) > 1 && b[0] != 255; b = b[2+int(b[1]):] {
		out[b[0]] = b[2 : 2+int(b[1])]
	}
	return out
}

func listen4(t *testing.T, ns *netns.NS, link string) *net.UDPConn {
	t.Helper()
	conn := listen(t, ns, "udp4", link, "0.0.0.0:68")
	if err := ns.Do(func() error {
		return exec.Command("ip", "route", "replace", "255.255.255.255", "dev", link).Run()
	}); err != nil {
		t.Fatal(err)
	}
	return conn
}

// askKea4 asks for an address and for option 108 (RFC 8925). want is 0 where the option must not come.
func askKea4(t *testing.T, ns *netns.NS, link string, want uint32, plan *alloc.Plan) {
	m := message4(7, discover4, 55, 2, 1, s46.CodeV6Only)
	offer := exchange(t, listen4(t, ns, link), broadcast4, m, answers4(m))
	given := netip.AddrFrom4([4]byte(offer[16:20]))
	if a, err := plan.Lookup(alloc.SubscriberFrom("", given)); want == 0 && (err != nil || a.Pool().Name() != link) {
		t.Errorf("%v is offered, and the plan says %v", given, err)
	}
	seconds := uint32(0)
	if body, ok := options4(offer)[s46.CodeV6Only]; ok {
		var err error
		if seconds, _, err = s46.DecodeV6Only(append([]byte{s46.CodeV6Only, byte(len(body))}, body...)); err != nil {
			t.Fatal(err)
		}
	}
	if seconds != want {
		t.Errorf("option 108 says %d seconds, want %d, in %x", seconds, want, offer)
	}
}

// askRelayed4 asks as a relay agent does: the offer is of the pool behind it, with the gateway there.
func askRelayed4(t *testing.T, ns *netns.NS) {
	m := message4(8, discover4, 55, 2, 1, 3)
	copy(m[24:], []byte{100, 70, 0, 1}) // giaddr
	conn := listen(t, ns, "udp4", "away", "100.70.0.1:67")
	offer := exchange(t, conn, netip.MustParseAddrPort("100.70.0.254:67"), m, answers4(m))
	if given := netip.AddrFrom4([4]byte(offer[16:20])); given.String() != "100.66.0.2" || !bytes.Equal(options4(offer)[3], []byte{100, 66, 0, 1}) {
		t.Errorf("%v is offered, with %v", given, options4(offer))
	}
}

// leaseAll4 takes all addresses of the network 100.64.0.0/29, of which all eight are in the plan. Clients ask for those that are no
// client's: the network's, the gateway's and that for broadcasts. They get the five others, all know the gateway, and then there is none.
func leaseAll4(t *testing.T, ns *netns.NS, plan *alloc.Plan) {
	conn := listen4(t, ns, "cgn")
	hints, given := []byte{0, 1, 7, 2, 3}, map[string]bool{}
	for i, hint := range hints {
		n := byte(20 + i)
		m := message4(n, discover4, 50, 4, 100, 64, 0, hint, 55, 2, 1, 3)
		offer := exchange(t, conn, broadcast4, m, answers4(m))
		m = message4(n, request4, slices.Concat([]byte{50, 4}, offer[16:20], []byte{54, 4}, options4(offer)[54], []byte{55, 2, 1, 3})...)
		reply := exchange(t, conn, broadcast4, m, answers4(m))
		o, a := options4(reply), netip.AddrFrom4([4]byte(reply[16:20]))
		if !bytes.Equal(o[53], []byte{ack4}) || !bytes.Equal(o[3], []byte{100, 64, 0, 1}) || !bytes.Equal(o[1], []byte{255, 255, 255, 248}) {
			t.Errorf("client %d: options %v", n, o)
		}
		if al, err := plan.Lookup(alloc.SubscriberFrom("", a)); err != nil || al.Pool().Name() != "cgn" {
			t.Errorf("client %d has %v, and the plan says %v", n, a, err)
		}
		given[a.String()] = true
	}
	for _, a := range []string{"100.64.0.2", "100.64.0.3", "100.64.0.4", "100.64.0.5", "100.64.0.6"} {
		if !given[a] {
			t.Errorf("nobody has %s: %v", a, given)
		}
	}
	// The server answers in the order of the questions: whom it answers later, it would have answered before.
	more, known := message4(40, discover4), message4(20, discover4)
	if _, err := conn.WriteToUDPAddrPort(more, broadcast4); err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, broadcast4, known, func(b []byte) bool {
		if answers4(more)(b) {
			t.Errorf("one more client is offered %v", b[16:20])
		}
		return answers4(known)(b)
	})
}
