//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// The lowest common address of two lists is the one that looking at every address finds.
func TestCommon(t *testing.T) {
	rnd := seeded(t)
	const all = 64
	draw := func() (out []alloc.AddrRange, has [all]bool) {
		for range rnd.IntN(5) {
			first := rnd.IntN(all)
			last := min(all-1, first+rnd.IntN(6))
			r, err := alloc.AddrRangeFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(first)}), netip.AddrFrom4([4]byte{192, 0, 2, byte(last)}))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
			for i := first; i <= last; i++ {
				has[i] = true
			}
		}
		return out, has
	}
	for range 5000 {
		a, inA := draw()
		b, inB := draw()
		var want netip.Addr
		for i := all - 1; i >= 0; i-- {
			if inA[i] && inB[i] {
				want = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			}
		}
		if got, found := common(a, b); got != want || found != want.IsValid() {
			t.Fatalf("%v and %v: %v, %v; want %v", a, b, got, found, want)
		}
	}
}

// An outside address belongs to one instance of a network namespace, and so does an interface. The same inside addresses may be
// behind other interfaces.
func TestConflict(t *testing.T) {
	random := alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("192.0.2.0/31"), SharingRatio: 8, Scheme: alloc.Random, KeyID: testKey.ID()}
	listed := listOfShares("100.64.1.1 192.0.2.7 1024-2047", "100.64.1.2 192.0.2.7 3000-3999")
	s := newSite(t, Config{Plan: mustPlan(t, random, listed)})
	for _, name := range []string{"second", "third"} {
		if err := s.CGN.AddVeth(name, s.Core, name+"-far"); err != nil {
			t.Fatal(err)
		}
	}
	pool := func(outside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans(outside), SharingRatio: 64})
	}
	free := Config{Instance: "west", Plan: pool("192.0.2.2"), Inside: []Interface{{Name: "second"}}, Outside: []Interface{{Name: "third"}}}
	refused := func(name string, c Config, want error, says string) {
		t.Helper()
		_, previewed := in(s, func() (Change, error) { return Preview(c) })
		_, applied := in(s, func() (*Datapath, error) { return Apply(c) })
		for _, err := range []error{previewed, applied} {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if there, err := in(s, Instances); err != nil || !slices.Equal(there, []string{"cgn"}) {
			t.Errorf("%s: instances %v, %v", name, there, err)
		}
	}
	taken := free
	taken.Plan = pool("192.0.2.1-192.0.2.4")
	refused("an outside address", taken, ErrConflict, "outside address 192.0.2.1 is in the plan of instance cgn")
	ofList := free
	ofList.Plan = pool("192.0.2.6-192.0.2.8")
	refused("an outside address of a list of shares", ofList, ErrConflict, "outside address 192.0.2.7 is in the plan of instance cgn")
	inside, outside := free, free
	inside.Inside = []Interface{{Name: netns.InsideLink}}
	outside.Outside = []Interface{{Name: netns.OutsideLink}}
	refused("an inside interface", inside, ErrInterface, "inside: instance cgn has its programs there")
	refused("an outside interface", outside, ErrInterface, "outside: instance cgn has its programs there")

	// What a killed process left is as good as in force: the next Open finishes it.
	f := s.d.folder
	if err := os.Rename(f.live(), f.next()); err != nil {
		t.Fatal(err)
	}
	refused("an address of an unfinished instance", taken, ErrConflict, "instance cgn")
	if err := os.Rename(f.next(), f.live()); err != nil {
		t.Fatal(err)
	}

	over, err := in(s, func() ([]Overlap, error) { return Overlaps(taken.Plan) })
	want := Overlap{"cgn", s.d.Plan().SHA256(), ad("192.0.2.1")}
	if err != nil || !slices.Equal(over, []Overlap{want}) {
		t.Errorf("Overlaps: %v, %v; want %v", over, err, want)
	}
	d, err := in(s, func() (*Datapath, error) { return Apply(free) })
	if err != nil {
		t.Fatalf("the same inside addresses behind another interface: %v", err)
	}
	_ = d.Close()
	t.Cleanup(func() { _, _ = in(s, func() (int, error) { return 0, Remove("west") }) })
	if over, err := in(s, func() ([]Overlap, error) { return Overlaps(free.Plan) }); err != nil || len(over) != 1 || over[0].Instance != "west" {
		t.Errorf("Overlaps with the plan of west: %v, %v", over, err)
	}
}

// Two instances of a namespace are not applied at once: neither would see what the other one is about to have.
func TestBusyNamespace(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	release, err := s.d.folder.lockNamespace()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	c := Config{Instance: "west", Plan: mustPlan(t, samplePool)}
	if _, err := in(s, func() (*Datapath, error) { return Apply(c) }); !errors.Is(err, ErrBusy) {
		t.Errorf("Apply: %v", err)
	}
	if there, err := in(s, Instances); err != nil || !slices.Equal(there, []string{"cgn"}) {
		t.Errorf("instances %v, %v", there, err)
	}
}
