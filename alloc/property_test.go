package alloc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
	"pgregory.net/rapid"
)

// drawRanges draws ranges near base, now and then one that overlaps another or that no pool can have.
func drawRanges(t *rapid.T, label string, base uint32, most int) []AddrRange {
	var out []AddrRange
	next := base + uint32(rapid.IntRange(0, 3).Draw(t, label+" start"))
	for range rapid.IntRange(1, most).Draw(t, label+" ranges") {
		size := uint32(1) << rapid.IntRange(0, 3).Draw(t, label+" bits")
		switch rapid.IntRange(0, 9).Draw(t, label+" kind") {
		case 0, 1, 2, 3: // a prefix
			next = (next + size - 1) / size * size
			out = append(out, must(ParseAddrRange(fmt.Sprintf("%v/%d", addr4(next), 32-len(fmt.Sprintf("%b", size))+1))))
		case 4: // anywhere: this may overlap
			at := base + uint32(rapid.IntRange(0, 20).Draw(t, label+" at"))
			out = append(out, addrRangeOf(span{at, at + size - 1}))
		default:
			size += uint32(rapid.IntRange(0, 2).Draw(t, label+" more"))
			out = append(out, addrRangeOf(span{next, next + size - 1}))
		}
		next += size + uint32(rapid.IntRange(0, 2).Draw(t, label+" gap"))
	}
	if rapid.IntRange(0, 60).Draw(t, label+" spoil") == 0 {
		out = append(out, rapid.SampledFrom([]AddrRange{{}, addrs("127.0.0.1")[0], addrs("224.0.0.0/4")[0]}).Draw(t, label+" bad"))
	}
	if len(out) > 1 && rapid.Bool().Draw(t, label+" shuffle") {
		out = rapid.Permutation(out).Draw(t, label+" order")
	}
	return out
}

func drawExclusions(t *rapid.T, label string, from []AddrRange) []AddrRange {
	var out []AddrRange
	for _, r := range from {
		if r.Len() > 1 && rapid.IntRange(0, 3).Draw(t, label) == 0 {
			first := r.span().first + uint32(rapid.Uint64Range(0, r.Len()-1).Draw(t, label+" at"))
			last := min(first+uint32(rapid.IntRange(0, 1).Draw(t, label+" more")), r.span().last)
			out = append(out, addrRangeOf(span{first, last}))
		}
	}
	return out
}

// drawPool draws a pool that is number n of its plan. It is often, but not always, valid.
func drawPool(t *rapid.T, n int) PoolSpec {
	s := PoolSpec{
		Name:    rapid.SampledFrom([]string{fmt.Sprintf("pool%d", n), fmt.Sprintf("pool%d", n), fmt.Sprintf("P.%d_-", n), "same", "no good"}[:4+rapid.IntRange(0, 20).Draw(t, "bad name")/20]).Draw(t, "name"),
		Realm:   rapid.SampledFrom([]string{"", "default", "north", "south"}).Draw(t, "realm"),
		Inside:  drawRanges(t, "inside", 0x64400000+uint32(n*rapid.SampledFrom([]int{0, 16, 256}).Draw(t, "inside distance")), 4),
		Outside: drawRanges(t, "outside", 0xc0000200+uint32(n*rapid.SampledFrom([]int{8, 32, 32}).Draw(t, "outside distance")), 3),
		Scheme:  rapid.SampledFrom([]Scheme{0, Sequential, Spread, Stripe, Staggered, Step, PSID, Random, Explicit}).Draw(t, "scheme"),
	}
	if s.Scheme == Explicit {
		s.Shares, s.Inside, s.Outside = drawShares(t, s.Inside, s.Outside), nil, nil
		drawPorts(t, &s)
		return s
	}
	s.ExcludeInside, s.ExcludeOutside = drawExclusions(t, "exclude inside", s.Inside), drawExclusions(t, "exclude outside", s.Outside)
	s.SkipEdges = rapid.IntRange(0, 4).Draw(t, "edges") == 0
	drawPorts(t, &s)
	small := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4, 8, 16, 31, 64})
	s.SharingRatio = small.Draw(t, "ratio")
	s.PortsPerSubscriber = rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 7, 100, 1000, 2016, 22000, 70000}).Draw(t, "size")
	switch rapid.IntRange(0, 5).Draw(t, "dynamic") {
	case 0:
		s.DynamicShares = small.Draw(t, "dynamic shares")
	case 1:
		s.DynamicPorts = rapid.SampledFrom([]int{0, 1, 100, 30000, 64512}).Draw(t, "dynamic ports")
	}
	drawParameters(t, &s)
	return s
}

func drawPorts(t *rapid.T, s *PoolSpec) {
	if rapid.Bool().Draw(t, "ports given") {
		first := rapid.SampledFrom([]int{0, 1, 1, 1023, 1024, 1024, 4000, 4000, 60000, 60000, 65500}).Draw(t, "first port")
		last := max(first, rapid.SampledFrom([]int{65535, 65535, 65534, 65503, 40000}).Draw(t, "last port"))
		s.Ports = must(portset.NewRange(first, last))
	}
	if rapid.Bool().Draw(t, "reserve given") {
		s.Reserve = portSet(rapid.SampledFrom([]string{"0-1023", "1024", "65535", "5060,5062,65501", "1-2000,65535", "1-2000,65535", "3000-65535"}).Draw(t, "reserve"))
	}
}

func drawParameters(t *rapid.T, s *PoolSpec) {
	if s.Scheme == Step || rapid.IntRange(0, 50).Draw(t, "stray step") == 0 {
		s.StepSize = rapid.IntRange(0, 5).Draw(t, "step")
	}
	if s.Scheme == Random {
		s.KeyID = testKey.ID()
	}
	if s.Scheme != PSID {
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "stray size") > 0 {
		s.PortsPerSubscriber = 0
	}
	if rapid.Bool().Draw(t, "offset given") {
		s.PSIDOffset = new(rapid.IntRange(-1, 16).Draw(t, "offset"))
	}
	if rapid.Bool().Draw(t, "length given") {
		s.PSIDLength = new(rapid.IntRange(-1, 12).Draw(t, "length"))
		s.SharingRatio = 0
	}
}

func drawSpec(t *rapid.T) Spec {
	s := Spec{}
	if rapid.IntRange(0, 9).Draw(t, "key given") > 0 {
		s.Keys = []Key{testKey}
	}
	for n := range rapid.SampledFrom([]int{0, 1, 1, 1, 1, 1, 2, 2, 2, 3}).Draw(t, "pools") {
		s.Pools = append(s.Pools, drawPool(t, n))
	}
	if rapid.IntRange(0, 3).Draw(t, "exempt") == 0 {
		s.NoTranslate = rapid.SliceOfN(rapid.Custom(drawDestination), 1, 3).Draw(t, "no-translate")
	}
	return s
}

func TestPropertyPlan(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		plan, err := NewPlan(s)
		if err != nil {
			refused++
			checkRefusal(t, s, plan, err)
			return
		}
		accepted++
		slow, ok := newSlowPlan(s)
		if !ok {
			t.Fatal("NewPlan takes sizes that the oracle refuses")
		}
		checkSampled(t, plan, slow)
		checkAll(t, plan)
		checkCanonical(t, plan, s.Keys)
		if d := Diff(plan, plan); !d.IsEmpty() || d.Kept != plan.Subscribers() {
			t.Fatalf("a plan differs from itself: %+v", d)
		}
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("%d specs were valid and %d were not: the generator is useless", accepted, refused)
	}
}

func checkRefusal(t *rapid.T, s Spec, plan *Plan, err error) {
	t.Helper()
	var invalid *InvalidError
	if plan != nil || !errors.As(err, &invalid) || len(invalid.Findings) == 0 {
		t.Fatalf("NewPlan = %v, %#v", plan, err)
	}
	sentinels := []error{ErrAddress, ErrName, ErrEmpty, ErrDuplicate, ErrOverlap, ErrLoop, ErrScheme, ErrPorts, ErrCapacity, ErrKey, ErrDestination, ErrShare}
	sizesOnly := true
	for _, f := range invalid.Findings {
		if !slices.Contains(sentinels, f.Err) || !errors.Is(err, f.Err) || f.Path == "" || f.Msg == "" {
			t.Fatalf("incomplete finding %+v", f)
		}
		sizesOnly = sizesOnly && errors.Is(f, ErrCapacity)
	}
	if !sizesOnly {
		return
	}
	if _, ok := newSlowPlan(s); ok {
		t.Fatalf("NewPlan: %v; the oracle says that it fits", err)
	}
}

// checkSampled compares plan and oracle at the ports where answers change and at some others.
func checkSampled(t *rapid.T, plan *Plan, slow *slowPlan) {
	t.Helper()
	for _, p := range slow.pools {
		ports := []uint16{0, 1, 1023, 1024, 65534, 65535}
		for range 10 {
			ports = append(ports, rapid.Uint16().Draw(t, "port"))
		}
		outside, _ := p.place(rapid.IntRange(0, len(p.inside)-1).Draw(t, "subscriber"))
		around := []uint32{outside, p.outside[0], p.outside[len(p.outside)-1], outside - 1, outside + 1}
		if p.spec.Scheme == Random {
			around = around[:1]
		}
		for _, a := range around {
			for _, port := range ports {
				if got, want := answerOf(plan.Trace(addr4(a), port)), slow.trace(a, port); got != want {
					t.Fatalf("Trace(%v, %d) = %+v, want %+v", addr4(a), port, got, want)
				}
			}
		}
		for i := 0; i < len(p.inside); i += 1 + len(p.inside)/5 {
			a := mustLookup(t, plan, SubscriberFrom(p.realm, addr4(p.inside[i])))
			outside, slot := p.place(i)
			want := slices.Sorted(slices.Values(p.share(outside, slot)))
			if got := slices.Collect(a.Ports().Ports()); a.Outside() != addr4(outside) || !slices.Equal(got, want) {
				t.Fatalf("Lookup(%v) = %v %v, want %v and %v", addr4(p.inside[i]), a.Outside(), got, addr4(outside), want)
			}
			back, ok := plan.Trace(a.Outside(), want[len(want)/2]).Allocation()
			if !ok || back != a {
				t.Fatalf("port %d of %v traces to %+v", want[len(want)/2], a.Subscriber(), back)
			}
		}
	}
}

// checkAll compares the ways to reach an allocation.
func checkAll(t *rapid.T, plan *Plan) {
	t.Helper()
	next, total := uint64(0), uint64(0)
	var current *Pool
	for a := range plan.All() {
		if a.Pool() != current {
			current, next = a.Pool(), 0
		}
		if at, ok := current.At(next); !ok || at != a {
			t.Fatalf("All yields %v at position %d of %s, At gives %v, %v", a.Subscriber(), next, current.Name(), at.Subscriber(), ok)
		}
		if found := mustLookup(t, plan, a.Subscriber()); found != a {
			t.Fatalf("All yields %+v, Lookup gives %+v", a, found)
		}
		next, total = next+1, total+1
	}
	if total != plan.Subscribers() {
		t.Fatalf("All yields %d allocations of %d", total, plan.Subscribers())
	}
	for p := range plan.Pools() {
		if _, ok := p.At(p.Subscribers()); ok {
			t.Fatalf("pool %s has an allocation behind its last", p.Name())
		}
	}
}

func checkCanonical(t *rapid.T, plan *Plan, keys []Key) {
	t.Helper()
	text := plan.AppendCanonical(nil)
	again, err := ParseCanonical(text, keys...)
	if err != nil {
		t.Fatalf("ParseCanonical(%s): %v", text, err)
	}
	if !bytes.Equal(again.AppendCanonical(nil), text) || again.SHA256() != plan.SHA256() {
		t.Fatalf("the canonical form changes when it is read back: %s", text)
	}
	if d := Diff(plan, again); !d.IsEmpty() {
		t.Fatalf("the plan that is read back differs: %+v", d)
	}
	spec := plan.Spec()
	spec.Keys = keys
	if made, err := NewPlan(spec); err != nil || made.SHA256() != plan.SHA256() {
		t.Fatalf("NewPlan of Spec: %v: %+v of %s", err, spec, text)
	}
}
