package alloc

import (
	"crypto/aes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// A slowPlan is the oracle: the table of schemes written down as loops over plain slices of addresses and ports.
//
// It does not look for overlaps, bad names or parameters of other schemes, and says nothing about which findings a spec
// gives: it takes specs of which the addresses and parameters make sense, and says whether the sizes can be met. For
// scheme Random it uses portset.Permutation, which has tests of its own. It has no need to be fast or small.
type slowPlan struct{ pools []*slowPool }

type slowPool struct {
	spec            PoolSpec
	realm           string
	key             Key
	inside, outside []uint32        // in order, without excluded addresses
	cutIn, cutOut   map[uint32]bool // excluded addresses
	usable          []uint16        // L
	isUsable        [65536]bool
	ratio, size     int        // C and S; S is the smallest share for PSID
	shares          [][]uint16 // slot to ports; for Random the ports before the shuffle
	dynamic         bool
	owners          map[uint32][]int // outside address to port to position+1, 0 = no share; filled on demand
	shuffles        map[uint32]*portset.Permutation
	listed          []slowSeat // for Explicit, by position
}

// A slowSeat is where a listed share lies.
type slowSeat struct {
	outside uint32
	slot    int
}

// A slowAnswer is an answer to the reverse question. Inside is 0 unless the status is Allocated.
type slowAnswer struct {
	status Status
	pool   string
	realm  string
	inside uint32
}

// newSlowPlan returns false when the sizes of a pool cannot be met.
func newSlowPlan(s Spec) (*slowPlan, bool) {
	p := &slowPlan{}
	for _, ps := range s.Pools {
		sp := &slowPool{spec: ps, realm: ps.Realm, owners: map[uint32][]int{}}
		if sp.realm == "" {
			sp.realm = "default"
		}
		for _, k := range s.Keys {
			if k.ID() == ps.KeyID {
				sp.key = k
			}
		}
		sp.inside, sp.cutIn = slowAddrs(ps.Inside, ps.ExcludeInside, ps.SkipEdges)
		sp.outside, sp.cutOut = slowAddrs(ps.Outside, ps.ExcludeOutside, ps.SkipEdges)
		sp.dynamic = ps.DynamicShares > 0 || ps.DynamicPorts > 0
		sp.fillUsable()
		if ps.Scheme == Explicit {
			sp.fillListed()
			p.pools = append(p.pools, sp)
			continue
		}
		if !sp.fillShares() || len(sp.inside) > sp.ratio*len(sp.outside) {
			return nil, false
		}
		p.pools = append(p.pools, sp)
	}
	return p, true
}

// slowAddrs lists the addresses of ranges one by one.
func slowAddrs(ranges, exclude []AddrRange, edges bool) (list []uint32, cut map[uint32]bool) {
	cut = map[uint32]bool{}
	for _, r := range ranges {
		isPrefix := strings.Contains(r.String(), "/")
		for a := r.First(); r.Contains(a); a = a.Next() {
			excluded := edges && isPrefix && r.Len() > 2 && (a == r.First() || a == r.Last())
			for _, e := range exclude {
				excluded = excluded || e.First().Compare(a) <= 0 && a.Compare(e.Last()) <= 0
			}
			b := a.As4()
			n := binary.BigEndian.Uint32(b[:])
			if excluded {
				cut[n] = true
			} else {
				list = append(list, n)
			}
		}
	}
	return list, cut
}

func (p *slowPool) fillUsable() {
	first, last := 1024, 65535
	if p.spec.Scheme == Explicit {
		first = 1
	}
	if p.spec.Ports.IsValid() {
		first, last = int(p.spec.Ports.First()), int(p.spec.Ports.Last())
	}
	for port := first; port <= last; port++ {
		if !p.spec.Reserve.Contains(uint16(port)) {
			p.usable = append(p.usable, uint16(port))
			p.isUsable[port] = true
		}
	}
}

// fillListed takes the shares as they are listed. Sets of one range come before the others, each once.
func (p *slowPool) fillListed() {
	slots := map[string]int{}
	for _, several := range []bool{false, true} {
		for _, s := range p.spec.Shares {
			if text := s.Ports.String(); strings.Contains(text, ",") == several {
				if _, ok := slots[text]; !ok {
					slots[text] = len(p.shares)
					p.shares = append(p.shares, slices.Collect(s.Ports.Ports()))
				}
			}
		}
	}
	on := map[uint32]int{}
	p.size = 65536
	for _, s := range p.spec.Shares {
		out := u32(s.Outside)
		if on[out]++; on[out] == 1 {
			p.outside = append(p.outside, out)
		}
		p.inside = append(p.inside, u32(s.Inside))
		p.listed = append(p.listed, slowSeat{out, slots[s.Ports.String()]})
		p.ratio, p.size = max(p.ratio, on[out]), min(p.size, s.Ports.Len())
	}
}

// tail counts the usable ports of an address that no share has; for Explicit, of the address where they are most.
func (p *slowPool) tail() int {
	if p.listed == nil {
		left := len(p.usable)
		for _, share := range p.shares {
			left -= len(share)
		}
		return left
	}
	most := 0
	for _, out := range p.outside {
		left := len(p.usable)
		for _, s := range p.listed {
			if s.outside == out {
				left -= len(p.shares[s.slot])
			}
		}
		most = max(most, left)
	}
	return most
}

// capacity counts the shares.
func (p *slowPool) capacity() int {
	if p.listed != nil {
		return len(p.listed)
	}
	return p.ratio * len(p.outside)
}

// perAddress counts up to the smallest ratio at which all subscribers find a place.
func (p *slowPool) perAddress() int {
	c := 1
	for c*len(p.outside) < len(p.inside) {
		c++
	}
	return c
}

// fillShares resolves C and S and lists the ports of every share.
func (p *slowPool) fillShares() bool {
	if p.spec.Scheme == PSID {
		return p.fillPSID()
	}
	s := &p.spec
	room := len(p.usable) - s.DynamicPorts
	step := max(1, s.StepSize)
	// holds counts the shares of size ports that room holds, in whole windows of step shares.
	holds := func(size int) int {
		n := 0
		for used := size * step; used <= room; used += size * step {
			n += step
		}
		return n
	}
	c, size := s.SharingRatio, s.PortsPerSubscriber
	if c == 0 && (size == 0 || s.Scheme == Spread) {
		c = p.perAddress()
	}
	if size == 0 {
		for size = room; size > 0 && holds(size) < c+s.DynamicShares; {
			size--
		}
	}
	if size < 1 || room < 1 {
		return false
	}
	if c == 0 {
		c = holds(size) - s.DynamicShares
	}
	if c < 1 || c+s.DynamicShares > holds(size) {
		return false
	}
	p.ratio, p.size = c, size
	for j := range c {
		var share []uint16
		for t := range size {
			switch s.Scheme {
			case Staggered:
				share = append(share, p.usable[j+t*c])
			case Step:
				start := j / step * size * step
				share = append(share, p.usable[start+j%step+t*step])
			default:
				share = append(share, p.usable[j*size+t])
			}
		}
		p.shares = append(p.shares, share)
	}
	return true
}

// fillPSID lists the ports of every PSID by looking at every port, then leaves out the PSIDs that are not assigned.
func (p *slowPool) fillPSID() bool {
	s := &p.spec
	a := 6
	if s.PSIDOffset != nil {
		a = *s.PSIDOffset
	}
	for k := 0; k <= 16-a; k++ {
		if s.PSIDLength != nil && k != *s.PSIDLength || s.SharingRatio > 0 && 1<<k != s.SharingRatio {
			continue
		}
		derived := s.PSIDLength == nil && s.SharingRatio == 0
		p.shares = p.psidShares(a, k)
		p.ratio = len(p.shares) - s.DynamicShares
		for aside := 0; aside < s.DynamicPorts && p.ratio > 0; p.ratio-- {
			aside += len(p.shares[p.ratio-1])
		}
		if p.ratio < 1 || derived && p.ratio < p.perAddress() {
			continue
		}
		p.size = 65536
		for _, share := range p.shares { // of those set aside too: the least is a property of the layout
			p.size = min(p.size, len(share))
		}
		p.shares = p.shares[:p.ratio]
		return true
	}
	return false
}

func (p *slowPool) psidShares(a, k int) [][]uint16 {
	m := 16 - a - k
	all := make([][]uint16, 1<<k)
	holdsSystem := make([]bool, 1<<k) // whether the PSID has a reserved port below 1024
	for port := range 65536 {
		if a > 0 && port>>(16-a) == 0 {
			continue
		}
		psid := port >> m % (1 << k)
		if p.isUsable[port] {
			all[psid] = append(all[psid], uint16(port))
		} else if port > 0 && port < 1024 {
			holdsSystem[psid] = true
		}
	}
	var assigned [][]uint16
	for psid, ports := range all {
		if len(ports) > 0 && (a > 0 || k == 0 || !holdsSystem[psid]) {
			assigned = append(assigned, ports)
		}
	}
	return assigned
}

// place returns where position i lies: an outside address and a slot.
func (p *slowPool) place(i int) (outside uint32, slot int) {
	if p.listed != nil {
		return p.listed[i].outside, p.listed[i].slot
	}
	if p.spec.Scheme == Stripe {
		return p.outside[i%len(p.outside)], i / len(p.outside)
	}
	return p.outside[i/p.ratio], i % p.ratio
}

// share returns the ports of a slot on an outside address. They ascend, except for Random.
func (p *slowPool) share(outside uint32, slot int) []uint16 {
	if p.spec.Scheme != Random {
		return p.shares[slot]
	}
	shuffle := p.shuffle(outside)
	var out []uint16
	for _, x := range p.shares[slot] {
		y, _ := shuffle.Port(x)
		out = append(out, y)
	}
	return out
}

// shuffle returns the permutation of an outside address: its key is the address, encrypted under the pool's key.
func (p *slowPool) shuffle(outside uint32) *portset.Permutation {
	if by, ok := p.shuffles[outside]; ok {
		return by
	}
	block := must(aes.NewCipher(p.key.bytes[:]))
	in := append([]byte("cgnkit addr "), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(in[12:], outside)
	var key [16]byte
	block.Encrypt(key[:], in)
	var list []portset.Range
	for _, port := range p.usable {
		list = append(list, must(portset.NewRange(int(port), int(port))))
	}
	if p.shuffles == nil {
		p.shuffles = map[uint32]*portset.Permutation{}
	}
	p.shuffles[outside] = must(portset.NewPermutation(key, must(portset.NewSet(list...))))
	return p.shuffles[outside]
}

// ownersOf returns position+1 of the share that has each port of an outside address.
func (p *slowPool) ownersOf(outside uint32) []int {
	if list, ok := p.owners[outside]; ok {
		return list
	}
	list := make([]int, 65536)
	for i := range p.capacity() {
		if a, slot := p.place(i); a == outside {
			for _, port := range p.share(a, slot) {
				if list[port] != 0 {
					panic("the oracle gives a port to two shares")
				}
				list[port] = i + 1
			}
		}
	}
	p.owners[outside] = list
	return list
}

// trace answers the reverse question.
func (s *slowPlan) trace(outside uint32, port uint16) slowAnswer {
	for _, p := range s.pools {
		for _, a := range p.outside {
			if a != outside {
				continue
			}
			answer := slowAnswer{pool: p.spec.Name}
			i := p.ownersOf(outside)[port] - 1
			switch {
			case !p.isUsable[port]:
				answer.status = Reserved
			case i >= 0 && i < len(p.inside):
				answer.status, answer.realm, answer.inside = Allocated, p.realm, p.inside[i]
			case i >= 0:
				answer.status = Unassigned
			case p.dynamic:
				answer.status = Dynamic
			default:
				answer.status = Tail
			}
			return answer
		}
	}
	for _, p := range s.pools {
		if p.cutOut[outside] {
			return slowAnswer{status: Excluded, pool: p.spec.Name}
		}
	}
	return slowAnswer{status: NotInPool}
}

// answerOf translates a Trace for comparison with the oracle.
func answerOf(tr Trace) slowAnswer {
	out := slowAnswer{status: tr.Status()}
	if tr.Pool() != nil {
		out.pool = tr.Pool().Name()
	}
	if a, ok := tr.Allocation(); ok {
		out.realm, out.inside = a.Subscriber().Realm, u32(a.Subscriber().Addr())
	}
	return out
}
