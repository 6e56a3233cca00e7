package dialect

import (
	"io"
	"strconv"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// RouterOS writes p as a script for RouterOS v7, to be run with /import.
//
// Jump chains split the inside addresses by prefix, so that a new connection meets some dozens of rules. Where neighbours
// own the same ports of neighbouring outside addresses, which is so with scheme stripe and with sharing ratio 1, one netmap
// rule serves a whole prefix of them: a stripe of aligned prefixes costs as many rules as its sharing ratio, whatever the
// number of subscribers. Everywhere else a subscriber has a src-nat rule each for tcp, udp and icmp.
//
// RouterOS has no way to choose the identifiers of ICMP queries: icmp is translated by address only, with any identifier.
// The reverse lookup of an identifier on a shared address therefore means nothing, and the text says so.
//
// RouterOS refuses shares of more than one port range.
func RouterOS(w io.Writer, p *alloc.Plan) error {
	r, err := newRouterOS(p)
	if err != nil {
		return err
	}
	r.out = newOutput(w)
	r.out.header(hash, "RouterOS v7", p,
		"icmp: RouterOS cannot map the identifiers of queries into a port range; the address is that of the plan, the identifier is any,",
		"  also one in the share of another subscriber: never trace a subscriber by an ICMP identifier",
		"this script removes the rules of an earlier plan first; until its end new connections of subscribers are not translated",
		"its jump rule must come before other rules of chain srcnat that match subscribers",
		"connections from before keep what they had; remove them in /ip firewall connection",
		"what no rule translates is not dropped: drop in /ip firewall filter, chain forward, what subscribers send in other protocols",
		"  (1:1 subscribers: all are translated) and what is connection-state=invalid")
	r.write(p)
	return r.out.close()
}

// Chains and address lists. The script removes whatever has such a name, so that it must not be one that others choose.
const (
	rosMain     = "cgnkit"
	rosFrom     = "cgnkit-from"    // tree: the subscribers
	listLocal   = "cgnkit-local"   // destinations that are not translated: subscribers and what the plan lists
	listOutside = "cgnkit-outside" // the plan's outside addresses
)

// routerOS is the state of one rendering.
type routerOS struct {
	out    *output
	in     *inside
	exempt *exempt
	maps   *netmap
	from   *tree // by source, one item for subscribers that a netmap rule serves together
}

func newRouterOS(p *alloc.Plan) (*routerOS, error) {
	in, err := newInside(p)
	if err != nil {
		return nil, err
	}
	r := &routerOS{in: in}
	if r.exempt, err = newExempt(p, in, "RouterOS"); err != nil {
		return nil, err
	}
	if err = everyPool(p, checkContiguous); err != nil {
		return nil, err
	}
	r.maps = newNetmap(in)
	r.from = &tree{spans: in.spans, grain: r.maps.grain}
	return r, nil
}

// checkContiguous refuses shares of more than one port range.
func checkContiguous(pool *alloc.Pool) error {
	for a := range shapes(pool) {
		if _, ok := a.Ports().Range(); !ok {
			return refusePool(pool, "the %d ports of subscriber %v are %d ranges, and RouterOS maps to one range: use a scheme whose shares are "+
				"contiguous (sequential, spread or stripe), and reserve ports at the ends of the usable range only",
				a.Ports().Len(), a.Inside(), a.Ports().RangeCount())
		}
	}
	return nil
}

func (r *routerOS) write(p *alloc.Plan) {
	o := r.out
	o.put("/ip firewall nat")
	o.put(`remove [find comment="cgnkit"]`)
	o.put(`remove [find chain~"^cgnkit"]`)
	o.put("/ip firewall address-list")
	o.put(`remove [find list~"^cgnkit-"]`)
	r.list(listLocal, r.exempt.spans)
	r.list(listOutside, r.exempt.outside)
	o.put("/ip firewall nat")
	for _, s := range r.exempt.services {
		o.put("add chain=", rosMain, " action=accept protocol=", s.protocol.String(), " dst-address=", s.String(), " dst-port=", s.ports.String())
	}
	for _, s := range r.exempt.everywhere {
		o.put("add chain=", rosMain, " action=accept protocol=", s.protocol.String(), " dst-address-list=!", listOutside, " dst-port=", s.ports.String())
	}
	o.put("add chain=", rosMain, " action=jump jump-target=", rosFrom)
	for b := range r.from.chains() {
		chain := chainOf(rosFrom, r.from, b)
		for e := range r.from.entries(b) {
			if e.jump {
				o.put("add chain=", chain, " action=jump src-address=", e.String(), " jump-target=", chainOf(rosFrom, r.from, e.block))
				continue
			}
			r.item(chain, e)
		}
		if o.failed != nil {
			return
		}
	}
	// The jump comes last: nothing is translated by half a plan.
	o.put("add chain=srcnat action=jump jump-target=", rosMain, " dst-address-list=!", listLocal, ` comment="cgnkit"`)
	o.put("# end of plan ", p.SHA256())
}

// list writes an address list.
func (r *routerOS) list(name string, spans []span) {
	for _, s := range spans {
		if r.out.put("add list=", name, " address=", s.String()); r.out.failed != nil {
			return
		}
	}
}

// item writes the rules of the subscribers of one item.
func (r *routerOS) item(chain string, e entry) {
	a := r.in.at(e.span, e.first)
	ports, _ := a.Ports().Range() // checkContiguous
	r.rule(chain, a, e, "tcp", &ports)
	r.rule(chain, a, e, "udp", &ports)
	if isWhole(a.Pool()) {
		r.rule(chain, a, e, "", nil)
		return
	}
	r.rule(chain, a, e, "icmp", nil)
}

// rule appends one rule: src-nat for a single subscriber, netmap for several. An empty protocol is any.
func (r *routerOS) rule(chain string, a alloc.Allocation, e entry, protocol string, ports *portset.Range) {
	o := r.out
	b := append(append(o.line[:0], "add chain="...), chain...)
	if e.plen == 32 {
		b = a.Inside().AppendTo(append(b, " action=src-nat src-address="...))
		b = a.Outside().AppendTo(append(b, " to-addresses="...))
	} else {
		b = e.appendTo(append(b, " action=netmap src-address="...))
		b = a.Outside().AppendTo(append(b, " to-addresses="...))
		b = strconv.AppendInt(append(b, '/'), int64(e.plen), 10)
	}
	if protocol != "" {
		b = append(append(b, " protocol="...), protocol...)
	}
	if ports != nil {
		b = appendPorts(append(b, " to-ports="...), *ports)
	}
	o.line = b
	o.end()
}
