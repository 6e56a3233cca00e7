package dialect

import (
	"io"
	"math/bits"

	"github.com/cgnkit/cgnkit/alloc"
)

// VPP writes p as commands for VPP's det44 plugin.
//
// det44 maps one inside prefix to one outside prefix: with ratio the number of inside addresses divided by the number of
// outside addresses, a subscriber has floor(64512/ratio) ports from 1024 up, in order. VPP takes plans in which each pool is
// such a pair of prefixes and comes to just that; scheme spread does by default. It refuses everything else, and
// destinations that are not translated.
func VPP(w io.Writer, p *alloc.Plan) error {
	maps, err := det44Maps(p)
	if err != nil {
		return err
	}
	o := newOutput(w)
	o.header(commenter{open: "comment { ", end: " }"}, "VPP det44", p,
		"enable the plugin before: det44 plugin enable; and the interfaces: set interface det44 inside IF, set interface det44 outside IF",
		"a subscriber has 1000 sessions at most, whatever its ports, and each takes memory from the start",
		"a port is used again for another destination; filtering is address- and port-dependent",
		"protocols other than tcp, udp and icmp are not translated properly, also 1:1: filter them before det44",
		"traffic between subscribers is translated too and not turned around",
		"det44 reverse names a wrong subscriber for ports that belong to nobody: use cgnctl trace")
	for _, m := range maps {
		o.put("det44 add in ", m.inside.String(), " out ", m.outside.String())
		if o.failed != nil {
			break
		}
	}
	return o.close()
}

// det44 divides the ports from 1024 up.
const (
	det44First = 1024
	det44Ports = 65536 - det44First
)

// A det44Map is one mapping of the plugin.
type det44Map struct{ inside, outside block }

func det44Maps(p *alloc.Plan) ([]det44Map, error) {
	if err := refuseNoTranslate(p, "VPP det44"); err != nil {
		return nil, err
	}
	if _, err := newInside(p); err != nil {
		return nil, err
	}
	var maps []det44Map
	err := everyPool(p, func(pool *alloc.Pool) error {
		m, err := newDet44Map(pool)
		maps = append(maps, m)
		return err
	})
	return maps, err
}

// newDet44Map finds the prefixes of a pool and proves that they give its shares.
func newDet44Map(pool *alloc.Pool) (m det44Map, err error) {
	if m.inside, err = onlyBlock(pool, spansOf(pool.InsideRanges(), 0), "inside"); err != nil {
		return m, err
	}
	if m.outside, err = onlyBlock(pool, spansOf(pool.OutsideRanges(), 0), "outside"); err != nil {
		return m, err
	}
	if m.inside.plen > m.outside.plen {
		return m, refusePool(pool, "%d subscribers on %d addresses, and VPP det44 wants no more outside than inside addresses: use the outside prefix %v",
			pool.Subscribers(), pool.Addresses(), blockOf(m.outside.first, m.inside.plen))
	}
	return m, m.prove(pool)
}

// onlyBlock returns the prefix that a pool's addresses are.
func onlyBlock(pool *alloc.Pool, spans []span, side string) (block, error) {
	if len(spans) != 1 {
		return block{}, refusePool(pool, "its %s addresses are %d ranges, the first %v, and VPP det44 takes one prefix: make a pool for each prefix",
			side, len(spans), spans[0])
	}
	if s := spans[0]; !s.isBlock() {
		n := uint64(s.last) - uint64(s.first) + 1
		return block{}, refusePool(pool, "its %d %s addresses %v are no prefix, and VPP det44 takes one: use a prefix of 2^n addresses, "+
			"for example %v with %d", n, side, s, blockOf(s.first, 33-bits.Len64(n)), uint64(1)<<(bits.Len64(n)-1))
	}
	return largest(spans[0].first, spans[0].last), nil
}

// prove computes every mapping as det44 does and compares.
func (m det44Map) prove(pool *alloc.Pool) error {
	ratio := uint64(1) << (m.outside.plen - m.inside.plen)
	ports := det44Ports / ratio
	if want := uint64(pool.PortsPerSubscriber()); ports != want {
		return refusePool(pool, "VPP det44 gives every subscriber floor(%d/%d) = %d ports, the plan %d: %s",
			det44Ports, ratio, ports, want, det44Advice(ratio, ports))
	}
	for a := range pool.All() {
		offset := uint64(u32(a.Inside()) - m.inside.first)
		outside := addr4(m.outside.first + uint32(offset/ratio))
		first := det44First + ports*(offset%ratio)
		share, ok := a.Ports().Range()
		if !ok {
			return refusePool(pool, "the %d ports of subscriber %v are %d ranges (scheme %v), and VPP det44 gives one range: use scheme spread and reserve no ports",
				a.Ports().Len(), a.Inside(), a.Ports().RangeCount(), pool.Scheme())
		}
		if a.Outside() != outside || uint64(share.First()) != first || uint64(share.Len()) != ports {
			return refusePool(pool, "VPP det44 gives subscriber %v %v:%d-%d, the plan (scheme %v) %v:%v: use scheme spread, the ports 1024-65535 and no reserved ports",
				a.Inside(), outside, first, first+ports-1, pool.Scheme(), a.Outside(), share)
		}
	}
	return nil
}

func det44Advice(ratio, ports uint64) string {
	if ports == 0 {
		return "use more outside addresses"
	}
	return "use scheme spread without ports-per-subscriber, ports 1024-65535 and nothing set aside, or sharing ratio " +
		utoa(ratio) + " with " + utoa(ports) + " ports"
}
