package daemon

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// A slowBackend has a plan in force for a while before its Apply is over, as where flows are looked for, and may not answer then.
type slowBackend struct {
	*fakeBackend
	begun   func() // Apply
	fails   error  // of Apply, when the kernel has the plan
	unasked bool   // the kernel cannot be asked for a while after it
}

const slow = 4 * time.Second

func (b *slowBackend) Apply(plan *alloc.Plan, wait func() error) (Applied, error) {
	if b.begun != nil {
		b.begun()
	}
	a, err := b.fakeBackend.Apply(plan, wait)
	var fails error
	b.do(func() { fails = b.fails })
	if a.Way == "unchanged" && fails == nil {
		return a, err
	}
	time.Sleep(slow)
	b.do(func() {
		if b.unasked {
			b.unasked, b.blind = false, errRefused
			time.AfterFunc(3*time.Second, func() { b.do(func() { b.blind = nil }) })
		}
	})
	return a, errors.Join(err, fails)
}

// holds says which plans the kernel may have: "2", "1 2", with a "?" behind where it may have one that nobody knows.
func (r *rig) holds() (out string) {
	h, n := r.d.Holding(), func(p *alloc.Plan) int {
		for i := range 9 {
			if p.SHA256() == r.plan(i).SHA256() {
				return i
			}
		}
		return -1
	}
	if out = fmt.Sprint(n(h.Plan)); h.Other != nil {
		out += fmt.Sprint(" ", n(h.Other))
	}
	if h.Unknown {
		out += "?"
	}
	return out
}

// TestHolding has a plan file be changed, with a kernel that has the plan before Apply is over: from before it is touched until that is over and known, both
// plans are possible, whatever comes of it.
func TestHolding(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(r *rig, b *slowBackend)
		want    []string // one after the other; a refusal is tried again and again
	}{
		{"applied", func(*rig, *slowBackend) {}, []string{"1", "1 2", "2"}},
		{"refused", func(r *rig, _ *slowBackend) { r.b.do(func() { r.b.refuse = errRefused }) }, []string{"1", "1 2", "1", "1 2"}},
		{"in force, and what comes behind fails", func(_ *rig, b *slowBackend) {
			b.do(func() { b.fails = errRefused })
			time.AfterFunc(20*time.Second, func() { b.do(func() { b.fails = nil }) })
		}, []string{"1", "1 2", "2 1", "2"}},
		{"nobody can say", func(_ *rig, b *slowBackend) { b.unasked = true }, []string{"1", "1 2", "2"}},
		{"refused, and nobody can say", func(r *rig, b *slowBackend) { b.unasked = true; r.b.do(func() { r.b.refuse = errRefused }) }, []string{"1", "1 2", "1", "1 2"}},
		{"somebody's before", func(r *rig, _ *slowBackend) { r.b.do(func() { r.b.sha = "somebody's" }) }, []string{"1", "1 2?", "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &slowBackend{}
			inBubble(t, "p.yaml", func(r *rig) { r.writePlan(1); b.fakeBackend = r.b; r.options.Backend = b }, func(r *rig) {
				r.after(time.Minute)
				got := []string{r.holds()}
				b.begun = func() {
					if now := r.holds(); now != c.want[1] && now != c.want[2] {
						t.Errorf("the kernel is touched, and it may have %q", now)
					}
				}
				c.prepare(r, b)
				r.writePlan(2)
				for range 600 {
					s := r.after(100 * time.Millisecond)
					h, has := r.d.Holding(), r.seen().sha
					if has != h.Plan.SHA256() && !h.Unknown && (h.Other == nil || h.Other.SHA256() != has) && s.InForce != has && has != "somebody's" {
						t.Fatalf("the kernel has %.12s, and %s is known", has, r.holds())
					}
					if now := r.holds(); now != got[len(got)-1] {
						got = append(got, now)
					}
				}
				if len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) || len(got) > len(c.want) && c.want[2] != "1" {
					t.Errorf("%q, want %q", got, c.want)
				}
				r.end()
			})
		})
	}
}

// TestHoldingAhead has an epoch be prepared: the kernel has what it had until the instant.
func TestHoldingAhead(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, 0)
		r.add(2, time.Minute)
		r.b.ahead = 30 * time.Second
		r.b.takes = 2 * time.Second
	}, func(r *rig) {
		for _, at := range []struct {
			after time.Duration
			want  string
		}{{40 * time.Second, "1"}, {19500 * time.Millisecond, "1"}, {1500 * time.Millisecond, "1 2"}, {2 * time.Second, "2"}} {
			if r.after(at.after); r.holds() != at.want {
				t.Errorf("%s, want %s", r.holds(), at.want)
			}
		}
		r.end()
	})
}
