package softwire

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// Results go here, so that the compiler cannot drop the calls that are measured.
var (
	sinkCE      CE
	sinkBinding Binding
	sinkErr     error
)

// manyRules returns n rules as an ISP with n outside prefixes would have them: a /40 for a /24, 16 EA bits.
func manyRules(n int) DomainSpec {
	var s DomainSpec
	for i := range n {
		s.Rules = append(s.Rules, RuleSpec{
			IPv6: netip.PrefixFrom(bits128{0x2001<<48 | uint64(i)<<24, 0}.addr(), 40), IPv4: netip.PrefixFrom(addr4(uint32(i+0x0a0000)<<8), 24), EALen: 16,
		})
	}
	return s
}

// explicitRules returns n rules with a PSID of their own, 64 on an address.
func explicitRules(n int) DomainSpec {
	var s DomainSpec
	length := 6
	for i := range n {
		psid := i % 64
		s.Rules = append(s.Rules, RuleSpec{
			IPv6: netip.PrefixFrom(bits128{0x2001<<48 | uint64(i)<<8, 0}.addr(), 56), IPv4: netip.PrefixFrom(addr4(0x0a000000+uint32(i/64)), 32),
			PSIDLength: &length, PSID: &psid,
		})
	}
	return s
}

// A question is one that a benchmark asks: prepared, because making it takes longer than the answer.
type question struct {
	endUser netip.Prefix
	src6    netip.Addr
	ipv4    netip.Addr
	port    uint16
}

const questions = 1 << 14

func questionsOf(d *Domain) []question {
	r := rand.New(rand.NewPCG(1, 1))
	list := make([]question, questions)
	for i := range list {
		rule := d.Rule(r.IntN(d.Len()))
		ce, _ := rule.At(r.Int64N(rule.Len()))
		port, _ := ce.Ports().Port(r.IntN(ce.Ports().Len()))
		list[i] = question{ce.EndUser(), ce.Address(), ce.IPv4().Addr(), port}
	}
	return list
}

func BenchmarkDomain(b *testing.B) {
	for _, bm := range []struct {
		name string
		spec DomainSpec
	}{{"rules=1", manyRules(1)}, {"rules=10000", manyRules(10_000)}, {"explicit=10000", explicitRules(10_000)}} {
		d := mustDomain(b, bm.spec)
		list := questionsOf(d)
		for name, ask := range map[string]func(*question){
			"Forward": func(q *question) { sinkCE, sinkErr = d.Forward(q.endUser) },
			"Reverse": func(q *question) { sinkCE, sinkErr = d.Reverse(q.ipv4, q.port) },
			"Check":   func(q *question) { sinkErr = d.Check(q.src6, q.ipv4, q.port) },
		} {
			b.Run(bm.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					ask(&list[i%questions])
					i++
				}
				if sinkErr != nil {
					b.Fatal(sinkErr)
				}
			})
		}
	}
}

func BenchmarkBindings(b *testing.B) {
	for _, bm := range []struct {
		name         string
		length, skip int
	}{{"k=0", 0, 0}, {"k=6", 6, 1}, {"k=8", 8, 4}} {
		t := mustBindings(b, many(1_000_000, bm.length, bm.skip))
		r := rand.New(rand.NewPCG(1, 1))
		list := make([]question, 1<<18) // more than caches hold
		for i := range list {
			n := t.byB4.slots[t.order[r.IntN(t.Len())]]
			port, _ := n.Ports().Port(r.IntN(n.Ports().Len()))
			list[i] = question{src6: n.B4(), ipv4: n.IPv4(), port: port}
		}
		for name, ask := range map[string]func(*question){
			"Forward": func(q *question) { sinkBinding, sinkErr = t.Forward(q.src6) },
			"Reverse": func(q *question) { sinkBinding, sinkErr = t.Reverse(q.ipv4, q.port) },
			"Check":   func(q *question) { sinkErr = t.Check(q.src6, q.ipv4, q.port) },
		} {
			b.Run(bm.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					ask(&list[i%len(list)])
					i++
				}
				if sinkErr != nil {
					b.Fatal(sinkErr)
				}
			})
		}
	}
}

// BenchmarkNewBindings makes a table of a million bindings.
func BenchmarkNewBindings(b *testing.B) {
	for b.Loop() {
		if t := mustBindings(b, many(1_000_000, 6, 1)); t.Len() != 1_000_000 {
			b.Fatal(t.Len())
		}
	}
}
