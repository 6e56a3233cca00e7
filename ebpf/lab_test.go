//go:build linux

package ebpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// The hops of the lab. Most packets go by the default route, or to the subscribers by 100.64.0.0/10.
var labNetwork = network{
	{to: netip.MustParsePrefix("100.64.255.0/24"), own: labInside, src: labMAC[0], mtu: 1500},                     // a router that nobody knows
	{to: netip.MustParsePrefix("100.64.254.0/24"), none: passUnrouted},                                            // blackholed
	{to: netip.MustParsePrefix("100.64.253.0/24"), own: labInside, src: labMAC[0], dst: routerMAC[0], mtu: 1300},  // a narrow link
	{to: netip.MustParsePrefix("100.64.252.0/24"), own: labOutside, src: labMAC[1], dst: routerMAC[1], mtu: 1500}, // the same range, outside
	{to: netip.PrefixFrom(labInside, 32), none: passLocal},
	{to: netip.MustParsePrefix("100.127.255.254/32"), own: labInside, src: labMAC[0], dst: routerMAC[0], mtu: 1500},
	{to: netip.MustParsePrefix("100.127.255.255/32"), none: passLocal},
	{to: netip.MustParsePrefix("100.127.255.248/29"), own: labInside, src: labMAC[0], mtu: 1500}, // nobody answers there
	{to: netip.MustParsePrefix("100.64.0.0/10"), own: labInside, src: labMAC[0], dst: routerMAC[0], mtu: 1500},
	{to: netip.PrefixFrom(labOutside, 32), none: passLocal},
	{to: netip.MustParsePrefix("203.0.113.255/32"), none: passLocal},
	{to: netip.MustParsePrefix("203.0.113.0/24"), own: labOutside, src: labMAC[1], mtu: 1500}, // nobody answers there
	{to: netip.MustParsePrefix("192.0.2.128/26"), own: labOutside, src: labMAC[1], dst: routerMAC[1], mtu: 1300},
	{to: netip.MustParsePrefix("192.0.2.192/26"), none: passUnrouted},
	{to: netip.MustParsePrefix("127.0.0.0/8"), none: passLocal},
	{to: netip.MustParsePrefix("224.0.0.0/4"), none: passLocal},
	{to: netip.MustParsePrefix("255.255.255.255/32"), none: passLocal},
	{to: netip.MustParsePrefix("0.0.0.0/8"), none: passLocal},
	{to: netip.MustParsePrefix("0.0.0.0/0"), own: labOutside, src: labMAC[1], dst: routerMAC[1], mtu: 1500},
}

// A lab runs the programs on packets, in a namespace with the routes of labNetwork, and compares with the model. The programs
// are attached to nothing: every packet is the test's.
type lab struct {
	testing.TB
	d        *Datapath
	model    *model
	tally    *tally
	was      map[verdict]uint64
	programs [2]*ebpf.Program
	links    [2]uint32
	ns       *netns.NS
	work     chan func()
	slots    map[netip.Addr]*ebpf.Memory // of the outside addresses
	accounts map[netip.Addr]*ebpf.Map
	rates    *ebpf.Map // of ICMP errors
}

// newLab returns a lab with a plan in force. The Plan of the Config is made of the pools where it has none.
func newLab(tb testing.TB, c Config, pools ...alloc.PoolSpec) *lab {
	tb.Helper()
	ns := netnstest.New(tb)
	if c.Plan == nil {
		c.Plan = mustPlan(tb, pools...)
	}
	l := &lab{TB: tb, model: newModel(c.Plan, labNetwork), ns: ns, work: make(chan func())}
	l.connect(ns)
	err := ns.Do(func() (err error) { l.d, err = Apply(c); return err })
	if v := (*ebpf.VerifierError)(nil); errors.As(err, &v) {
		tb.Fatalf("%+v", v)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(l.d.Close(), ns.Do(func() error { return Remove(c.Instance) })); err != nil {
			tb.Error(err)
		}
	})
	g := l.d.generation
	if c.tagged {
		l.programs = [2]*ebpf.Program{must(g.openProgram(bpf.CgnatProgCgnTagged)), must(g.openProgram(bpf.CgnatProgCgnTagged))}
	} else {
		l.programs = [2]*ebpf.Program{must(g.openProgram(bpf.CgnatProgCgnInside)), must(g.openProgram(bpf.CgnatProgCgnOutside))}
	}
	l.tally = newTally(tb, must(g.openMap("maps", bpf.CgnatMapCounters)))
	l.was = l.tally.read()
	l.wire()
	l.openTables()
	l.rates = l.table(bpf.CgnatMapRates)
	l.model.learn = l.portOf
	l.inhabit(ns)
	return l
}

// follow has the lab run the programs of another generation.
func (l *lab) follow(d *Datapath) {
	l.Helper()
	l.d = d
	l.programs = [2]*ebpf.Program{must(d.generation.openProgram(bpf.CgnatProgCgnInside)), must(d.generation.openProgram(bpf.CgnatProgCgnOutside))}
	l.tally = newTally(l, must(d.generation.openMap("maps", bpf.CgnatMapCounters)))
	l.was = l.tally.read()
	l.wire()
	l.openTables()
}

// wire tells the programs of the interfaces, as Apply does of those that it attaches to.
func (l *lab) wire() {
	l.Helper()
	l.setBit(bpf.CgnatMapOutsides, l.links[fromOutside])
	for i, link := range l.links {
		l.setBit(bpf.CgnatMapExits, link)
		mac, _ := macNumber(labMAC[i])
		if err := l.table(bpf.CgnatMapMacs).Put(link, mac); err != nil {
			l.Fatal(err)
		}
	}
}

// openTables opens the slots and accounts of all outside addresses.
func (l *lab) openTables() {
	l.Helper()
	l.slots, l.accounts = make(map[netip.Addr]*ebpf.Memory), make(map[netip.Addr]*ebpf.Map)
	g := l.d.generation
	for i := range g.tables.rows {
		addr := g.address(i)
		accounts := must(g.openMap("accounts", addr))
		l.Cleanup(func() { _ = accounts.Close() })
		l.slots[addr], l.accounts[addr] = must(must(g.openMap("slots", addr)).Memory()), accounts
	}
}

// setBit adds an interface to a set.
func (l *lab) setBit(name string, link uint32) {
	l.Helper()
	set, word := l.table(name), uint64(0)
	_ = set.Lookup(link/64, &word)
	if err := set.Put(link/64, word|1<<(link%64)); err != nil {
		l.Fatal(err)
	}
}

// table opens a map.
func (l *lab) table(name string) *ebpf.Map {
	l.Helper()
	m := must(l.d.generation.openMap("maps", name))
	l.Cleanup(func() { _ = m.Close() })
	return m
}

// inhabit keeps a thread in the namespace, where the kernel looks for the interface of a packet.
func (l *lab) inhabit(ns *netns.NS) {
	ended := make(chan error)
	go func() {
		ended <- ns.Do(func() error {
			for f := range l.work {
				f()
			}
			return nil
		})
	}()
	l.Cleanup(func() {
		close(l.work)
		if err := <-ended; err != nil {
			l.Error(err)
		}
	})
}

// connect makes the links and routes of labNetwork.
func (l *lab) connect(ns *netns.NS) {
	l.Helper()
	run := func(args ...string) { l.Helper(); netnstest.Run(l, ns, "ip", args...) }
	for i, name := range []string{"inside", "outside"} {
		run("link", "add", name, "address", labMAC[i].String(), "type", "veth", "peer", "name", name+"-far")
		run("link", "set", name+"-far", "up")
		run("link", "set", name, "up")
	}
	if err := ns.SetSysctl("net.ipv4.ip_forward", "1"); err != nil {
		l.Fatal(err)
	}
	run("address", "add", labInside.String()+"/29", "dev", "inside")
	run("address", "add", labOutside.String()+"/24", "dev", "outside")
	run("neighbour", "add", "100.127.255.254", "lladdr", routerMAC[0].String(), "dev", "inside")
	run("neighbour", "add", "203.0.113.126", "lladdr", routerMAC[1].String(), "dev", "outside")
	run("route", "add", "100.64.0.0/10", "via", "100.127.255.254")
	run("route", "add", "100.64.255.0/24", "via", "100.127.255.252")
	run("route", "add", "blackhole", "100.64.254.0/24")
	run("route", "add", "100.64.253.0/24", "via", "100.127.255.254", "mtu", "lock", "1300")
	run("route", "add", "100.64.252.0/24", "via", "203.0.113.126")
	run("route", "add", "default", "via", "203.0.113.126")
	run("route", "add", "192.0.2.128/26", "via", "203.0.113.126", "mtu", "lock", "1300")
	run("route", "add", "blackhole", "192.0.2.192/26")
	err := ns.Do(func() error {
		for i, name := range []string{"inside", "outside"} {
			ifc, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			l.links[i] = uint32(ifc.Index)
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
}

// on makes failures those of a subtest, until the function is called that it returns.
func (l *lab) on(t *testing.T) (back func()) {
	outer := l.TB
	l.TB = t
	return func() { l.TB = outer }
}

// address has a frame that names no station go to the one of ours that it comes in at.
func (l *lab) address(from side, frame []byte) {
	if len(frame) >= 6 && (bytes.Equal(frame[:6], anyMAC) || bytes.Equal(frame[:6], labMAC[1-from])) {
		copy(frame, labMAC[from])
	}
}

// run runs the driver's program on a frame that comes from a side.
func (l *lab) run(from side, frame []byte) outcome {
	l.Helper()
	l.address(from, frame)
	return l.runWith(l.programs[from], &ebpf.RunOptions{
		Data: frame, DataOut: make([]byte, len(frame)+256),
		Context: &[6]uint32{1: uint32(len(frame)), 3: l.links[from]}, // struct xdp_md: data_end, ingress_ifindex
	})
}

// runBehind runs a program behind the driver on one.
func (l *lab) runBehind(p *ebpf.Program, from side, frame []byte) outcome {
	l.Helper()
	l.address(from, frame)
	return l.runWith(p, &ebpf.RunOptions{
		Data: frame, DataOut: make([]byte, len(frame)+256),
		Context: &[11]uint32{10: l.links[from]}, // struct __sk_buff: ifindex
	})
}

// runWith runs a program where the kernel finds its interface, and looks at what it has counted.
func (l *lab) runWith(p *ebpf.Program, opts *ebpf.RunOptions) (o outcome) {
	l.Helper()
	done, err := make(chan struct{}), error(nil)
	l.work <- func() {
		o.action, err = p.Run(opts)
		close(done)
	}
	<-done
	if err != nil {
		l.Fatalf("run on %d octets: %v", len(opts.Data), err)
	}
	o.frame = opts.DataOut
	now := l.tally.read()
	for v, n := range now {
		switch {
		case n == l.was[v]:
		case v == replied:
			o.reply = true
		case o.verdict != "" || n != l.was[v]+1:
			l.Fatalf("one packet counted more than once: %v, before %v", now, l.was)
		default:
			o.verdict = v
		}
	}
	l.was = now
	return o
}

// send runs a packet through, and fails the test where the model knows better.
func (l *lab) send(from side, frame []byte) outcome {
	l.Helper()
	got := l.run(from, frame)
	if diff := l.judge(from, frame, got); diff != "" {
		l.Fatalf("%s\nthe packet:\n%s", diff, fmt.Sprint(lines(frame)))
	}
	return got
}

// judge compares an outcome with the model, except that nobody is told of a drop once a CPU has told enough in a tick.
func (l *lab) judge(from side, frame []byte, got outcome) string {
	l.Helper()
	if _, _, told := icmpOf(got.verdict); told && !got.reply && l.repliesSpent() {
		l.model.mute = true
		defer func() { l.model.mute = false }()
	}
	return l.model.judge(from, frame, got)
}

// mostReplies is how many ICMP errors of a kind a sender is told by a CPU in a tick.
const mostReplies = 16

// repliesSpent reports whether a CPU has told some sender as many as it may.
func (l *lab) repliesSpent() bool {
	l.Helper()
	for at := range l.rates.MaxEntries() {
		var rates []bpf.CgnatCgnRate
		if err := l.rates.Lookup(at, &rates); err != nil {
			l.Fatal(err)
		}
		if slices.ContainsFunc(rates, func(r bpf.CgnatCgnRate) bool { return r.Replies > mostReplies }) {
			return true
		}
	}
	return false
}

// slot reads a slot.
func (l *lab) slot(p plane, outside netip.AddrPort) (s bpf.CgnatCgnSlot) {
	l.Helper()
	b := make([]byte, unsafe.Sizeof(s))
	if _, err := l.slots[outside.Addr()].ReadAt(b, l.place(p, outside)); err != nil {
		l.Fatal(err)
	}
	s.Owner, s.Seen, s.State = binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:])
	return s
}

// place returns where a slot is in the shared memory of its address.
func (l *lab) place(p plane, outside netip.AddrPort) int64 {
	return (int64(p)<<16 | int64(outside.Port())) * int64(unsafe.Sizeof(bpf.CgnatCgnSlot{}))
}

// insideOf returns the inside endpoint that is a slot's owner.
func insideOf(owner uint64) netip.AddrPort {
	port := binary.NativeEndian.AppendUint16(nil, uint16(owner>>16))
	return netip.AddrPortFrom(fromWire(uint32(owner>>32)), binary.BigEndian.Uint16(port))
}

// portOf looks for the port of an inside endpoint in the table.
func (l *lab) portOf(who insider, a alloc.Allocation) uint16 {
	l.Helper()
	for port := range l.model.shares.of(a).Ports() {
		if s := l.slot(who.plane, netip.AddrPortFrom(a.Outside(), port)); s.Owner != 0 && insideOf(s.Owner) == who.endpoint {
			return port
		}
	}
	return 0
}
