//go:build linux

package ebpf

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Where a plan that is given up had given a subscriber some of its ports, and more, its programs may have made second mappings on those. They go,
// and what was there before stays and is found, also where displaced does not know it.
func TestSecondMappingsTakenBack(t *testing.T) {
	pool := func(size int) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Name: "p", Inside: spans("100.64.0.0-100.64.0.15"), Outside: spans("198.51.100.0"), PortsPerSubscriber: size})
	}
	old, next := pool(64), pool(96)
	who := ad("100.64.0.1")
	l := newLab(t, Config{Plan: old})
	l.opensMany(who, 40)
	var all, unknown []Mapping // those that programs of the next plan do not know: on ports that it does not give
	home, away := 0, 0
	for m, err := range l.d.Mappings() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		switch {
		case gives(next, m) || len(unknown) == 12:
		case m.Displaced:
			away, unknown = away+1, append(unknown, m)
		default:
			home, unknown = home+1, append(unknown, m)
		}
	}
	if home == 0 || away == 0 {
		t.Fatalf("%d at home, %d away: this shows too little", home, away)
	}
	for _, m := range all { // as where they were made by a plan whose homes were there
		if m.Displaced && gives(next, m) {
			key := bpf.CgnatCgnDisplaced{Addr: wireOrder(hostOrder(who)), Port: wirePort(m.Inside.Port()), Proto: uint8(m.Protocol)}
			if err := l.table(bpf.CgnatMapDisplaced).Delete(key); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.ns.Do(func() error { return l.givesUp(Config{Plan: next, Key: l.d.Key()}, unknown) }); err != nil {
		t.Fatal(err)
	}
	if n := l.used(who); n != len(all) {
		t.Errorf("%d ports are in use, want %d", n, len(all))
	}
	l.away("taken back")
	l.stay("taken back", all)
}
