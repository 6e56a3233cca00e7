//go:build linux

package ebpf

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// refuse has a subscriber of the lab's first realm refused for its limit of one, once.
func (l *lab) refuse(who string) {
	l.Helper()
	before := must(l.d.Tallies()).Limit
	for i := range 2 {
		l.run(fromInside, udp(netip.AddrPortFrom(ad(who), uint16(7000+i)), server, "x").frame())
	}
	if n := must(l.d.Tallies()).Limit - before; n != 1 {
		l.Fatalf("%s was refused %d times, want once", who, n)
	}
}

// A heard is who an event is about, and where its share is.
type heard struct {
	subscriber alloc.Subscriber
	outside    netip.Addr
}

// heardBy returns what an event of a subscriber of a plan should say.
func heardBy(tb testing.TB, plan *alloc.Plan, realm, who string) heard {
	tb.Helper()
	share := must(plan.Lookup(alloc.SubscriberFrom(realm, ad(who))))
	return heard{share.Subscriber(), share.Outside()}
}

// listen returns the next n events, or those before an error.
func listen(tb testing.TB, d *Datapath, n int) (all []heard, end error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for e, err := range d.Events(ctx) {
		if err != nil {
			return all, err
		}
		all = append(all, heard{e.Share.Subscriber(), e.Share.Outside()})
		if len(all) == n {
			break
		}
	}
	return all, nil
}

// missed fails the test unless so many events count as lost.
func (l *lab) missed(want uint64) {
	l.Helper()
	if n, err := l.d.LostEvents(); n != want || err != nil {
		l.Errorf("%d events are lost, want %d, error %v", n, want, err)
	}
}

// Events that nobody has read when the plan changes are of no subscriber of the next plan: they are lost, unless it is the same plan.
func TestEventsOfThePlanBefore(t *testing.T) {
	east, west := realmPool("east", "198.51.100.0/30"), realmPool("west", "198.51.100.8/30")
	limit := Policy{Limit: Limit{UDP: 1}}
	before, after := mustPlan(t, east, west), mustPlan(t, west, east)
	l := newLab(t, Config{Plan: before, Policy: limit})
	l.refuse("100.64.0.5")
	l.refuse("100.64.0.6")
	l.replan(Config{Plan: after, Policy: limit, Key: l.d.Key()})
	l.refuse("100.64.0.7") // of west now
	got, err := listen(t, l.d, 1)
	if want := []heard{heardBy(t, after, "west", "100.64.0.7")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("events %v, %v, want %v", got, err, want)
	}
	l.missed(2)
	l.refuse("100.64.0.8")
	limit.UDP = time.Hour
	l.replan(Config{Plan: after, Policy: limit, Key: l.d.Key()})
	got, err = listen(t, l.d, 1)
	if want := []heard{heardBy(t, after, "west", "100.64.0.8")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("events %v, %v, want %v: it is the plan that it was", got, err, want)
	}
	l.missed(2)
}

// Who reads while the plan changes gets what was raised under the one before by that, what the next plan's programs raise by the next one, also
// where that is not in force yet, and then the change.
func TestEventsWhileThePlanChanges(t *testing.T) {
	pool := alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 4}
	limit := Policy{Limit: Limit{UDP: 1}}
	l := newLab(t, Config{Policy: limit}, pool)
	before := l.d
	l.refuse("100.64.0.5")
	l.refuse("100.64.0.6")
	pool.Outside = spans("198.51.100.8/30")
	after := mustPlan(t, pool)
	f, c := before.folder, Config{Plan: after, Policy: limit}
	var next *builder
	err := l.ns.Do(func() (err error) {
		want, err := newRecord(c, before.generation)
		if err == nil {
			next, err = build(f.next(), want, before.generation, c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.follow(&Datapath{folder: f, generation: next.generation})
	l.refuse("100.64.0.7")
	was, is := before.Plan(), after
	got, err := listen(t, before, 3)
	want := []heard{heardBy(t, was, "", "100.64.0.5"), heardBy(t, was, "", "100.64.0.6"), heardBy(t, is, "", "100.64.0.7")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("events %v, %v, want %v: the last is of the plan that comes", got, err, want)
	}
	old := must(before.generation.openProgram(bpf.CgnatProgCgnInside))
	defer func() { _ = old.Close() }()
	coming := l.programs[fromInside]
	l.programs[fromInside] = old
	l.refuse("100.64.0.8")
	l.refuse("100.64.0.9")
	l.programs[fromInside] = coming
	l.refuse("100.64.0.10")
	l.refuse("100.64.0.11")
	if err := f.switchTo(before.generation, next.generation); err != nil {
		t.Fatal(err)
	}
	got, err = listen(t, before, 5)
	want = []heard{heardBy(t, was, "", "100.64.0.8"), heardBy(t, was, "", "100.64.0.9"), heardBy(t, is, "", "100.64.0.10")}
	if !errors.Is(err, ErrChanged) || !slices.Equal(got, want) {
		t.Errorf("events %v, %v, want %v and ErrChanged", got, err, want)
	}
	got, err = listen(t, l.d, 1)
	if want := []heard{heardBy(t, is, "", "100.64.0.11")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("events %v, %v, want %v", got, err, want)
	}
	l.missed(0)
	// The counter is not there where an earlier release has made the programs: their events do not say which plan they are of.
	if err := os.Remove(next.at("maps", bpf.CgnatMapUnread)); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, l.d, 1); !errors.Is(err, ErrOutdated) {
		t.Errorf("of programs of an earlier release: %v", err)
	}
	l.missed(0)
	if e, ok := parseEvent(make([]byte, 24)); ok {
		t.Errorf("an event of theirs is %+v", e)
	}
}
