//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// routeProtocol marks the routes that this package adds (rtnetlink's "proto"); nobody else's are touched.
const routeProtocol = 204

// metric tells the routes of instances apart. It is not 0, which is what other programs take when they are not asked.
func metric(instance Instance) int {
	return 20_000 + int(crc32.ChecksumIEEE([]byte(instance.name))%10_000)
}

// prefixes cuts ranges into prefixes.
func prefixes(ranges []alloc.AddrRange) []netip.Prefix {
	var out []netip.Prefix
	for _, r := range ranges {
		for a := r.First(); ; {
			bits := 32
			for bits > 0 {
				p := netip.PrefixFrom(a, bits-1)
				if p.Masked().Addr() != a || lastOf(p).Compare(r.Last()) > 0 {
					break
				}
				bits--
			}
			p := netip.PrefixFrom(a, bits)
			out = append(out, p)
			if lastOf(p).Compare(r.Last()) >= 0 {
				break
			}
			a = lastOf(p).Next()
		}
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v |= uint32(uint64(1)<<(32-p.Bits()) - 1)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// blackholes returns the prefixes of the main table's blackhole routes that are the instance's, and those that other programs have
// routes for.
func (k *Kernel) blackholes(instance Instance) (ours, strangers map[netip.Prefix]bool, err error) {
	routes, err := k.routes.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, nil, fmt.Errorf("list routes: %w", err)
	}
	ours, strangers = map[netip.Prefix]bool{}, map[netip.Prefix]bool{}
	for _, r := range routes {
		p := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if r.Dst != nil {
			ones, _ := r.Dst.Mask.Size()
			a, _ := netip.AddrFromSlice(r.Dst.IP.To4())
			p = netip.PrefixFrom(a, ones)
		}
		switch {
		case r.Type != unix.RTN_BLACKHOLE || r.Protocol != routeProtocol:
			strangers[p] = true // whatever its metric: a blackhole would win over it, or lose
		case r.Priority == metric(instance):
			ours[p] = true
		}
	}
	return ours, strangers, nil
}

func blackhole(p netip.Prefix, instance Instance) *netlink.Route {
	return &netlink.Route{
		Dst:  &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)},
		Type: unix.RTN_BLACKHOLE, Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN, Priority: metric(instance),
	}
}

// A routeChange is what setRoutes did.
type routeChange struct {
	added, removed int
	taken          []netip.Prefix // prefixes that somebody else has a route for
}

// setRoutes makes the blackhole routes of an instance those of wanted. A packet for an outside port that no flow uses would otherwise
// follow the default route back to where it came from, and return, until its TTL ends. A prefix for which somebody else has a route
// is left alone.
func (k *Kernel) setRoutes(instance Instance, wanted []alloc.AddrRange) (c routeChange, err error) {
	ours, strangers, err := k.blackholes(instance)
	if err != nil {
		return c, err
	}
	for _, p := range prefixes(wanted) {
		if ours[p] {
			delete(ours, p)
			continue
		}
		if strangers[p] {
			c.taken = append(c.taken, p)
			continue
		}
		switch err := k.routes.RouteAdd(blackhole(p, instance)); {
		case errors.Is(err, unix.EEXIST):
			c.taken = append(c.taken, p)
		case err != nil:
			return c, fmt.Errorf("add blackhole route %v: %w", p, err)
		default:
			c.added++
		}
	}
	for p := range ours { // what is left of them is not wanted
		if err := k.routes.RouteDel(blackhole(p, instance)); err != nil && !errors.Is(err, unix.ESRCH) {
			return c, fmt.Errorf("delete blackhole route %v: %w", p, err)
		}
		c.removed++
	}
	return c, nil
}

// verifyRoutes reports the blackhole routes that are not there, and those that should not be. They give a port to nobody.
func (k *Kernel) verifyRoutes(rs *Ruleset, report func(Difference)) error {
	ours, strangers, err := k.blackholes(rs.instance)
	if err != nil {
		return err
	}
	for _, p := range prefixes(rs.outside) {
		if !ours[p] && !strangers[p] {
			report(Difference{Kind: Missing, What: "route " + p.String(), Detail: "there is no blackhole route, so packets for unused outside ports may loop"})
		}
		delete(ours, p)
	}
	for _, p := range slices.SortedFunc(maps.Keys(ours), netip.Prefix.Compare) {
		report(Difference{Kind: Surplus, What: "route " + p.String(), Detail: "this blackhole route is for addresses that the plan does not have"})
	}
	return nil
}

// formerOutside returns the outside addresses that the instance had: those in its table, and those of its blackhole routes. Routes are the last thing that a change touches, so they tell of a change that was interrupted, and of a
// table that somebody deleted.
func (k *Kernel) formerOutside(instance Instance, st *state) ([]alloc.AddrRange, error) {
	var out []alloc.AddrRange
	for _, name := range slices.Sorted(maps.Keys(st.sets)) {
		if baseOf(name) == outsideSet && st.sets[name].Interval {
			ranges, err := k.storedRanges(instance.Table(), name)
			if err != nil {
				return nil, err
			}
			out = append(out, ranges...)
		}
	}
	ours, _, err := k.blackholes(instance)
	if err != nil {
		return nil, err
	}
	for p := range ours {
		r, err := alloc.AddrRangeFromPrefix(p)
		if err == nil { // else no plan could have it
			out = append(out, r)
		}
	}
	return merge(out), nil
}

// storedRanges reads an address set.
func (k *Kernel) storedRanges(table, set string) ([]alloc.AddrRange, error) {
	var starts, ends []netip.Addr
	err := k.sock.dump(table, set, func() { starts, ends = nil, nil }, func(e kernelElement) error {
		if len(e.key) != 4 {
			return nil // a catch-all element, which is somebody else's
		}
		a := netip.AddrFrom4([4]byte(e.key))
		switch {
		case !e.end:
			starts = append(starts, a)
		case a != netip.IPv4Unspecified():
			ends = append(ends, a.Prev())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	slices.SortFunc(ends, netip.Addr.Compare)
	var out []alloc.AddrRange
	for i, first := range starts {
		last := netip.AddrFrom4([4]byte{255, 255, 255, 255})
		if i < len(ends) {
			last = ends[i]
		}
		r, err := alloc.AddrRangeFrom(first, last)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", set, err)
		}
		out = append(out, r)
	}
	return out, nil
}
