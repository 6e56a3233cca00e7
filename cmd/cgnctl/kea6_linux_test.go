package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/portset/softwire"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

func option6(code uint16, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// options6 returns the options of a message by code.
func options6(t *testing.T, b []byte) map[uint16][]byte {
	t.Helper()
	out := map[uint16][]byte{}
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			t.Fatalf("an option is longer than the message: %x", b)
		}
		out[binary.BigEndian.Uint16(b)] = b[4:n]
		b = b[n:]
	}
	return out
}

// Options of DHCPv6, and what routers ask for: an address, a prefix.
const (
	iaNA = 3
	iaPD = 25
)

// A dhcp6 sends what routers say, itself or as their relay agent.
type dhcp6 struct {
	conn  *net.UDPConn
	to    netip.AddrPort
	relay netip.Addr // link-address, invalid for none
}

func newDHCP6(t *testing.T, ns *netns.NS, link string) *dhcp6 {
	t.Helper()
	var index int
	if err := ns.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err == nil {
			index = l.Index
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return &dhcp6{conn: listen(t, ns, "udp6", link, "[::]:546"), to: netip.AddrPortFrom(netip.MustParseAddr("ff02::1:2").WithZone(fmt.Sprint(index)), 547)}
}

// exchange sends a message and returns the answer to it.
func (c *dhcp6) exchange(t *testing.T, m []byte, kind byte) []byte {
	t.Helper()
	inner, send := func(b []byte) []byte { return b }, m
	if c.relay.IsValid() {
		link, peer := c.relay.As16(), netip.MustParseAddr("fe80::7").As16()
		send = slices.Concat([]byte{12, 0}, link[:], peer[:], option6(9, m...)) // RELAY-FORW
		inner = func(b []byte) []byte {
			if len(b) < 34 || b[0] != 13 { // RELAY-REPL
				return nil
			}
			return options6(t, b[34:])[9]
		}
	}
	answer := exchange(t, c.conn, c.to, send, func(b []byte) bool {
		b = inner(b)
		return len(b) > 4 && b[0] == kind && bytes.Equal(b[1:4], m[1:4])
	})
	return inner(answer)
}

// An answer6 is what a router was given and told.
type answer6 struct {
	prefixes   []netip.Prefix // addresses as /128
	containers []s46.Option
	text       string // for people
}

// ask asks as router n, whose DUID ends in that, for what it wants (RFC 8415) and for the containers of RFC 7598.
func (c *dhcp6) ask(t *testing.T, n byte, wants ...uint16) answer6 {
	t.Helper()
	m := []byte{1, 0x5a, 0x46, n}
	m = append(m, option6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, n)...) // DUID-LL
	m = append(m, option6(6, 0, 94, 0, 95, 0, 96)...)          // what we want to know
	m = append(m, option6(8, 0, 0)...)
	for _, code := range wants {
		m = append(m, option6(code, 0, 0, 0, byte(code), 0, 0, 0, 0, 0, 0, 0, 0)...)
	}
	server := options6(t, c.exchange(t, m, 2)[4:])[2]
	m[0] = 3
	reply := c.exchange(t, append(m, option6(2, server...)...), 7)
	out := answer6{text: fmt.Sprintf("%x", reply)}
	var discarded []error
	if out.containers, discarded = s46.Containers(reply[4:]); len(discarded) > 0 {
		t.Fatalf("discarded %v, in %x", discarded, reply)
	}
	options := options6(t, reply[4:])
	if ia := options[iaNA]; len(ia) > 12 {
		if lease := options6(t, ia[12:])[5]; len(lease) >= 16 {
			out.prefixes = append(out.prefixes, netip.PrefixFrom(netip.AddrFrom16([16]byte(lease[:16])), 128))
		}
	}
	if ia := options[iaPD]; len(ia) > 12 {
		if lease := options6(t, ia[12:])[26]; len(lease) >= 25 {
			out.prefixes = append(out.prefixes, netip.PrefixFrom(netip.AddrFrom16([16]byte(lease[9:25])), int(lease[8])))
		}
	}
	return out
}

// askKea6 asks for a prefix, and compares the answer with the plan.
func askKea6(t *testing.T, ns *netns.NS, link string, plan *alloc.Plan) {
	got := newDHCP6(t, ns, link).ask(t, 7, iaPD)
	t.Logf("the reply: %s", got.text)
	comparePlan6(t, plan, link, got)
}

// comparePlan6 compares the one prefix that a router was given, and what it was told, with the plan.
func comparePlan6(t *testing.T, plan *alloc.Plan, pool string, got answer6) {
	t.Helper()
	if len(got.prefixes) != 1 || len(got.containers) != 1 {
		t.Fatalf("prefixes %v, containers %v, in %s", got.prefixes, got.containers, got.text)
	}
	delegated := got.prefixes[0]
	want, err := plan.Lookup(alloc.Subscriber{Prefix: delegated})
	if err != nil || want.Subscriber().Prefix != delegated || want.Pool().Name() != pool {
		t.Fatalf("the prefix %v: the plan says %v", delegated, err)
	}
	if o, ok := got.containers[0].(s46.MAPE); ok {
		told := 0 // the router's own rule, and of the others those that forward
		for i := range want.Pool().Domain().Len() {
			if r := want.Pool().Domain().Rule(i); r.Forwarding() || r.IPv6().Contains(delegated.Addr()) {
				told++
			}
		}
		if len(o.Rules) != told {
			t.Errorf("told %d rules, want %d: %+v", len(o.Rules), told, o.Rules)
		}
	}
	router, ports, outside := routerOf(t, got.containers[0], delegated)
	if addr, _ := want.RouterAddr(); router != addr || outside != want.OutsidePrefix() || ports != want.Ports().String() {
		t.Errorf("the router of %v takes %v, %v and ports %s from %+v; the plan has %v, %v and %v", delegated, router, outside, ports, got.containers[0], addr, want.OutsidePrefix(), want.Ports())
	}
}

// askReserved asks as routers of keaRouters do, for an address and a prefix. Each gets what is reserved for it and no more, and who is
// not in the list gets nothing.
func askReserved(t *testing.T, ns *netns.NS, plan *alloc.Plan) {
	c := newDHCP6(t, ns, "mixed")
	for n, want := range []string{9: "", 1: "2001:db8:500:200::/56", 2: "2001:db8:500:100::1/128", 3: "2001:db8:500::/56"} {
		if want == "" && n != 9 {
			continue
		}
		got := c.ask(t, byte(n), iaNA, iaPD)
		if want == "" {
			if len(got.prefixes) > 0 || len(got.containers) > 0 {
				t.Errorf("router %d is not in the list, and has %v and %v", n, got.prefixes, got.containers)
			}
			continue
		}
		if comparePlan6(t, plan, "mixed", got); got.prefixes[0].String() != want {
			t.Errorf("router %d has %v, want %s", n, got.prefixes[0], want)
		}
	}
}

// askRelayed asks as a relay agent does that sends to the server's address, and as one that is not of this pool.
func askRelayed(t *testing.T, ns *netns.NS, plan *alloc.Plan) {
	c := &dhcp6{conn: listen(t, ns, "udp6", "far", "[2001:db9::1]:547"), to: netip.MustParseAddrPort("[2001:db9::53]:547"), relay: netip.MustParseAddr("2001:db9:1::1")}
	got := c.ask(t, 4, iaNA, iaPD)
	if comparePlan6(t, plan, "far", got); got.prefixes[0].String() != "2001:db8:612:3400::/56" {
		t.Errorf("router 4 has %v", got.prefixes[0])
	}
	c.relay = netip.MustParseAddr("2001:db9:2::1")
	if got := c.ask(t, 4, iaNA, iaPD); len(got.prefixes) > 0 || len(got.containers) > 0 {
		t.Errorf("behind a relay agent of no pool router 4 has %v and %v", got.prefixes, got.containers)
	}
}

// traceLeases6 traces ports back to the routers of keaRouters, by the lease file that Kea has written about them.
func traceLeases6(t *testing.T, dir string, plan *alloc.Plan) {
	do := func(args ...string) string {
		var out, complaints bytes.Buffer
		if code := run(&env{stdout: &out, stderr: &complaints}, args); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, complaints.String())
		}
		return out.String()
	}
	ledger, leases := filepath.Join(dir, "ledger.jsonl"), filepath.Join(dir, "kea-leases6.csv")
	do("ledger", "add", "-c", filepath.Join(dir, "plan.yaml"), "--ledger", ledger, "--from", "2026-01-01T00:00:00Z")
	second := time.Now().UTC().Truncate(time.Second)
	now, next := second.Format(time.RFC3339), second.Add(time.Second).Format(time.RFC3339) // all of this second is asked about
	for n, prefix := range []string{1: "2001:db8:500:200::/56", 2: "2001:db8:500:100::1/128", 3: "2001:db8:500::/56", 4: "2001:db8:612:3400::/56"} {
		if prefix == "" {
			continue
		}
		a, err := plan.Lookup(alloc.Subscriber{Prefix: netip.MustParsePrefix(prefix)})
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(a.OutsidePrefix().Addr(), a.Ports().First()).String()
		got := do("trace", "--ledger", ledger, to, "--at", now, "--leases", leases, "--leases-until", next, "--skew", "0s", "-o", "json")
		if want := fmt.Sprintf(`"holder":"mac 02:00:00:00:00:%02x"`, n); !strings.Contains(got, want) {
			t.Errorf("%s, of %s: %s\nwant %s", to, prefix, got, want)
		}
	}
}

// routerOf returns what a router makes of a container and its prefix: its IPv6 address, its ports, its IPv4 address or prefix.
func routerOf(t *testing.T, o s46.Option, delegated netip.Prefix) (netip.Addr, string, netip.Prefix) {
	t.Helper()
	var spec softwire.DomainSpec
	var rules []s46.Rule
	switch o := o.(type) {
	case s46.MAPE:
		rules, spec.Relay = o.Rules, o.BRs[0].Addr
	case s46.MAPT:
		rules, spec.DMR = o.Rules, o.DMR.Prefix
	case s46.LW:
		table, err := softwire.NewBindings(func(yield func(softwire.BindingSpec) bool) { yield(o.Bind.Spec()) })
		if err != nil {
			t.Fatal(err)
		}
		b, err := table.Behind(delegated.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return b.B4(), b.Ports().String(), netip.PrefixFrom(b.IPv4(), 32)
	}
	for _, r := range rules {
		spec.Rules = append(spec.Rules, r.Spec())
	}
	d, err := softwire.NewDomain(spec)
	if err != nil {
		t.Fatal(err)
	}
	ce, err := d.Forward(delegated)
	if err != nil {
		t.Fatal(err)
	}
	return ce.Address(), ce.Ports().String(), ce.IPv4()
}
