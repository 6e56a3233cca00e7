package alloc

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// A sizing holds the numbers of a pool that follow from one another.
type sizing struct {
	usable  portset.Set // L
	ratio   uint32      // C: shares per address that subscribers may hold; for Explicit the most that an address has
	size    uint32      // S: ports per share; for PSID and Explicit the fewest ports that a share has
	step    uint32      // T, for Step
	psids   *psidTable  // for PSID
	dynamic bool        // whether something is set aside
}

// A demand is what a pool asks of its addresses.
type demand struct {
	subscribers, addresses uint64
}

// perAddress returns ceil(subscribers/addresses).
func (d demand) perAddress() int {
	return int(min(ceilDiv(d.subscribers, d.addresses), 1<<30)) // more than that fits nowhere, and int may have 32 bits
}

// String returns "5 subscribers on 1 address".
func (d demand) String() string {
	return fmt.Sprintf("%s on %s", subscribers(d.subscribers), addresses(d.addresses))
}

// misfit says that d does not fit, when an address holds fit shares of size ports.
func (d demand) misfit(fit, size int) string {
	return fmt.Sprintf("%s do not fit on %s: %d fit with %d ports each (%d on an address)",
		subscribers(d.subscribers), addresses(d.addresses), uint64(fit)*d.addresses, size, fit)
}

func subscribers(n uint64) string {
	if n == 1 {
		return "1 subscriber"
	}
	return fmt.Sprintf("%d subscribers", n)
}

func addresses(n uint64) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// usablePorts returns L: the usable range without port 0 and without the reserved ports.
func usablePorts(s *PoolSpec) (portset.Set, *Finding) {
	r := s.Ports
	if !r.IsValid() {
		r = s.defaultPorts()
	}
	if r.First() == 0 {
		f := &Finding{Err: ErrPorts, Path: "ports", Msg: fmt.Sprintf("usable ports %v: port 0 cannot be used", r),
			Hint: fmt.Sprintf("leave ports out for %v", s.defaultPorts())}
		if r.Last() > 0 {
			f.Hint = fmt.Sprintf("write 1-%d, or leave ports out for %v", r.Last(), s.defaultPorts())
		}
		return portset.Set{}, f
	}
	all, _ := portset.NewSet(r)
	left, ok := all.Minus(s.Reserve)
	if !ok {
		return portset.Set{}, &Finding{Err: ErrPorts, Path: "reserve",
			Msg: fmt.Sprintf("the reserved ports leave none of the usable ports %v", r), Hint: "reserve fewer ports"}
	}
	return left, nil
}

// size resolves C and S. It returns a finding when they cannot be met on one address.
func (s *PoolSpec) size(d demand) (sizing, *Finding) {
	usable, f := usablePorts(s)
	if f != nil {
		return sizing{}, f
	}
	z := sizing{usable: usable, step: 1, dynamic: s.dynamic || s.DynamicShares > 0 || s.DynamicPorts > 0}
	switch s.scheme() {
	case PSID:
		return z, z.sizePSID(s, d)
	case Step:
		z.step = uint32(s.StepSize)
	}
	return z, z.sizeUniform(s, d)
}

func (s *PoolSpec) scheme() Scheme {
	if s.Scheme == 0 {
		return Sequential
	}
	return s.Scheme
}

// sizeUniform resolves C and S for the schemes whose shares all have the same size.
func (z *sizing) sizeUniform(s *PoolSpec, d demand) *Finding {
	n := z.usable.Len() - s.DynamicPorts
	if n < 1 {
		return &Finding{Err: ErrPorts, Path: "dynamic-ports",
			Msg: fmt.Sprintf("%d dynamic ports leave none of the %d usable ports for shares", s.DynamicPorts, z.usable.Len())}
	}
	step, extra := int(z.step), s.DynamicShares
	ratio, size := s.SharingRatio, s.PortsPerSubscriber
	if ratio == 0 && (size == 0 || s.scheme() == Spread) {
		ratio = d.perAddress()
	}
	switch {
	case ratio == 0:
		if ratio = sharesOf(n, size, step) - extra; ratio < 1 {
			return tooLarge(n, size, step, extra, s)
		}
	case size == 0:
		if size = sizeFor(n, ratio+extra, step); size < 1 {
			return tooMany(n, ratio, step, extra, s, d)
		}
	case ratio+extra > sharesOf(n, size, step):
		return conflict(n, size, ratio, step, extra, s, d)
	}
	z.ratio, z.size = uint32(ratio), uint32(size)
	return nil
}

// sharesOf returns how many shares of size ports fit into n ports: whole windows of size*step ports hold step each.
func sharesOf(n, size, step int) int { return n / size / step * step }

// sizeFor returns the largest share size at which shares fit into n ports.
func sizeFor(n, shares, step int) int { return n / (step * ((shares + step - 1) / step)) }

func tooLarge(n, size, step, extra int, s *PoolSpec) *Finding {
	msg := fmt.Sprintf("%d ports per subscriber do not fit into %d ports of an address", size, n)
	if step > 1 {
		msg += fmt.Sprintf(" in windows of %d owners (%d ports)", step, size*step)
	}
	f := &Finding{Err: ErrPorts, Path: "ports-per-subscriber", Msg: msg + withDynamic(s)}
	if most := sizeFor(n, 1+extra, step); most > 0 {
		f.Hint = fmt.Sprintf("at most %d ports per subscriber fit", most)
	}
	return f
}

func tooMany(n, ratio, step, extra int, s *PoolSpec, d demand) *Finding {
	all := sharesOf(n, 1, step) - extra // shares of a single port
	f := &Finding{Err: ErrPorts, Path: "sharing-ratio",
		Msg: fmt.Sprintf("a sharing ratio of %d leaves no ports: an address has %d ports for shares%s", ratio, n, withDynamic(s))}
	if s.SharingRatio == 0 {
		f.Err, f.Path = ErrCapacity, "outside"
		f.Msg = fmt.Sprintf("%s do not fit on %s: %d fit, with a single port each%s",
			subscribers(d.subscribers), addresses(d.addresses), uint64(max(all, 0))*d.addresses, withDynamic(s))
	}
	switch {
	case sharesOf(n, 1, step) == 0:
		f.Hint = fmt.Sprintf("step is at most %d here", n)
	case all < 1: // lessAside has the hint
	case s.SharingRatio == 0:
		f.Hint = fmt.Sprintf("it takes at least %s to give each subscriber a single port", addresses(ceilDiv(d.subscribers, uint64(all))))
	default:
		f.Hint = fmt.Sprintf("the sharing ratio is at most %d here", all)
	}
	return f
}

// conflict explains why ratio shares of size ports are too many for an address.
func conflict(n, size, ratio, step, extra int, s *PoolSpec, d demand) *Finding {
	fit, smaller := max(sharesOf(n, size, step)-extra, 0), sizeFor(n, ratio+extra, step)
	if s.SharingRatio == 0 { // Spread derived the ratio from the subscribers: then this is a question of capacity
		return &Finding{Err: ErrCapacity, Path: "ports-per-subscriber",
			Msg: d.misfit(fit, size) + withDynamic(s), Hint: adviceFor(d, fit, atMost(smaller, d, s), 0)}
	}
	f := &Finding{Err: ErrPorts, Path: "ports-per-subscriber",
		Msg: fmt.Sprintf("%d shares of %d ports do not fit into %d ports of an address%s", ratio, size, n, withDynamic(s))}
	var ways []string
	if smaller > 0 {
		ways = append(ways, fmt.Sprintf("with sharing ratio %d at most %d ports per subscriber fit", ratio, smaller))
	}
	if fit > 0 {
		ways = append(ways, fmt.Sprintf("with %d ports per subscriber the sharing ratio is at most %d", size, fit))
	}
	f.Hint = strings.Join(ways, "; ")
	return f
}

// lessAside says how much may be set aside for dynamic blocks, found by trying. It returns nothing where nothing is set aside.
func (s *PoolSpec) lessAside(d demand) string {
	most := max(s.DynamicShares, s.DynamicPorts)
	if most == 0 {
		return ""
	}
	fits := func(n int) bool {
		c := *s
		if s.DynamicShares > 0 {
			c.DynamicShares = n
		} else {
			c.DynamicPorts = n
		}
		z, f := c.size(d)
		return f == nil && z.capacity(&c, d) == nil
	}
	switch {
	case !fits(0):
		return "set less aside for dynamic blocks and use more outside addresses"
	case s.scheme() == PSID: // a table of PSIDs for every try would take long
		return "set less aside for dynamic blocks"
	}
	first := 1 + sort.Search(most-1, func(n int) bool { return !fits(n + 1) }) // the smallest that does not fit
	switch {
	case first == 1:
		return "set nothing aside for dynamic blocks"
	case s.DynamicShares > 0:
		return fmt.Sprintf("set at most %d shares aside for dynamic blocks", first-1)
	}
	return fmt.Sprintf("set at most %d ports aside for dynamic blocks", first-1)
}

func withDynamic(s *PoolSpec) string {
	switch {
	case s.DynamicShares > 0:
		return fmt.Sprintf(", with %d shares set aside for dynamic blocks", s.DynamicShares)
	case s.DynamicPorts > 0:
		return fmt.Sprintf(", after %d are set aside for dynamic blocks", s.DynamicPorts)
	}
	return ""
}

// capacity returns a finding when the subscribers are more than the shares, with what would make them fit.
func (z *sizing) capacity(s *PoolSpec, d demand) *Finding {
	if d.subscribers <= uint64(z.ratio)*d.addresses {
		return nil
	}
	n := z.usable.Len() - s.DynamicPorts
	var sequential uint64
	if s.scheme() == PSID || s.scheme() == Step {
		sequential = uint64(max(n/int(z.size)-s.DynamicShares, 0)) * d.addresses
	}
	if sequential < d.subscribers {
		sequential = 0
	}
	return &Finding{Err: ErrCapacity, Path: "outside",
		Msg:  d.misfit(int(z.ratio), int(z.size)) + withDynamic(s),
		Hint: adviceFor(d, int(z.ratio), z.fewer(s, d), sequential)}
}

// fewer says with how many ports per subscriber d would fit, or nothing.
func (z *sizing) fewer(s *PoolSpec, d demand) string {
	if s.scheme() == PSID {
		free := *s
		free.PSIDLength, free.SharingRatio = nil, 0
		offset := z.psids.layout.Offset()
		if k, f := free.psidLength(z.usable, offset, d); f == nil {
			if l, err := portset.NewLayout(offset, k); err == nil {
				return fmt.Sprintf("PSID length %d (%d ports per subscriber)", k, newPSIDTable(l, z.usable).least)
			}
		}
		return ""
	}
	return atMost(sizeFor(z.usable.Len()-s.DynamicPorts, d.perAddress()+s.DynamicShares, int(z.step)), d, s)
}

func atMost(size int, d demand, s *PoolSpec) string {
	switch {
	case size < 1:
		return ""
	case s.SharingRatio > 0: // it has to change too
		return fmt.Sprintf("sharing ratio %d and at most %d ports per subscriber", d.perAddress(), size)
	}
	return fmt.Sprintf("at most %d ports per subscriber (sharing ratio %d)", size, d.perAddress())
}

// adviceFor lists what would make d fit, given how many fit on an address now, what fewer ports would do, and how many
// would fit with the sequential scheme; 0 or nothing leaves a way out.
func adviceFor(d demand, perAddress int, fewer string, sequential uint64) string {
	var ways []string
	if perAddress > 0 {
		need := ceilDiv(d.subscribers, uint64(perAddress))
		ways = append(ways, fmt.Sprintf("%s (%d more)", addresses(need), need-d.addresses))
	}
	if fewer != "" {
		ways = append(ways, fewer)
	}
	if sequential > 0 {
		ways = append(ways, fmt.Sprintf("scheme sequential, where %d fit with the same number of ports", sequential))
	}
	if len(ways) == 0 {
		return ""
	}
	if n := len(ways); n > 1 {
		ways[n-1] = "or with " + ways[n-1]
	}
	return "it fits with " + strings.Join(ways, ", ")
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }
