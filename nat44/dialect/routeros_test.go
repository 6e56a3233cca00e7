package dialect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// The simulator reads "add" commands and sends packets through chain srcnat as the RouterOS manual describes it. It
// shares no code with the package.

type rosRule map[string]string

type rosRouter struct {
	chains map[string][]rosRule
	lists  map[string][]alloc.AddrRange
}

func parseRouterOS(text string) (*rosRouter, error) {
	r := &rosRouter{map[string][]rosRule{}, map[string][]alloc.AddrRange{}}
	menu := ""
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "/"):
			menu = line
		case verb == "remove" && len(r.chains["cgnkit"]) == 0 && strings.HasPrefix(rest, "[find "):
		case verb == "add":
			rule := rosRule{}
			for f := range strings.FieldsSeq(rest) {
				key, value, ok := strings.Cut(f, "=")
				if !ok || rule[key] != "" {
					return nil, fmt.Errorf("line %d: %s", n+1, line)
				}
				rule[key] = value
			}
			if menu == "/ip firewall address-list" {
				a, err := alloc.ParseAddrRange(rule["address"])
				if err != nil {
					return nil, err
				}
				r.lists[rule["list"]] = append(r.lists[rule["list"]], a)
				continue
			}
			if menu != "/ip firewall nat" {
				return nil, fmt.Errorf("line %d: add in menu %q", n+1, menu)
			}
			r.chains[rule["chain"]] = append(r.chains[rule["chain"]], rule)
		default:
			return nil, fmt.Errorf("line %d: %s", n+1, line)
		}
	}
	return r, nil
}

type rosPacket struct {
	src, dst netip.Addr
	protocol string
	dport    int
}

type rosResult struct {
	outside netip.Addr
	ports   portset.Range // invalid: the ports stay as they are
	walked  int
}

// inRange reports whether a lies in a prefix, range or address as RouterOS writes them.
func inRange(text string, a netip.Addr) bool { return must(alloc.ParseAddrRange(text)).Contains(a) }

func (r *rosRouter) matches(rule rosRule, p rosPacket) bool {
	for key, value := range rule {
		ok := true
		switch key {
		case "chain", "action", "jump-target", "to-addresses", "to-ports", "comment":
		case "src-address":
			ok = inRange(value, p.src)
		case "dst-address":
			ok = inRange(value, p.dst)
		case "protocol":
			ok = value == p.protocol
		case "dst-port":
			ports := portRange(value)
			ok = int(ports.First()) <= p.dport && p.dport <= int(ports.Last())
		case "dst-address-list":
			name, not := strings.CutPrefix(value, "!")
			ok = not != slices.ContainsFunc(r.lists[name], func(a alloc.AddrRange) bool { return a.Contains(p.dst) })
		default:
			panic("unknown property " + key)
		}
		if !ok {
			return false
		}
	}
	return true
}

// walk sends a packet through a chain. done is false when no rule decided.
func (r *rosRouter) walk(chain string, p rosPacket, res *rosResult) (done bool) {
	for _, rule := range r.chains[chain] {
		res.walked++
		if !r.matches(rule, p) {
			continue
		}
		switch rule["action"] {
		case "accept":
			return true
		case "jump":
			if len(r.chains[rule["jump-target"]]) == 0 {
				panic("no chain " + rule["jump-target"])
			}
			if r.walk(rule["jump-target"], p, res) {
				return true
			}
		case "src-nat":
			res.outside = ip(rule["to-addresses"])
		case "netmap":
			from, to := netip.MustParsePrefix(rule["src-address"]), netip.MustParsePrefix(rule["to-addresses"])
			if from.Bits() != to.Bits() || to != to.Masked() {
				panic("netmap between different prefixes")
			}
			res.outside = addr4(u32(to.Addr()) | u32(p.src)&^(^uint32(0)<<(32-from.Bits())))
		default:
			panic("unknown action " + rule["action"])
		}
		if res.outside.IsValid() {
			if rule["to-ports"] != "" {
				res.ports = portRange(rule["to-ports"])
			}
			return true
		}
	}
	return false
}

// TestRouterOSWalk sends packets of every subscriber through the chains and compares with the plan.
func TestRouterOSWalk(t *testing.T) {
	worst, rendered := 0, 0
	everyPlan(t, func(name string, p *alloc.Plan) {
		text, err := render(t, RouterOS, p)
		if err != nil {
			for a := range p.All() {
				if a.Ports().RangeCount() > 1 {
					return
				}
			}
			t.Fatalf("%s: %v", name, err)
		}
		rendered++
		router, err := parseRouterOS(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		send := func(p rosPacket) (res rosResult) {
			router.walk("srcnat", p, &res)
			worst = max(worst, res.walked)
			return res
		}
		var previous alloc.Allocation
		for a := range p.All() {
			found := must(p.Lookup(a.Subscriber()))
			for _, protocol := range []string{"tcp", "udp"} {
				res := send(rosPacket{src: a.Inside(), dst: far, protocol: protocol, dport: 443})
				set, err := portset.NewSet(res.ports)
				if err != nil || res.outside != found.Outside() || !set.Equal(found.Ports()) {
					t.Fatalf("%s: %s of %v goes to %v:%v, not %v:%v", name, protocol, a.Inside(), res.outside, res.ports, found.Outside(), found.Ports())
				}
			}
			if res := send(rosPacket{src: a.Inside(), dst: far, protocol: "icmp"}); res.outside != found.Outside() || res.ports.IsValid() {
				t.Fatalf("%s: icmp of %v: %+v", name, a.Inside(), res)
			}
			res := send(rosPacket{src: a.Inside(), dst: far, protocol: "gre"})
			if whole := a.Pool().SharingRatio() == 1; res.outside.IsValid() != whole || whole && (res.outside != found.Outside() || res.ports.IsValid()) {
				t.Fatalf("%s: gre of %v: %+v", name, a.Inside(), res)
			}
			if previous.IsValid() {
				if res := send(rosPacket{src: a.Inside(), dst: previous.Inside(), protocol: "tcp"}); res.outside.IsValid() {
					t.Fatalf("%s: %v to %v is translated: %+v", name, a.Inside(), previous.Inside(), res)
				}
			}
			if beside := a.Inside().Next(); !inAnyRealm(p, beside) {
				if res := send(rosPacket{src: beside, dst: far, protocol: "tcp"}); res.outside.IsValid() {
					t.Fatalf("%s: %v is no subscriber and is translated: %+v", name, beside, res)
				}
			}
			previous = a
		}
	})
	t.Logf("%d plans rendered, worst walk %d rules", rendered, worst)
	if worst > 300 {
		t.Errorf("a packet walks %d rules", worst)
	}
	if rendered < 10 {
		t.Errorf("only %d plans were rendered", rendered)
	}
}

func TestRouterOSNoTranslate(t *testing.T) {
	router, err := parseRouterOS(mustRender(t, RouterOS, samples()["exempt"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range exemptCases {
		var res rosResult
		router.walk("srcnat", rosPacket{ip("100.64.0.5"), ip(c.dst), c.protocol, c.dport}, &res)
		if res.outside.IsValid() == c.exempt {
			t.Errorf("%+v: %+v", c, res)
		}
	}
}

// TestRouterOSNetmap counts the rules of stripes: they must not grow with the subscribers.
func TestRouterOSNetmap(t *testing.T) {
	for _, c := range []struct {
		inside, outside string
		netmaps, srcnat int // rules; each item has three
	}{
		{"100.64.0.0/19", "198.18.4.0/24", 32 * 3, 0},
		{"100.64.0.0/15", "198.18.0.0/20", 32 * 3, 0},
		{"100.64.0.0/24 100.70.0.0/24", "198.18.4.0/24", 2 * 3, 0},              // a stripe from each prefix
		{"100.64.0.0/25", "198.18.4.0/24", 3, 0},                                // half a stripe
		{"100.64.0.0/24", "198.18.4.0/25 198.18.6.0/25", 2 * 3, 0},              // two outside prefixes
		{"100.64.0.0/24", "198.18.4.2-198.18.4.65", 128 * 3, 0},                 // aligned to two addresses only
		{"100.64.0.0-100.64.0.2", "198.18.4.0/31", 3, 3},                        // a prefix and an address
		{"100.64.0.1-100.64.0.3 100.64.0.0", "198.18.4.1-198.18.4.4", 3, 6},     // positions count, not addresses
		{"100.64.0.0/30", "198.18.4.1 198.18.4.0 198.18.4.3 198.18.4.2", 0, 12}, // the same addresses in another order
	} {
		p := plan(pool("s", c.inside, c.outside, alloc.PoolSpec{Scheme: alloc.Stripe, Ports: portRange("1536-65535"), PortsPerSubscriber: 2000}))
		text := mustRender(t, RouterOS, p)
		if netmaps, srcnat := strings.Count(text, "action=netmap"), strings.Count(text, "action=src-nat"); netmaps != c.netmaps || srcnat != c.srcnat {
			t.Errorf("%s on %s: %d netmap and %d src-nat rules, not %d and %d\n%s", c.inside, c.outside, netmaps, srcnat, c.netmaps, c.srcnat, text)
		}
	}
}
