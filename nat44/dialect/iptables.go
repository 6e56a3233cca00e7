package dialect

import (
	"io"
	"strconv"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// maxRanges bounds the port ranges of a share for iptables, which costs three rules a range. PSID sets with the offset of
// MAP have 63.
const maxRanges = 64

// IPTables writes p for iptables-restore: tables mangle and nat.
//
// In nat, chains split the inside addresses by prefix, so that a new connection meets some dozens of rules whatever the
// number of subscribers; at the end is a SNAT rule for each of tcp, udp and icmp (the identifiers of queries). A share of
// several port ranges has a rule for each range, and a new connection takes one of them by chance, weighted by size.
// Subscribers of pools with sharing ratio 1 have a rule without ports for every other protocol.
//
// Table nat cannot drop, and nothing of iptables comes behind it. So mangle, which comes before, drops what nat would not
// translate: packets of subscribers that share an address in protocols without ports, and packets that connection tracking
// does not translate, because it finds them invalid or does not track them.
//
// IPTables refuses shares of more than 64 port ranges.
func IPTables(w io.Writer, p *alloc.Plan) error {
	r, err := newIPTables(p)
	if err != nil {
		return err
	}
	r.out = newOutput(w)
	r.out.header(hash, "iptables", p,
		"load with iptables-restore: it replaces the tables nat and mangle as a whole",
		"connections from before loading keep what they had; delete them: conntrack -D -s PREFIX for each inside prefix",
		"filtering is address- and port-dependent, and nothing is turned around to other subscribers' outside addresses (no hairpinning)",
		"a share bounds the connections to one destination, not all: the kernel uses a port again for another destination",
		"a share of several port ranges: a connection takes one range by chance, also of the same inside endpoint, and is dropped when it is used up",
		"protocols without ports are translated for subscribers with an outside address of their own (1:1) and dropped for others")
	r.mangle()
	r.nat()
	return r.out.close()
}

// Chains. Those of trees have the prefix behind their name: cgn-from-100.64.0.0-18.
const (
	// 28 bytes are all that iptables allows, and a prefix takes 18 of them.
	chainMain     = "cgn"      // what every packet meets
	chainTo       = "cgn-to"   // tree: destinations that are not translated, whatever the protocol
	chainPorts    = "cgn-port" // ports of destinations that are not translated
	chainOut      = "cgn-out"  // tree: outside addresses, to which everything is translated
	chainAny      = "cgn-any"  // ports that are not translated, whatever the destination
	chainFrom     = "cgn-from" // tree: the subscribers
	chainSub      = "cgn-sub-" // and an address: a subscriber with several port ranges
	chainShared   = "cgn-shared"
	chainOneToOne = "cgn-one-to-one"
)

// iptables is the state of one rendering.
type iptables struct {
	out       *output
	in        *inside
	exempt    *exempt
	to, of    *tree // by destination; the plan's outside addresses
	from      *tree // by source, one item a subscriber
	classes   *tree // by source, an item for neighbours that are all shared or all 1:1
	scattered []bool
}

func newIPTables(p *alloc.Plan) (*iptables, error) {
	in, err := newInside(p)
	if err != nil {
		return nil, err
	}
	r := &iptables{in: in}
	if r.exempt, err = newExempt(p, in, "iptables"); err != nil {
		return nil, err
	}
	if err = everyPool(p, r.checkRanges); err != nil {
		return nil, err
	}
	r.to = &tree{spans: r.exempt.spans}
	r.of = &tree{spans: r.exempt.outside}
	r.from = &tree{spans: in.spans, grain: perAddress}
	r.classes = &tree{spans: in.merge(isWhole)}
	return r, nil
}

// checkRanges refuses shares of too many ranges, and notes whether the pool has shares of several.
func (r *iptables) checkRanges(pool *alloc.Pool) error {
	most := 1
	for a := range shapes(pool) {
		n := 0
		for range a.Ports().Ranges() {
			if n++; n > maxRanges {
				return refusePool(pool, "the %d ports of subscriber %v are %d ranges, and iptables would need three rules for each; %d ranges are the limit: "+
					"use a scheme whose shares are contiguous (sequential, spread or stripe), or render for nftables",
					a.Ports().Len(), a.Inside(), a.Ports().RangeCount(), maxRanges)
			}
		}
		most = max(most, n)
	}
	r.scattered = append(r.scattered, most > 1)
	return nil
}

// nat writes the table that translates.
func (r *iptables) nat() {
	o := r.out
	o.put("*nat")
	o.put(":POSTROUTING ACCEPT [0:0]")
	r.declareExempt()
	r.declare(chainFrom, r.from)
	for k, s := range r.in.spans {
		for a := uint64(s.first); r.scattered[s.pool] && a <= uint64(s.last) && o.failed == nil; a++ {
			if _, whole := r.in.at(k, uint32(a)).Ports().Range(); !whole {
				o.put(":", chainSub, addr4(uint32(a)).String(), " - [0:0]")
			}
		}
	}
	o.put("-A POSTROUTING -j ", chainMain)
	r.rulesExempt()
	r.rules(chainFrom, r.from, "", r.subscriber)
	for k, s := range r.in.spans {
		for a := uint64(s.first); r.scattered[s.pool] && a <= uint64(s.last) && o.failed == nil; a++ {
			if found := r.in.at(k, uint32(a)); found.Ports().RangeCount() > 1 {
				r.several(found)
			}
		}
	}
	o.put("COMMIT")
}

// mangle writes the table that drops what nat would not translate. It looks at every packet, so that the first rule lets
// pass what is translated already.
func (r *iptables) mangle() {
	o := r.out
	o.put("*mangle")
	o.put(":POSTROUTING ACCEPT [0:0]")
	r.declareExempt()
	o.put(":", chainShared, " - [0:0]")
	o.put(":", chainOneToOne, " - [0:0]")
	r.declare(chainFrom, r.classes)
	o.put("-A POSTROUTING -m conntrack ! --ctstate SNAT,DNAT -j ", chainMain)
	r.rulesExempt()
	// A connection that is neither new nor related and has no translation by now does not get one any more.
	for _, chain := range []string{chainShared, chainOneToOne} {
		o.put("-A ", chain, " -m conntrack ! --ctstate NEW,RELATED -j DROP")
	}
	for _, protocol := range protocols {
		o.put("-A ", chainShared, " -p ", protocol, " -j RETURN")
	}
	o.put("-A ", chainShared, " -j DROP")
	r.rules(chainFrom, r.classes, "", func(chain string, e entry) {
		class := chainShared
		if isWhole(r.in.pools[r.classes.spans[e.span].pool]) {
			class = chainOneToOne
		}
		o.put("-A ", chain, " -s ", e.String(), " -g ", class)
	})
	o.put("COMMIT")
}

// protocols are those that have ports, or identifiers that are used like ports.
var protocols = [...]string{"tcp", "udp", "icmp"}

// declareExempt and rulesExempt write what is the same in both tables: traffic that is not translated.
func (r *iptables) declareExempt() {
	r.out.put(":", chainMain, " - [0:0]")
	r.declare(chainTo, r.to)
	if len(r.exempt.services) > 0 {
		r.out.put(":", chainPorts, " - [0:0]")
	}
	if len(r.exempt.everywhere) > 0 {
		r.declare(chainOut, r.of)
		r.out.put(":", chainAny, " - [0:0]")
	}
}

func (r *iptables) rulesExempt() {
	o := r.out
	o.put("-A ", chainMain, " -j ", chainTo)
	if len(r.exempt.services) > 0 {
		o.put("-A ", chainMain, " -j ", chainPorts)
	}
	if len(r.exempt.everywhere) > 0 {
		o.put("-A ", chainMain, " -j ", chainOut)
	}
	o.put("-A ", chainMain, " -g ", chainFrom)
	r.rules(chainTo, r.to, "", func(chain string, e entry) {
		o.put("-A ", chain, " -d ", e.String(), " -j ACCEPT")
	})
	for _, s := range r.exempt.services {
		for at := uint64(s.first); at <= uint64(s.last); {
			b := largest(uint32(at), s.last)
			o.put("-A ", chainPorts, " -d ", b.String(), " -p ", s.protocol.String(), " -m ", s.protocol.String(), " --dport ", portPair(s.ports), " -j ACCEPT")
			at = uint64(b.last()) + 1
		}
	}
	if len(r.exempt.everywhere) == 0 {
		return
	}
	// RETURN leads out of the tree, back to the main chain: what goes to an outside address is translated.
	r.rules(chainOut, r.of, chainAny, func(chain string, e entry) {
		o.put("-A ", chain, " -d ", e.String(), " -j RETURN")
	})
	for _, s := range r.exempt.everywhere {
		o.put("-A ", chainAny, " -p ", s.protocol.String(), " -m ", s.protocol.String(), " --dport ", portPair(s.ports), " -j ACCEPT")
	}
}

// portPair returns "25:25".
func portPair(r portset.Range) string {
	return strconv.Itoa(int(r.First())) + ":" + strconv.Itoa(int(r.Last()))
}

// declare writes the chains of a tree.
func (r *iptables) declare(name string, t *tree) {
	for b := range t.chains() {
		if r.out.put(":", chainOf(name, t, b), " - [0:0]"); r.out.failed != nil {
			return
		}
	}
}

// rules writes the rules of a tree: item those of an item, tail where to go when nothing in a chain fits.
func (r *iptables) rules(name string, t *tree, tail string, item func(chain string, e entry)) {
	match := " -d "
	if t == r.from || t == r.classes {
		match = " -s "
	}
	for b := range t.chains() {
		chain := chainOf(name, t, b)
		for e := range t.entries(b) {
			if e.jump {
				r.out.put("-A ", chain, match, e.String(), " -g ", chainOf(name, t, e.block))
				continue
			}
			item(chain, e)
		}
		if tail != "" {
			r.out.put("-A ", chain, " -g ", tail)
		}
		if r.out.failed != nil {
			return
		}
	}
}

// chainOf returns the name of a chain of a tree: with the prefix, except for the root.
func chainOf(name string, t *tree, b block) string {
	if b == t.root() {
		return name
	}
	return name + "-" + addr4(b.first).String() + "-" + strconv.Itoa(b.plen)
}
