//go:build linux

package conformance

import (
	"math/bits"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	kernel "github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// A datapath is the XDP backend of a bench, and its maps as anybody on the machine can find them: by the program that is attached
// to the inside link. So what the probes read is what is in force, and not what package ebpf says of itself.
type datapath struct {
	key    ebpf.Key
	policy ebpf.Policy
	maps   map[string]*kernel.Map
}

// load puts a plan in force, with the policy of the datapath.
func (b *bench) load(t *testing.T, plan *alloc.Plan) {
	t.Helper()
	if b.path.maps == nil {
		t.Cleanup(func() { b.unload(t) })
	}
	b.closeMaps(t)
	err := b.CGN.Do(func() error {
		d, err := ebpf.Apply(ebpf.Config{
			Plan: plan, Key: b.path.key, Policy: b.path.policy,
			Inside: []ebpf.Interface{{Name: netns.InsideLink}}, Outside: []ebpf.Interface{{Name: netns.OutsideLink}},
		})
		if err != nil {
			return err
		}
		return d.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	b.plan = plan
	b.findMaps(t)
}

// adjust puts another policy in force; mappings stay.
func (b *bench) adjust(t *testing.T, p ebpf.Policy) {
	t.Helper()
	b.path.policy = p
	b.load(t, b.plan)
}

// restart does the same without any mapping.
func (b *bench) restart(t *testing.T, p ebpf.Policy) {
	t.Helper()
	b.unload(t)
	b.adjust(t, p)
}

// begin puts a plan in force without any mapping.
func (b *bench) begin(t *testing.T, plan *alloc.Plan) {
	t.Helper()
	b.unload(t)
	b.load(t, plan)
}

// unload takes the backend out.
func (b *bench) unload(t *testing.T) {
	t.Helper()
	b.closeMaps(t)
	if err := b.CGN.Do(func() error { return ebpf.Remove("") }); err != nil {
		t.Error(err)
	}
}

func (b *bench) closeMaps(t *testing.T) {
	t.Helper()
	for _, m := range b.path.maps {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	b.path.maps = map[string]*kernel.Map{}
}

// findMaps opens the maps of the program on the inside link.
func (b *bench) findMaps(t *testing.T) {
	t.Helper()
	var ids []kernel.MapID
	err := b.CGN.Do(func() error {
		link, err := netlink.LinkByName(netns.InsideLink)
		if err != nil {
			return err
		}
		p, err := kernel.NewProgramFromID(kernel.ProgramID(link.Attrs().Xdp.ProgId))
		if err != nil {
			return err
		}
		defer p.Close()
		info, err := p.Info()
		if err == nil {
			ids, _ = info.MapIDs()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		m, err := kernel.NewMapFromID(id)
		if err != nil {
			t.Fatal(err)
		}
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		b.path.maps[info.Name] = m
	}
}

// warm has every host find its neighbours, so that no packet waits for that.
func (b *bench) warm(t *testing.T) {
	t.Helper()
	for gateway, hosts := range map[string][]netns.Host{"100.64.255.254": b.Subscribers, "203.0.113.254": b.Servers} {
		for _, h := range hosts {
			if err := h.Ping(netns.Ping{To: addr(gateway)}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A slot is struct cgn_slot of ebpf/bpf/types.h.
type slot struct {
	Owner       uint64
	Seen, State uint32
}

// A policy is struct cgn_policy.
type policy struct {
	UDP, ICMP, Established, Opening, Closing, Hold, Held uint32
	Limit                                                [4]uint32
	Rate, Burst, Filtering, Peers                        uint32
	Since                                                uint32    // the tick from which the times hold
	Was                                                  [5]uint32 // the times before
}

// inForce returns the policy of the pool.
func (d *datapath) inForce(t *testing.T) (p policy) {
	t.Helper()
	if err := d.maps["policies"].Lookup(uint32(0), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// table opens the slots of an outside address.
func (d *datapath) table(t *testing.T, outside netip.Addr) *kernel.Map {
	t.Helper()
	var row struct {
		Addr            [4]byte
		Pool, List, Cut uint32
	}
	for i := uint32(0); ; i++ {
		if err := d.maps["rows"].Lookup(i, &row); err != nil {
			t.Fatalf("no row of %v: %v", outside, err)
		}
		if netip.AddrFrom4(row.Addr) != outside {
			continue
		}
		var id kernel.MapID
		if err := d.maps["slots"].Lookup(i, &id); err != nil {
			t.Fatal(err)
		}
		m, err := kernel.NewMapFromID(id)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// planes are the numbers of the protocols in a table.
var planes = map[string]uint32{"tcp": 0, "udp": 1, "icmp": 2}

// slot reads the slot of an outside endpoint.
func (d *datapath) slot(t *testing.T, protocol string, e netip.AddrPort) (s slot) {
	t.Helper()
	m := d.table(t, e.Addr())
	defer m.Close()
	if err := m.Lookup(planes[protocol]<<16|uint32(e.Port()), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// mappings counts the slots of an outside address that have an owner.
func (d *datapath) mappings(t *testing.T, protocol string, outside netip.Addr) (n int) {
	t.Helper()
	m := d.table(t, outside)
	defer m.Close()
	for port := range uint32(1 << 16) {
		var s slot
		if err := m.Lookup(planes[protocol]<<16|port, &s); err != nil {
			t.Fatal(err)
		}
		if s.Owner != 0 {
			n++
		}
	}
	return n
}

var jiffiesLine = regexp.MustCompile(`(?m)^jiffies: (\d+)$`)

// jiffies returns what the kernel's clock of ticks shows.
func jiffies(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/timer_list")
	if err != nil {
		t.Fatal(err)
	}
	m := jiffiesLine.FindSubmatch(text)
	if m == nil {
		t.Fatal("/proc/timer_list does not say what jiffies are")
	}
	n, err := strconv.ParseUint(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// clock returns the tick that it is now and how long one lasts, from a slot that was seen this moment: the datapath's ticks are
// jiffies with some low bits left out.
func clock(t *testing.T, fresh slot) (now uint32, tick time.Duration) {
	t.Helper()
	var res unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &res); err != nil {
		t.Fatal(err)
	}
	j := jiffies(t)
	for shift := range bits.Len64(j) {
		if d := int64(j>>shift) - int64(fresh.Seen); d >= 0 && d < 1<<12 {
			return uint32(j >> shift), time.Duration(res.Nano()) << shift
		}
	}
	t.Fatalf("slot was seen in tick %d, it is jiffy %d", fresh.Seen, j)
	return 0, 0
}

// ago makes a mapping look as if its last packet had come that long ago. fresh is a slot that was seen this moment.
func (d *datapath) ago(t *testing.T, protocol string, e netip.AddrPort, fresh slot, idle time.Duration) {
	t.Helper()
	now, tick := clock(t, fresh)
	m := d.table(t, e.Addr())
	defer m.Close()
	s := d.slot(t, protocol, e)
	s.Seen = now - uint32(idle/tick)
	if err := m.Put(planes[protocol]<<16|uint32(e.Port()), s); err != nil {
		t.Fatal(err)
	}
}

// awaitTick waits until the tick is another one.
func awaitTick(t *testing.T, fresh slot) {
	t.Helper()
	for begin, tick := clock(t, fresh); ; time.Sleep(tick / 8) {
		if now, _ := clock(t, slot{Seen: begin}); now != begin {
			return
		}
	}
}
