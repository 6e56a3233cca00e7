package alloc

import (
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// Addresses that no pool can use.
var unusable = []struct {
	span
	what string
}{
	{span{0, 0x00ffffff}, "0.0.0.0/8 means \"this network\" (RFC 1122)"},
	{span{0x7f000000, 0x7fffffff}, "127.0.0.0/8 is loopback (RFC 1122)"},
	{span{0xe0000000, 0xefffffff}, "224.0.0.0/4 is multicast (RFC 5771)"},
	{span{0xffffffff, 0xffffffff}, "255.255.255.255 is the limited broadcast address (RFC 919)"},
}

// whyUnusable says why no pool can use some address of s, or nothing.
func whyUnusable(s span) string {
	_, why := unusableIn(s)
	return why
}

// unusableIn returns the first addresses of s that no pool can use, and why not; why is empty where there are none.
func unusableIn(s span) (which span, why string) {
	for _, u := range unusable {
		if s.first <= u.last && u.first <= s.last {
			return span{max(s.first, u.first), min(s.last, u.last)}, u.what
		}
	}
	return span{}, ""
}

const maxName = 64

// A checker turns a Spec into pools and collects what is wrong with it.
type checker struct {
	spec     *Spec
	names    map[string]int // pool name to number
	keys     map[string]Key
	numbers  []int // numbers[k] = number in spec of the k-th pool that was built
	findings []Finding
	overlaps int // how many addresses of two pools were found

	taken map[string]bool // names of pools of other kinds than NAT44

	shares, shareRanges int // listed so far, of all pools
}

func (c *checker) add(f Finding) { c.findings = append(c.findings, f) }

// addTo adds a finding about the i-th pool. f.Path is relative to the pool.
func (c *checker) addTo(i int, f Finding) {
	f.Pool = c.spec.Pools[i].Name
	if f.Path != "" {
		f.Path = "." + f.Path
	}
	f.Path = fmt.Sprintf("pools[%d]%s", i, f.Path)
	c.add(f)
}

func newChecker(spec Spec) *checker {
	c := &checker{spec: &spec, names: map[string]int{}, keys: map[string]Key{}}
	for _, k := range spec.Keys {
		if k != (Key{}) {
			c.keys[k.ID()] = k
		}
	}
	return c
}

// begin checks what can be said of the i-th pool without its addresses and makes the pool.
func (c *checker) begin(i int) *Pool {
	s := &c.spec.Pools[i]
	c.checkNames(i, s)
	c.checkNumbers(i, s)
	pool := &Pool{name: s.Name, realm: s.Realm, keyID: s.KeyID}
	if pool.realm == "" {
		pool.realm = DefaultRealm
	}
	pool.place.scheme, pool.place.key = s.scheme(), c.keys[s.KeyID]
	return pool
}

// pool checks the i-th pool by itself. It returns nil when the pool's addresses make no sense; a pool that is wrong in
// another way is returned, so that it takes part in the search for overlaps.
func (c *checker) pool(i int) *Pool {
	s, known := &c.spec.Pools[i], len(c.findings)
	pool := c.begin(i)
	if s.scheme() == Explicit {
		return c.explicit(i, pool)
	}
	in := c.order(i, "inside", s.Inside, s.ExcludeInside, s.SkipEdges)
	out := c.order(i, "outside", s.Outside, s.ExcludeOutside, s.SkipEdges)
	if in == nil || out == nil {
		return nil
	}
	pool.inside, pool.place.outside = *in, *out
	c.numbers = append(c.numbers, i)
	if len(c.findings) == known {
		c.size(i, pool, demand{subscribers: uint64(in.n), addresses: uint64(out.n)})
	}
	return pool
}

// size resolves the sizes of the i-th pool.
func (c *checker) size(i int, pool *Pool, d demand) {
	s := &c.spec.Pools[i]
	z, f := s.size(d)
	if f == nil {
		f = z.capacity(s, d)
	}
	if f != nil {
		if f.Hint == "" {
			f.Hint = s.lessAside(d)
		}
		c.addTo(i, *f)
	}
	pool.place.sizing = z
}

// order makes the inside or outside order of a pool, or adds findings and returns nil.
func (c *checker) order(i int, field string, ranges, exclude []AddrRange, edges bool) *order {
	if len(ranges) == 0 {
		what := "subscribers"
		if field == "outside" {
			what = "outside addresses"
		}
		c.addTo(i, Finding{Err: ErrEmpty, Path: field, Msg: "the list of " + what + " is empty", Hint: "list at least one address"})
		return nil
	}
	if !c.usableAddrs(i, field, ranges) {
		return nil
	}
	cut := make([]span, 0, len(exclude))
	for _, e := range exclude {
		cut = append(cut, e.span())
	}
	if edges {
		cut = appendEdges(cut, ranges)
	}
	o, twice := newOrder(ranges, mergeSpans(cut))
	if len(cut) > 0 && twice == nil { // twice is twice, also where it is excluded
		_, twice = newOrder(ranges, nil)
	}
	if twice != nil {
		c.addTwice(i, field, ranges, twice.addr)
		return nil
	}
	for k, e := range exclude {
		if !spansOverlap(o.excluded, e.span()) {
			c.addTo(i, Finding{Err: ErrAddress, Path: fmt.Sprintf("exclude-%s[%d]", field, k),
				Msg: fmt.Sprintf("%v is excluded, but it is in none of the %s ranges", e, field), Hint: "correct it or leave it out"})
		}
	}
	if o.n == 0 {
		c.addTo(i, Finding{Err: ErrEmpty, Path: field, Msg: fmt.Sprintf("every %s address is excluded", field), Hint: "exclude fewer addresses"})
		return nil
	}
	return &o
}

// usableAddrs reports whether every range is valid and holds host addresses only.
func (c *checker) usableAddrs(i int, field string, ranges []AddrRange) bool {
	for k, r := range ranges {
		f := Finding{Err: ErrAddress, Path: fmt.Sprintf("%s[%d]", field, k)}
		if !r.IsValid() {
			f.Msg = fmt.Sprintf("%s range %d is the zero AddrRange", field, k)
			c.addTo(i, f)
			return false
		}
		if why := whyUnusable(r.span()); why != "" {
			f.Msg = fmt.Sprintf("%s %v cannot be used: %s", field, r, why)
			c.addTo(i, f)
			return false
		}
	}
	return true
}

// appendEdges adds the first and last address of every prefix that has such: /31 and /32 do not (RFC 3021).
func appendEdges(cut []span, ranges []AddrRange) []span {
	for _, r := range ranges {
		if s := r.span(); r.prefix && s.len() > 2 {
			cut = append(cut, span{s.first, s.first}, span{s.last, s.last})
		}
	}
	return cut
}

// addTwice explains that address a stands in two ranges of one list.
func (c *checker) addTwice(i int, field string, ranges []AddrRange, a uint32) {
	var at []int
	for k, r := range ranges {
		if r.span().contains(a) {
			at = append(at, k)
		}
	}
	f := Finding{Err: ErrDuplicate, Path: fmt.Sprintf("%s[%d]", field, at[1]), Hint: "list every address once"}
	if field == "outside" {
		f.Err = ErrOverlap
	}
	f.Msg = fmt.Sprintf("%s address %v is listed twice", field, addr4(a))
	if first, second := ranges[at[0]], ranges[at[1]]; first.Len() > 1 || second.Len() > 1 {
		f.Msg += fmt.Sprintf(": in %v and in %v", first, second)
	}
	c.addTo(i, f)
}

func (c *checker) checkNames(i int, s *PoolSpec) {
	if !validName(s.Name) {
		c.addTo(i, Finding{Err: ErrName, Path: "name", Msg: fmt.Sprintf("%q is no pool name", s.Name), Hint: nameHint})
	} else if other, ok := c.names[s.Name]; ok {
		c.addTo(i, Finding{Err: ErrName, Path: "name", Msg: fmt.Sprintf("pool %d has this name too", other+1), Hint: "give every pool a name of its own"})
	} else {
		c.names[s.Name] = i
	}
	if s.Realm != "" && !validName(s.Realm) {
		c.addTo(i, Finding{Err: ErrName, Path: "realm", Msg: fmt.Sprintf("%q is no realm name", s.Realm), Hint: nameHint})
	}
}

const nameHint = "a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most"

// validName keeps names to characters that need no quoting in CSV, JSON, nftables and metrics labels.
func validName(s string) bool {
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return s != "" && len(s) <= maxName && strings.IndexByte(alnum, s[0]) >= 0 && strings.Trim(s, alnum+"._-") == ""
}

// checkNumbers checks what can be said of a pool's numbers without looking at its addresses.
func (c *checker) checkNumbers(i int, s *PoolSpec) {
	if s.Scheme != 0 && !s.Scheme.IsValid() {
		c.addTo(i, Finding{Err: ErrScheme, Path: "scheme", Msg: fmt.Sprintf("scheme number %d is unknown", s.Scheme)})
	}
	for _, n := range []struct {
		path  string
		value int
	}{
		{"ports-per-subscriber", s.PortsPerSubscriber}, {"sharing-ratio", s.SharingRatio},
		{"dynamic-shares", s.DynamicShares}, {"dynamic-ports", s.DynamicPorts}, {"step", s.StepSize},
	} {
		if n.value < 0 || n.value > portset.PortCount {
			c.addTo(i, Finding{Err: ErrPorts, Path: n.path, Msg: fmt.Sprintf("%s %d is not in 0 to 65536", n.path, n.value)})
		}
	}
	if s.DynamicShares > 0 && s.DynamicPorts > 0 {
		c.addTo(i, Finding{Err: ErrPorts, Path: "dynamic-ports", Msg: "dynamic-shares and dynamic-ports are both given", Hint: "leave one of them out"})
	}
	c.checkParameters(i, s)
	c.checkListed(i, s)
}

// checkParameters checks that parameters of a scheme are there with it and only with it.
func (c *checker) checkParameters(i int, s *PoolSpec) {
	for _, p := range []struct {
		path  string
		given bool
		of    Scheme
	}{
		{"psid-offset", s.PSIDOffset != nil, PSID}, {"psid-length", s.PSIDLength != nil, PSID},
		{"step", s.StepSize > 0, Step}, {"key-id", s.KeyID != "", Random}, {"shares", len(s.Shares) > 0, Explicit},
	} {
		if p.given && s.scheme() != p.of {
			c.addTo(i, Finding{Err: ErrScheme, Path: p.path, Msg: fmt.Sprintf("%s belongs to scheme %v, and the scheme is %v", p.path, p.of, s.scheme()),
				Hint: fmt.Sprintf("leave it out, or write scheme: %v", p.of)})
		}
	}
	switch {
	case s.scheme() == Step && s.StepSize == 0:
		c.addTo(i, Finding{Err: ErrScheme, Path: "scheme", Msg: "scheme step needs step, the number of interleaved subscribers", Hint: "for example step: 4"})
	case s.scheme() == Random && s.KeyID == "":
		c.addTo(i, Finding{Err: ErrKey, Path: "scheme", Msg: "scheme random needs key-id, the ID of its key", Hint: "give a key file: --key-file FILE, and write the ID that it has"})
	case s.scheme() == Random:
		if _, ok := c.keys[s.KeyID]; !ok {
			c.addTo(i, Finding{Err: ErrKey, Path: "key-id", Msg: fmt.Sprintf("the key with ID %q is not at hand", s.KeyID), Hint: "give it with --key-file FILE"})
		}
	}
}
