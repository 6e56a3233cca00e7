package dialect

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// A rendering for VyOS is checked by doing what VyOS does with the commands: order the external ranges by seq, list all
// addresses, and go through the inside addresses with a port counter that moves to the next address when a block does not
// fit any more.

type targetShare struct {
	outside     netip.Addr
	first, last int
}

type vyosPool struct {
	ports  [2]int
	size   int
	ranges map[string]int // external, with seq
	inside []string
}

func simulateVyOS(text string) (map[netip.Addr]targetShare, error) {
	external, internal := map[string]*vyosPool{}, map[string]*vyosPool{}
	rules := map[string][2]string{}
	get := func(m map[string]*vyosPool, name string) *vyosPool {
		if m[name] == nil {
			m[name] = &vyosPool{ranges: map[string]int{}}
		}
		return m[name]
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(strings.ReplaceAll(line, "'", ""))
		var err error
		switch {
		case len(f) == 8 && f[6] == "external-port-range":
			p := get(external, f[5])
			_, err = fmt.Sscanf(f[7], "%d-%d", &p.ports[0], &p.ports[1])
		case len(f) == 9 && f[6] == "per-user-limit":
			_, err = fmt.Sscan(f[8], &get(external, f[5]).size)
		case len(f) == 10 && f[4] == "external" && f[8] == "seq":
			var seq int
			_, err = fmt.Sscan(f[9], &seq)
			get(external, f[5]).ranges[f[7]] = seq
		case len(f) == 8 && f[4] == "internal":
			p := get(internal, f[5])
			p.inside = append(p.inside, f[7])
		case len(f) == 8 && f[3] == "rule":
			r := rules[f[4]]
			r[map[string]int{"source": 0, "translation": 1}[f[5]]] = f[7]
			rules[f[4]] = r
		default:
			err = fmt.Errorf("unknown command")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	out := map[netip.Addr]targetShare{}
	for _, r := range rules {
		if err := fillVyOS(internal[r[0]], external[r[1]], out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func fillVyOS(in, ex *vyosPool, out map[netip.Addr]targetShare) error {
	var hosts, users []netip.Addr
	var ranges []string
	for r := range ex.ranges {
		ranges = append(ranges, r)
	}
	slices.SortFunc(ranges, func(a, b string) int { return cmp.Compare(ex.ranges[a], ex.ranges[b]) })
	for _, r := range ranges {
		hosts = appendHosts(hosts, r)
	}
	for _, r := range in.inside {
		users = appendHosts(users, r)
	}
	if (ex.ports[1]-ex.ports[0]+1)/ex.size*len(hosts) < len(users) {
		return fmt.Errorf("VyOS: not enough ports")
	}
	current, index := ex.ports[0], 0
	for _, u := range users {
		next := current + ex.size - 1
		for next > ex.ports[1] {
			index = (index + 1) % len(hosts)
			current = ex.ports[0]
			next = current + ex.size - 1
		}
		if _, ok := out[u]; ok {
			return fmt.Errorf("%v has two mappings", u)
		}
		out[u] = targetShare{hosts[index], current, next}
		if current = next + 1; current > ex.ports[1] {
			current = ex.ports[0]
			index++
		}
	}
	return nil
}

// appendHosts lists the addresses of a prefix or range. VyOS does not take a bare address.
func appendHosts(list []netip.Addr, text string) []netip.Addr {
	if !strings.ContainsAny(text, "/-") {
		panic("VyOS fails on the bare address " + text)
	}
	r := must(alloc.ParseAddrRange(text))
	for a := r.First(); ; a = a.Next() {
		list = append(list, a)
		if a == r.Last() {
			return list
		}
	}
}

// compareTarget checks that a target's own mapping is that of the plan.
func compareTarget(t *testing.T, name string, p *alloc.Plan, got func(netip.Addr) (targetShare, bool)) {
	t.Helper()
	for a := range p.All() {
		found := must(p.Lookup(a.Subscriber()))
		s, ok := got(a.Inside())
		r, one := found.Ports().Range()
		if !ok || !one || s != (targetShare{found.Outside(), int(r.First()), int(r.Last())}) {
			t.Fatalf("%s: %v gets %+v, not %v:%v", name, a.Inside(), s, found.Outside(), found.Ports())
		}
	}
}

func TestVyOSFill(t *testing.T) {
	rendered := 0
	everyPlan(t, func(name string, p *alloc.Plan) {
		text, err := render(t, VyOS, p)
		if err != nil {
			return
		}
		rendered++
		got, err := simulateVyOS(text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if uint64(len(got)) != p.Subscribers() {
			t.Fatalf("%s: VyOS has %d mappings, the plan %d subscribers", name, len(got), p.Subscribers())
		}
		compareTarget(t, name, p, func(a netip.Addr) (targetShare, bool) { s, ok := got[a]; return s, ok })
	})
	t.Logf("%d plans rendered", rendered)
	if rendered < 10 {
		t.Errorf("only %d plans were rendered", rendered)
	}
}

// TestVyOSTakes lists plans that must not be refused.
func TestVyOSTakes(t *testing.T) {
	for _, name := range []string{"tiny", "br", "seq", "spread", "det44", "7422", "business", "realms", "lw4o6", "single"} {
		if _, err := render(t, VyOS, samples()[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
