package softwire

import (
	"net/netip"
	"testing"
)

var (
	sinkAddr netip.Addr
	sinkBool bool
)

func TestNoAllocation(t *testing.T) {
	d := mustDomain(t, DomainSpec{Rules: append(manyRules(100).Rules, long("fd00::/66", "192.0.2.0/30", 2)), DMR: pfx("2001:db8:ffff::/64")})
	table := mustBindings(t, many(1000, 6, 1))
	q := questionsOf(d)[0]
	dmr, _ := d.DMR()
	b, _ := table.Reverse(ip("10.0.0.1"), 5000)
	for name, call := range map[string]func(){
		"Forward":            func() { sinkCE, sinkErr = d.Forward(q.endUser) },
		"Reverse":            func() { sinkCE, sinkErr = d.Reverse(q.ipv4, q.port) },
		"Reverse, past 64":   func() { sinkCE, sinkErr = d.Reverse(ip("192.0.2.2"), 5) },
		"Reverse, nobody":    func() { sinkCE, sinkErr = d.Reverse(ip("192.0.2.200"), 5) },
		"Reverse, excluded":  func() { sinkCE, sinkErr = d.Reverse(q.ipv4, 5) },
		"Check":              func() { sinkErr = d.Check(q.src6, q.ipv4, q.port) },
		"Check, spoofed":     func() { sinkErr = d.Check(q.src6, q.ipv4, q.port+4) },
		"Check, no rule":     func() { sinkErr = d.Check(ip("2002::1"), q.ipv4, q.port) },
		"Source":             func() { sinkCE, sinkErr = d.Source(q.src6) },
		"Destination":        func() { sinkAddr, sinkErr = d.Destination(ip("10.2.3.4"), 80) },
		"Embed":              func() { sinkAddr, sinkErr = dmr.Embed(q.ipv4) },
		"Extract":            func() { sinkAddr, sinkBool = dmr.Extract(ip("2001:db8:ffff:0:a:203:400:0")) },
		"CE.Address":         func() { sinkAddr = sinkCE.Address() },
		"Bindings.Forward":   func() { sinkBinding, sinkErr = table.Forward(b.B4()) },
		"Bindings.Reverse":   func() { sinkBinding, sinkErr = table.Reverse(ip("10.0.0.1"), 5000) },
		"Bindings.Check":     func() { sinkErr = table.Check(b.B4(), ip("10.0.0.1"), 5000) },
		"Bindings, nobody":   func() { sinkBinding, sinkErr = table.Reverse(ip("10.0.0.1"), 1) },
		"Bindings, spoofing": func() { sinkErr = table.Check(b.B4(), ip("10.0.0.2"), 5000) },
	} {
		sinkCE, _ = d.Reverse(q.ipv4, q.port)
		if n := testing.AllocsPerRun(20, call); n != 0 {
			t.Errorf("%s: %v allocations per call, want none", name, n)
		}
	}
}
