//go:build linux

package bench

import (
	"math/bits"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	cgn "github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// The flows of the benchmark, as generate makes them.
const (
	subscribers = 1 << 13
	many        = 1 << 17
	few         = 1 << 10
	gateway     = "203.0.113.254"
	server      = "203.0.113.1"
)

// BenchmarkForward reports the CPU time that a packet takes from a subscriber's cable to the server's, by way: the kernel
// forwards it, nftables translates it, XDP does. The ways take turns within each round; figures are medians in nanoseconds of
// one CPU, with what making the packet and dropping it at the other end takes, and floor is that alone.
func BenchmarkForward(b *testing.B) {
	ways := []*way{newWay(b, "floor", nil), newWay(b, "forward", nil), newWay(b, "nftables", applyNFTables), newWay(b, "xdp", applyXDP)}
	ways[0].dropAtOnce(b)
	for _, c := range []struct {
		name  string
		flows int
		fresh bool
	}{{"new", many, true}, {"131k established", many, false}, {"1k established", few, false}} {
		b.Run(c.name, func(b *testing.B) {
			rounds := map[string][]float64{}
			for _, w := range ways {
				if !c.fresh {
					w.reset(b)
					w.run(b, many, true)
				}
			}
			for range 5 {
				for _, w := range ways {
					if c.fresh {
						w.reset(b)
					}
					if !c.fresh {
						w.set(b, "flows", uint32(c.flows-1))
					}
					rounds[w.name] = append(rounds[w.name], w.run(b, c.flows, c.fresh))
				}
			}
			for name, r := range rounds {
				b.ReportMetric(median(r), name+"-ns")
			}
			b.ReportMetric(median(rounds["nftables"])/median(rounds["xdp"]), "nftables/xdp")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// A way is a subscriber's cable, a CGN and a server's cable.
type way struct {
	name            string
	source, cgn, to *netns.NS
	coll            *ebpf.Collection
	apply           func(b *testing.B, w *way) (undo func())
	undo            func()
}

func newWay(b *testing.B, name string, apply func(*testing.B, *way) func()) *way {
	b.Helper()
	netnstest.Root(b)
	w := &way{name: name, source: netnstest.New(b), cgn: netnstest.New(b), to: netnstest.New(b), apply: apply}
	for _, c := range []struct {
		host       *netns.NS
		link, port string
	}{{w.source, "gen", "in"}, {w.to, "sink", "out"}} {
		check(b, c.host.AddVeth(c.link, w.cgn, c.port))
		check(b, c.host.DisableIPv6())
		check(b, c.host.DisableOffload(c.link))
		check(b, w.cgn.DisableOffload(c.port))
		check(b, w.cgn.EnableGRO(c.port))
		check(b, c.host.SetUp("lo", c.link))
		check(b, w.cgn.SetUp(c.port))
	}
	check(b, w.cgn.SetUp("lo"))
	check(b, w.cgn.SetSysctl("net.ipv4.ip_forward", "1"))
	for _, name := range []string{"all", "in", "out"} {
		check(b, w.cgn.SetSysctl("net.ipv4.conf."+name+".rp_filter", "0"))
	}
	check(b, w.cgn.AddAddr("out", netip.MustParsePrefix(gateway+"/24")))
	check(b, w.cgn.AddRoute(netns.Route{To: netip.MustParsePrefix("10.0.0.0/8"), Link: "in"}))
	mac, err := w.to.MAC("sink")
	check(b, err)
	netnstest.Run(b, w.cgn, "ip", "neigh", "replace", server, "lladdr", mac.String(), "dev", "out")
	w.load(b)
	return w
}

// load loads the programs of the two hosts.
func (w *way) load(b *testing.B) {
	b.Helper()
	spec, err := LoadBench()
	check(b, err)
	w.coll, err = ebpf.NewCollection(spec)
	check(b, err)
	b.Cleanup(w.coll.Close)
	var cable *net.Interface
	check(b, w.source.Do(func() (err error) { cable, err = net.InterfaceByName("gen"); return err }))
	mac, err := w.cgn.MAC("in")
	check(b, err)
	check(b, w.coll.Variables["gateway"].Set([6]byte(mac)))
	for name, value := range map[string]uint32{
		"cable": uint32(cable.Index), "subscribers": subscribers - 1, "subscriber_bits": uint32(bits.TrailingZeros(subscribers)),
		"first": 10 << 24, "remote": wire(server), "protocol": unix.IPPROTO_UDP, "flows": many - 1,
	} {
		w.set(b, name, value)
	}
	// A program makes the source's end of the cable poll, as a network card does.
	w.attach(b, w.source, "gen", "sink")
	w.attach(b, w.to, "sink", "sink")
}

func (w *way) attach(b *testing.B, ns *netns.NS, name, program string) {
	b.Helper()
	check(b, ns.Do(func() error {
		ifc, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		l, err := link.AttachXDP(link.XDPOptions{Program: w.coll.Programs[program], Interface: ifc.Index, Flags: link.XDPDriverMode})
		if err == nil {
			b.Cleanup(func() { _ = l.Close() })
		}
		return err
	}))
}

// dropAtOnce makes the CGN drop what comes.
func (w *way) dropAtOnce(b *testing.B) { w.attach(b, w.cgn, "in", "sink") }

func (w *way) set(b *testing.B, name string, value uint32) {
	b.Helper()
	check(b, w.coll.Variables[name].Set(value))
}

// reset makes the CGN forget all flows.
func (w *way) reset(b *testing.B) {
	b.Helper()
	if w.undo != nil {
		w.undo()
	}
	if w.apply != nil {
		w.undo = w.apply(b, w)
	}
}

// run sends n packets, and returns the CPU time of each.
func (w *way) run(b *testing.B, n int, fresh bool) float64 {
	b.Helper()
	w.set(b, "turn", 0)
	order := uint32(0)
	if fresh {
		order = 1
	}
	w.set(b, "fresh", order)
	packets := n
	if !fresh {
		packets = 300_000
	}
	check(b, w.coll.Variables["arrived"].Set(uint64(0)))
	var took float64
	check(b, w.source.Do(func() (err error) {
		took, err = w.send(packets)
		return err
	}))
	var arrived uint64
	check(b, w.coll.Variables["arrived"].Get(&arrived))
	if arrived < uint64(packets)*99/100 {
		b.Errorf("%s: %d of %d packets arrived", w.name, arrived, packets)
	}
	return took / float64(packets)
}

// send sends packets from CPU 1, and returns the time that CPU took for them.
func (w *way) send(packets int) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var one, before unix.CPUSet
	one.Set(1)
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return 0, err
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return 0, err
	}
	defer func() { _ = unix.SchedSetaffinity(0, &before) }()
	start, err := cpuTime()
	if err != nil {
		return 0, err
	}
	const liveFrames = 2 // BPF_F_TEST_XDP_LIVE_FRAMES
	_, err = w.coll.Programs["generate"].Run(&ebpf.RunOptions{Data: make([]byte, 64), Flags: liveFrames, Repeat: uint32(packets), BatchSize: 64})
	if err != nil {
		return 0, err
	}
	end, err := cpuTime()
	return end - start, err
}

// cpuTime returns the nanoseconds that this thread and the kernel's softirq thread of CPU 1 have run.
func cpuTime() (float64, error) {
	sum := 0.0
	for _, path := range []string{"/proc/thread-self/schedstat", filepath.Join("/proc", softirq(), "schedstat")} {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
		if err != nil {
			return 0, err
		}
		sum += ns
	}
	return sum, nil
}

// softirq returns the process of ksoftirqd/1.
func softirq() string {
	all, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, path := range all {
		if name, err := os.ReadFile(path); err == nil && string(name) == "ksoftirqd/1\n" {
			return filepath.Base(filepath.Dir(path))
		}
	}
	return "self"
}

func plan(b *testing.B) *alloc.Plan {
	b.Helper()
	inside, err := alloc.ParseAddrRange("10.0.0.0/19")
	check(b, err)
	outside, err := alloc.ParseAddrRange("198.18.0.0-198.18.0.130")
	check(b, err)
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "bench", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 1024,
	}}})
	check(b, err)
	return p
}

// applyNFTables has nftables translate.
func applyNFTables(b *testing.B, w *way) func() {
	b.Helper()
	instance, err := nat44.ParseInstance("")
	check(b, err)
	rs, err := nat44.NewRuleset(plan(b), instance)
	check(b, err)
	check(b, w.cgn.Do(func() error {
		k, err := nat44.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		_, err = k.Apply(rs, nat44.ApplyOptions{})
		return err
	}))
	return func() { netnstest.Run(b, w.cgn, "conntrack", "-F") }
}

// applyXDP has XDP translate.
func applyXDP(b *testing.B, w *way) func() {
	b.Helper()
	var d *cgn.Datapath
	check(b, w.cgn.Do(func() (err error) {
		d, err = cgn.Apply(cgn.Config{Plan: plan(b), Inside: []cgn.Interface{{Name: "in"}}, Outside: []cgn.Interface{{Name: "out"}}})
		return err
	}))
	return func() {
		check(b, d.Close())
		check(b, w.cgn.Do(func() error { return cgn.Remove("") }))
	}
}

// wire returns an address as C's __be32.
func wire(s string) uint32 {
	a := netip.MustParseAddr(s).As4()
	return uint32(a[0]) | uint32(a[1])<<8 | uint32(a[2])<<16 | uint32(a[3])<<24
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%+v", err)
	}
}
