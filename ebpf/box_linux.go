package ebpf

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/cgnkit/cgnkit/alloc"
)

// A box looks at what an instance needs of its host. It changes nothing.
type box struct {
	plan   *alloc.Plan
	record record
	links  map[int]netlink.Link // of the network namespace
	out    []string
}

// lacks returns what the host lacks for a record, as sentences with the command that would mend it. What cannot be looked at is
// taken for right.
func lacks(plan *alloc.Plan, r record) []string {
	links, err := linksByIndex()
	if err != nil {
		return nil
	}
	b := &box{plan: plan, record: r, links: links}
	b.forwarding()
	b.realms()
	var cards []int
	for _, a := range r.Links {
		b.interfaceOf(a)
		if !slices.Contains(cards, a.Lead.Card) {
			cards = append(cards, a.Lead.Card)
			b.card(a.Lead.Card)
		}
	}
	b.sizes()
	b.ways()
	return b.out
}

func (b *box) say(format string, args ...any) { b.out = append(b.out, fmt.Sprintf(format, args...)) }

// off reports whether a setting is there and 0.
func off(name string) bool {
	text, err := os.ReadFile("/proc/sys/net/ipv4/" + name)
	return err == nil && string(bytes.TrimSpace(text)) == "0"
}

// forwarding looks whether the kernel tells the programs ways at all.
func (b *box) forwarding() {
	if off("ip_forward") {
		b.say("forwarding is off, so no packet of a subscriber gets anywhere: sysctl -w net.ipv4.ip_forward=1")
		return
	}
	for _, a := range b.record.Links {
		if off("conf/" + a.Name + "/forwarding") {
			b.say("forwarding is off on %s, so no packet that comes in there gets anywhere: sysctl -w net.ipv4.conf.%s.forwarding=1", a.Name, a.Name)
		}
	}
}

// realms looks whether every realm of the plan has a way in.
func (b *box) realms() {
	realms := b.plan.Realms()
	for _, r := range realms {
		if slices.ContainsFunc(b.record.Links, func(a attachment) bool { return a.Inside && a.Realm == r }) {
			continue
		}
		give := "--inside INTERFACE"
		if len(realms) > 1 {
			give += "=" + r
		}
		b.say("realm %s of the plan has no inside interface, so its subscribers are not translated: give it one, %s", r, give)
	}
}

func (b *box) interfaceOf(a attachment) {
	l := b.links[a.Index]
	if l != nil && l.Attrs().Flags&net.FlagUp == 0 {
		b.say("%s is down: ip link set %s up", a.Name, a.Name)
	}
}

// card looks at what a card does to packets before a program sees them.
func (b *box) card(index int) {
	l := b.links[index]
	if l == nil {
		return
	}
	name := l.Attrs().Name
	if on, err := offloads(name); err == nil {
		if on["rx-lro"] {
			b.say("%s merges what it receives (LRO) before the program sees it: ethtool -K %s lro off", name, name)
		}
		if on["rx-gro-hw"] {
			b.say("%s merges what it receives (GRO in hardware) before the program sees it: ethtool -K %s rx-gro-hw off", name, name)
		}
		if on["rx-vlan-hw-parse"] && b.hasVLAN(index) {
			b.say("%s takes the VLAN tags off what it receives, so the program in the driver cannot tell VLANs apart: ethtool -K %s rxvlan off", name, name)
		}
	}
	b.peer(l)
}

func (b *box) hasVLAN(card int) bool {
	for _, l := range b.links {
		if l.Type() == "vlan" && l.Attrs().ParentIndex == card {
			return true
		}
	}
	return false
}

// peer looks whether the other end of a virtual cable polls: if it does not, the driver cannot send to it, and the kernel does. Only what
// stops to poll after an apply gets nothing, until the next one.
// An end in another network namespace cannot be seen.
func (b *box) peer(l netlink.Link) {
	if l.Type() != "veth" || l.Attrs().NetNsID >= 0 {
		return
	}
	p := b.links[l.Attrs().ParentIndex]
	if p == nil || (p.Attrs().Xdp != nil && p.Attrs().Xdp.Attached) {
		return
	}
	name := p.Attrs().Name
	if on, err := offloads(name); err == nil && !on["rx-gro"] {
		b.say("%s, the other end of %s, does not poll, so what is sent to it takes the slow way: ethtool -K %s gro on", name, l.Attrs().Name, name)
	}
}

// sizes looks whether packets of the inside fit outside.
func (b *box) sizes() {
	var inside, outside attachment
	var most, least int
	for _, a := range b.record.Links {
		l := b.links[a.Index]
		if l == nil {
			continue
		}
		mtu := l.Attrs().MTU
		if a.Inside && mtu > most {
			most, inside = mtu, a
		}
		if !a.Inside && (least == 0 || mtu < least) {
			least, outside = mtu, a
		}
	}
	if least > 0 && most > least {
		b.say("%s takes %d octets and %s only %d: larger packets are cut, slowly, or answered with ICMP: ip link set %s mtu %d",
			inside.Name, most, outside.Name, least, outside.Name, most)
	}
}

// ways looks whether there is a way out, and to the subscribers.
func (b *box) ways() {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err == nil && len(routes) > 0 && !slices.ContainsFunc(routes, func(r netlink.Route) bool { return b.leads(r, false) && r.Gw != nil }) {
		b.say("no route with a gateway leads out of an outside interface: ip route add default via GATEWAY")
	} else if err == nil && len(routes) == 0 {
		b.say("there are no routes: ip route add default via GATEWAY")
	}
	if len(b.plan.Realms()) > 1 {
		return // which way is meant is for rules of their interfaces to say
	}
	for p := range b.plan.Pools() {
		first, ok := p.At(0)
		if !ok {
			continue
		}
		to := first.Subscriber().Addr()
		way, err := netlink.RouteGet(to.AsSlice())
		if err != nil || len(way) == 0 || !b.leads(way[0], true) {
			b.say("pool %s: the way to the subscriber %v does not lead to an inside interface: ip route add SUBSCRIBERS dev INTERFACE", p.Name(), to)
		}
	}
}

// leads reports whether a route leads to an interface of a side.
func (b *box) leads(r netlink.Route, inside bool) bool {
	hops := []int{r.LinkIndex}
	for _, h := range r.MultiPath {
		hops = append(hops, h.LinkIndex)
	}
	return slices.ContainsFunc(b.record.Links, func(a attachment) bool { return a.Inside == inside && slices.Contains(hops, a.Index) })
}
