//go:build linux

package nat44

import "testing"

// TestInForce compares what the kernel says of an instance with what was done to it, and has the generation tell of every change
// and of nothing else.
func TestInForce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := rulesetOf(t, onePool(t, nil, "100.64.0.0/24", "192.0.2.0/28"))
	two := rulesetOf(t, onePool(t, nil, "100.64.0.0/24", "192.0.2.16/28"))
	was, err := b.k.Generation()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name    string
		do      func()
		want    string
		changes bool
	}{
		{"nothing", func() {}, "", false},
		{"first load", func() { b.apply(one) }, one.plan.SHA256(), true},
		{"the same", func() { b.apply(one) }, one.plan.SHA256(), false},
		{"an element less", func() { b.nft("delete", "element", "ip", "cgn", "shares", "{ 100.64.0.9 }") }, one.plan.SHA256(), true},
		{"another plan", func() { b.apply(two) }, two.plan.SHA256(), true},
		{"verify", func() { b.equal(two) }, two.plan.SHA256(), false},
		{"no rules", func() { b.nft("flush", "chain", "ip", "cgn", "translate") }, "", true},
		{"no table", func() { b.nft("delete", "table", "ip", "cgn") }, "", true},
		{"somebody else's table", func() { b.nft("add", "table", "ip", "cgn") }, "", true},
	} {
		step.do()
		got, err := b.k.InForce(one.instance)
		if err != nil || got != step.want {
			t.Errorf("%s: %q, %v; want %q", step.name, got, err, step.want)
		}
		now, err := b.k.Generation()
		if err != nil || (now != was) != step.changes {
			t.Errorf("%s: generation %d became %d, %v", step.name, was, now, err)
		}
		was = now
	}
}
