package dialect

import (
	"fmt"
	"io"
	"math"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// VyOS writes p as configuration commands: set nat cgnat.
//
// VyOS gives the subscribers of an internal pool, in order, blocks of the same number of ports: from the first port of the
// first outside address upwards, and from the next address when a block does not fit any more. VyOS takes plans in which
// every subscriber gets what that fill gives it: scheme sequential and spread with contiguous shares, and others where they
// come to the same. Where a plan sets ports aside or leaves a larger tail, the port range of the external pool ends before
// them.
//
// The order of external ranges is written out (seq). VyOS promises no order for internal ranges, so those must ascend,
// which is the order however VyOS keeps them.
//
// VyOS refuses everything else, and destinations that are not translated.
func VyOS(w io.Writer, p *alloc.Plan) error {
	fills, err := vyosFills(p)
	if err != nil {
		return err
	}
	o := newOutput(w)
	o.header(hash, "VyOS", p,
		"for an empty nat cgnat, in configuration mode; releases before mid-2024 take one rule only and do not keep the order of external ranges",
		"protocols without ports are translated by address also where subscribers share it: the first subscriber wins",
		"traffic between subscribers is translated too, and what subscribers send untranslated is not dropped",
		"check afterwards: show nat cgnat allocation")
	step := 10 // leaves room for an operator's own numbers
	if len(fills) > maxVyOSNumber/step {
		step = 1
	}
	for i, f := range fills {
		f.write(o, (i+1)*step)
		if o.failed != nil {
			break
		}
	}
	return o.close()
}

// maxVyOSNumber is the highest number of a rule and of a range in its pool.
const maxVyOSNumber = 999_999

// A vyosFill is how VyOS is told to fill one pool.
type vyosFill struct {
	pool    *alloc.Pool
	ports   portset.Range // of every outside address
	size    int           // ports per subscriber
	inside  []span
	outside []span // in the order of the plan
}

func vyosFills(p *alloc.Plan) ([]vyosFill, error) {
	if err := refuseNoTranslate(p, "VyOS"); err != nil {
		return nil, err
	}
	if _, err := newInside(p); err != nil {
		return nil, err
	}
	var fills []vyosFill
	err := everyPool(p, func(pool *alloc.Pool) error {
		f, err := newVyOSFill(pool)
		fills = append(fills, f)
		return err
	})
	if len(fills) > maxVyOSNumber {
		err = refuse("the plan has %d pools, and VyOS numbers at most %d rules: split the plan", len(fills), maxVyOSNumber)
	}
	return fills, err
}

// newVyOSFill finds the parameters of a pool and proves that they give its shares.
func newVyOSFill(pool *alloc.Pool) (vyosFill, error) {
	f := vyosFill{pool: pool, inside: spansOf(pool.InsideRanges(), 0), outside: spansOf(pool.OutsideRanges(), 0)}
	if n := len(f.outside); n > maxVyOSNumber {
		return f, refusePool(pool, "%d outside ranges, and VyOS orders at most %d: use fewer and longer ranges", n, maxVyOSNumber)
	}
	for k := 1; k < len(f.inside); k++ {
		if a, b := f.inside[k-1], f.inside[k]; b.first < a.last {
			return f, refusePool(pool, "inside range %v comes behind %v, and VyOS promises no order of internal ranges but the ascending one: "+
				"list the inside ranges in ascending order", b, a)
		}
	}
	first, ok := pool.At(0)
	if !ok {
		return f, refusePool(pool, "the pool has no subscribers")
	}
	share, ok := first.Ports().Range()
	if !ok {
		return f, f.refuseRanges(first)
	}
	f.size = share.Len()
	last := int(share.First()) + pool.SharingRatio()*f.size - 1
	if last > math.MaxUint16 {
		return f, refusePool(pool, "VyOS would put %d blocks of %d ports above port %d, which is where the ports end (scheme %v): use scheme sequential",
			pool.SharingRatio(), f.size, share.First(), pool.Scheme())
	}
	// The whole usable range reads better than a cut one, if it comes to the same blocks.
	if whole, ok := pool.Usable().Range(); ok && whole.First() == share.First() && whole.Len()/f.size == pool.SharingRatio() {
		last = int(whole.Last())
	}
	f.ports, _ = portset.NewRange(int(share.First()), last)
	return f, f.prove()
}

// prove fills as VyOS does and compares every subscriber.
func (f *vyosFill) prove() error {
	port, k := int(f.ports.First()), 0
	address := f.outside[0].first
	for a := range f.pool.All() {
		if port+f.size-1 > int(f.ports.Last()) {
			port = int(f.ports.First())
			if address != f.outside[k].last {
				address++
			} else if k++; k < len(f.outside) {
				address = f.outside[k].first
			} else {
				return refusePool(f.pool, "VyOS would have no outside address left for subscriber %v: use scheme sequential", a.Inside())
			}
		}
		share, ok := a.Ports().Range()
		if !ok {
			return f.refuseRanges(a)
		}
		if a.Outside() != addr4(address) || int(share.First()) != port || share.Len() != f.size {
			return refusePool(f.pool, "VyOS gives subscriber %v %v:%d-%d, the plan (scheme %v) %v:%v: use scheme sequential or spread, with reserved ports "+
				"at the ends of the usable range only", a.Inside(), addr4(address), port, port+f.size-1, f.pool.Scheme(), a.Outside(), share)
		}
		port += f.size
	}
	return nil
}

func (f *vyosFill) refuseRanges(a alloc.Allocation) error {
	return refusePool(f.pool, "the %d ports of subscriber %v are %d ranges (scheme %v), and VyOS gives one range: use scheme sequential or spread, "+
		"with reserved ports at the ends of the usable range only", a.Ports().Len(), a.Inside(), a.Ports().RangeCount(), f.pool.Scheme())
}

// write writes the commands of one pool.
func (f *vyosFill) write(o *output, number int) {
	external := "set nat cgnat pool external " + f.pool.Name()
	o.put(external, " external-port-range '", string(appendPorts(nil, f.ports)), "'")
	o.put(external, fmt.Sprintf(" per-user-limit port '%d'", f.size))
	step := 10
	if len(f.outside) > maxVyOSNumber/step {
		step = 1
	}
	for i, s := range f.outside {
		if o.put(external, " range ", s.String(), fmt.Sprintf(" seq '%d'", (i+1)*step)); o.failed != nil {
			return
		}
	}
	for _, s := range f.inside {
		if o.put("set nat cgnat pool internal ", f.pool.Name(), " range '", s.String(), "'"); o.failed != nil {
			return
		}
	}
	rule := fmt.Sprintf("set nat cgnat rule %d", number)
	o.put(rule, " source pool '", f.pool.Name(), "'")
	o.put(rule, " translation pool '", f.pool.Name(), "'")
}
