package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/nat44"
)

// differFault says that the kernel departs from the plan.
func differFault(differences []string) error {
	return &fault{code: exitCheck, msg: "the kernel departs from the plan:\n" + strings.Join(differences, "\n")}
}

// demoNftables is the kernel's own NAT.
type demoNftables struct {
	cgn  *netns.NS
	plan *alloc.Plan
	rs   *nat44.Ruleset
}

func (*demoNftables) name() string { return nftables }

func (b *demoNftables) do(fn func(*nat44.Kernel) error) error {
	return b.cgn.Do(func() error { return withKernel(fn) })
}

func (b *demoNftables) apply() (said string, err error) {
	instance, err := nat44.ParseInstance(nat44.DefaultInstance)
	if err != nil {
		return "", err
	}
	if b.rs, err = nat44.NewRuleset(b.plan, instance); err != nil {
		return "", err
	}
	err = b.do(func(k *nat44.Kernel) error {
		report, err := k.Apply(b.rs, nat44.ApplyOptions{})
		if err != nil {
			return err
		}
		var differences []string
		v, err := k.Verify(b.rs, func(d nat44.Difference) { differences = append(differences, d.String()) })
		if err == nil && v.Differences > 0 {
			err = differFault(differences)
		}
		said = fmt.Sprintf("%s added; the kernel equals the plan, %s", plural(report.Added, "subscriber"), plural(v.Elements, "element"))
		return err
	})
	return said, err
}

func (*demoNftables) watch(t *netns.Topology) (*leakWatch, error) { return watchLeaks(t) }

func (b *demoNftables) remove() error {
	if b.rs == nil {
		return nil
	}
	return b.do(func(k *nat44.Kernel) error {
		_, err := k.Remove(b.rs.Instance())
		if errors.Is(err, nat44.ErrNotLoaded) {
			return nil
		}
		return err
	})
}

// demoXDP is the backend of package ebpf. It works in a room, so that what it pins is nobody else's and goes with the process.
type demoXDP struct {
	cgn  *netns.NS
	plan *alloc.Plan
	room *netns.Room
	d    *ebpf.Datapath
}

func (*demoXDP) name() string { return xdp }

func (b *demoXDP) apply() (said string, err error) {
	if b.room, err = b.cgn.OpenRoom(); err != nil {
		return "", noXDP(err)
	}
	err = b.room.Do(func() (err error) {
		b.d, err = ebpf.Apply(ebpf.Config{
			Plan: b.plan, Inside: []ebpf.Interface{{Name: netns.InsideLink}}, Outside: []ebpf.Interface{{Name: netns.OutsideLink}},
		})
		if err != nil {
			return noXDP(err)
		}
		var differences []string
		v, err := b.d.Verify(b.plan, func(d ebpf.Difference) { differences = append(differences, d.String()) })
		if err == nil && v.Differences > 0 {
			err = differFault(differences)
		}
		said = fmt.Sprintf("%s added; the kernel equals the plan, %s", plural(b.plan.Subscribers(), "subscriber"), entries(v.Entries))
		return err
	})
	return said, err
}

func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// watch asks the counters: what the driver drops, nobody behind it sees.
func (b *demoXDP) watch(t *netns.Topology) (*leakWatch, error) {
	return watchLeaksWith(t, func(ctx context.Context, want int) error {
		for {
			n, err := b.dropped("drop-protocol")
			if err != nil || n >= uint64(want) {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	})
}

// dropped returns the counter of a verdict.
func (b *demoXDP) dropped(verdict string) (n uint64, err error) {
	err = b.room.Do(func() error {
		counters, err := b.d.Counters()
		for _, c := range counters {
			if c.Verdict.String() == verdict {
				n = c.Packets
			}
		}
		return err
	})
	return n, err
}

func (b *demoXDP) remove() error {
	if b.room == nil {
		return nil
	}
	defer b.room.Close()
	if b.d == nil {
		return nil
	}
	return b.room.Do(func() error { return errors.Join(b.d.Close(), ebpf.Remove("")) })
}
