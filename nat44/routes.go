//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// routeProtocol marks the routes that this package adds (rtnetlink's "proto"); nobody else's are touched.
const routeProtocol = 204

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

// blackholes returns the prefixes of the main table's blackhole routes that are ours, and those that other routes hold.
func (k *Kernel) blackholes() (ours, others map[netip.Prefix]bool, err error) {
	routes, err := k.routes.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, nil, fmt.Errorf("list routes: %w", err)
	}
	ours, others = map[netip.Prefix]bool{}, map[netip.Prefix]bool{}
	for _, r := range routes {
		p := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if r.Dst != nil {
			ones, _ := r.Dst.Mask.Size()
			a, _ := netip.AddrFromSlice(r.Dst.IP.To4())
			p = netip.PrefixFrom(a, ones)
		}
		if r.Type == unix.RTN_BLACKHOLE && r.Protocol == routeProtocol {
			ours[p] = true
		} else if r.Priority == 0 {
			others[p] = true
		}
	}
	return ours, others, nil
}

func blackhole(p netip.Prefix) *netlink.Route {
	return &netlink.Route{
		Dst:  &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)},
		Type: unix.RTN_BLACKHOLE, Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN,
	}
}

// setRoutes makes our blackhole routes for the outside addresses of an instance those of wanted; before are the addresses that
// the instance had. A packet for an outside port that no flow uses would otherwise follow the default route back to where it came
// from, and return, until its TTL ends. A prefix for which somebody else has a route is left alone and returned.
func (k *Kernel) setRoutes(before, wanted []alloc.AddrRange) (added, removed int, taken []netip.Prefix, err error) {
	ours, others, err := k.blackholes()
	if err != nil {
		return 0, 0, nil, err
	}
	want := map[netip.Prefix]bool{}
	for _, p := range prefixes(wanted) {
		want[p] = true
		switch {
		case ours[p]:
		case others[p]:
			taken = append(taken, p)
		default:
			switch err := k.routes.RouteAdd(blackhole(p)); {
			case errors.Is(err, unix.EEXIST):
				taken = append(taken, p)
			case err != nil:
				return added, removed, taken, fmt.Errorf("add blackhole route %v: %w", p, err)
			default:
				added++
			}
		}
	}
	for _, p := range prefixes(before) {
		if !ours[p] || want[p] {
			continue
		}
		if err := k.routes.RouteDel(blackhole(p)); err != nil && !errors.Is(err, unix.ESRCH) {
			return added, removed, taken, fmt.Errorf("delete blackhole route %v: %w", p, err)
		}
		removed++
	}
	return added, removed, taken, nil
}

// verifyRoutes reports the blackhole routes that are not there.
func (k *Kernel) verifyRoutes(rs *Ruleset, report func(Difference)) error {
	ours, others, err := k.blackholes()
	if err != nil {
		return err
	}
	for _, p := range prefixes(rs.outside) {
		if !ours[p] && !others[p] {
			report(Difference{Missing, "route " + p.String(), "there is no blackhole route, so packets for unused outside ports may loop"})
		}
	}
	return nil
}

// storedRanges reads an address set of the live generation.
func (k *Kernel) storedRanges(instance Instance, st *state, name string) ([]alloc.AddrRange, error) {
	set := st.live.of(name)
	if !st.loaded || st.sets[set] == nil {
		return nil, nil
	}
	var starts, ends []netip.Addr
	err := k.sock.dump(instance.Table(), set, func(e kernelElement) error {
		if len(e.key) != 4 {
			return fmt.Errorf("list %s: a key of %d bytes", set, len(e.key))
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
