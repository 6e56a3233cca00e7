//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// This file has the transactions that go through google/nftables: everything but elements in bulk.

// shareTypes returns the key and data type of a map's kind.
func shareTypes(kind mapKind) (key, data nftables.SetDatatype) {
	key, data = nftables.TypeIPAddr, nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetService)
	data.Bytes *= 2 // an interval: both ends
	switch kind {
	case ranged:
		key = nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeMark)
	case whole:
		data = nftables.TypeIPAddr
	}
	return key, data
}

// sets returns the sets of rs that hold its content, as they are called in generation g. Their elements come later.
func (rs *Ruleset) sets(g generation) []*nftables.Set {
	table := tableOf(rs.instance)
	var out []*nftables.Set
	for _, m := range rs.maps {
		key, data := shareTypes(m.kind)
		out = append(out, &nftables.Set{
			Table: table, Name: g.of(m.name()), IsMap: true, DataInterval: m.kind != whole,
			KeyType: key, DataType: data, Size: uint32(min(m.size(), 1<<32-1)),
		})
	}
	for name := range rs.addressSets() {
		out = append(out, &nftables.Set{Table: table, Name: g.of(name), KeyType: nftables.TypeIPAddr, Interval: true})
	}
	slices.SortStableFunc(out[len(rs.maps):], func(a, b *nftables.Set) int { return setOrder(a.Name) - setOrder(b.Name) })
	return out
}

// addressSets returns the sets of addresses, by name.
func (rs *Ruleset) addressSets() map[string][]alloc.AddrRange {
	if rs.partial {
		return nil
	}
	sets := map[string][]alloc.AddrRange{insideSet: rs.inside, outsideSet: rs.outside}
	if len(rs.exempt) > 0 {
		sets[exemptSet] = rs.exempt
	}
	return sets
}

func setOrder(name string) int {
	return slices.Index([]string{insideSet, outsideSet, exemptSet}, baseOf(name))
}

// planMarkSet is the set whose one element names the plan.
func planMarkSet(table *nftables.Table) *nftables.Set {
	return &nftables.Set{Table: table, Name: planSet, KeyType: nftables.TypeMark, KeyByteOrder: binaryutil.NativeEndian, Comment: planMark}
}

// stage makes the empty sets of generation g, and the table around them where it is missing. Nothing refers to them yet.
func (k *Kernel) stage(rs *Ruleset, st *state, g generation) error {
	table := tableOf(rs.instance)
	if !st.exists {
		k.nft.CreateTable(table)
	}
	for _, s := range rs.sets(g) {
		if err := k.nft.AddSet(s, nil); err != nil {
			return kernelErr("add set "+s.Name, err)
		}
	}
	if st.sets[planSet] == nil {
		if err := k.nft.AddSet(planMarkSet(table), nil); err != nil {
			return kernelErr("add set "+planSet, err)
		}
	}
	// Nobody else of ours is at it, and no rule refers to what is added, so it does not matter what others do meanwhile. It does if
	// the table is gone, of course.
	err := kernelFlush(fmt.Sprintf("add sets to table %s", table.Name), k.nft.Flush())
	if isMissing(err) || errors.Is(err, unix.EEXIST) {
		err = errors.Join(unix.ERESTART, err)
	}
	return err
}

// activate makes the staged generation g live: it replaces all rules, and takes away everything else that the table holds. It is
// one transaction and goes through only while the kernel is in the state st.
func (k *Kernel) activate(rs *Ruleset, st *state, g generation) error {
	table := tableOf(rs.instance)
	wanted := rs.chains(g)
	if st.flags != 0 {
		k.nft.AddTable(table) // with flags of its own: none
	}
	// Rules first, because they refer to everything; then sets, because their elements may refer to chains.
	for _, name := range slices.Sorted(maps.Keys(st.chains)) {
		k.nft.FlushChain(st.chains[name].Chain)
	}
	if err := k.replaceSets(rs, st, g); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(st.chains)) {
		if !slices.ContainsFunc(wanted, func(c chain) bool { return c.fits(st.chains[name]) }) {
			k.nft.DelChain(st.chains[name].Chain)
		}
	}
	k.replaceObjects(rs, st)
	for _, c := range wanted {
		if err := k.addChain(table, c, st.chains[c.name]); err != nil {
			return err
		}
	}
	return kernelFlush("put the rules of table "+table.Name+" in place", k.nft.FlushWithGenID(st.generation))
}

// replaceSets deletes the sets that are not of generation g, and puts the plan's mark in place.
func (k *Kernel) replaceSets(rs *Ruleset, st *state, g generation) error {
	keep := map[string]bool{}
	for _, s := range rs.sets(g) {
		keep[s.Name] = true
	}
	mark := st.sets[planSet]
	keep[planSet] = mark != nil && mark.Comment == planMark // else it is a stranger's, with our name
	for _, name := range slices.Sorted(maps.Keys(st.sets)) {
		// Anonymous sets go with their rules.
		if s := st.sets[name]; !keep[name] && !s.Anonymous {
			k.nft.DelSet(s)
		}
	}
	table := tableOf(rs.instance)
	if !keep[planSet] {
		if err := k.nft.AddSet(planMarkSet(table), nil); err != nil {
			return kernelErr("add set "+planSet, err)
		}
	}
	k.setMark(table, rs.mark())
	return nil
}

// hooks are the kernel's numbers of hooks.
var hooks = map[string]*nftables.ChainHook{"prerouting": nftables.ChainHookPrerouting, "postrouting": nftables.ChainHookPostrouting}

// fits reports whether a chain of the kernel is hooked where c wants to be.
func (c *chain) fits(sc *stateChain) bool {
	return sc.Name == c.name && string(sc.Type) == c.kind && sc.Hooknum != nil && *sc.Hooknum == *hooks[c.hook] &&
		sc.Priority != nil && int32(*sc.Priority) == c.priority && (sc.Policy == nil || *sc.Policy == nftables.ChainPolicyAccept)
}

func (k *Kernel) addChain(table *nftables.Table, c chain, old *stateChain) error {
	policy, priority := nftables.ChainPolicyAccept, nftables.ChainPriority(c.priority)
	nc := &nftables.Chain{Table: table, Name: c.name, Type: nftables.ChainType(c.kind), Hooknum: hooks[c.hook], Priority: &priority, Policy: &policy}
	if old == nil || !c.fits(old) {
		k.nft.AddChain(nc)
	}
	for _, r := range c.rules {
		var failed error
		exprs := r.rule.exprs(func(a anonymousSet) *nftables.Set {
			set := &nftables.Set{Table: table, Anonymous: true, Constant: true, KeyType: a.keyType}
			elements := make([]nftables.SetElement, len(a.keys))
			for i := range a.keys {
				elements[i].Key = []byte(a.keys[i : i+1])
			}
			failed = errors.Join(failed, k.nft.AddSet(set, elements))
			return set
		})
		if failed != nil {
			return kernelErr("add a set to chain "+c.name, failed)
		}
		k.nft.AddRule(&nftables.Rule{Table: table, Chain: nc, Exprs: exprs})
	}
	return nil
}

// objects returns the counter and the timeouts.
func (rs *Ruleset) objects() []*nftables.NamedObj {
	table := tableOf(rs.instance)
	out := []*nftables.NamedObj{{Table: table, Name: dropCounter, Type: nftables.ObjTypeCounter, Obj: &expr.Counter{}}}
	for _, t := range rs.timers {
		policy := expr.CtStatePolicyTimeout{}
		for _, s := range t.policy {
			policy[s.index] = s.seconds
		}
		out = append(out, &nftables.NamedObj{Table: table, Name: t.name, Type: nftables.ObjTypeCtTimeout,
			Obj: &expr.CtTimeout{L3Proto: unix.NFPROTO_IPV4, L4Proto: t.protocol, Policy: policy}})
	}
	return out
}

// replaceObjects adds what is missing, replaces what is wrong, and deletes what is not wanted. Nothing refers to them by now.
func (k *Kernel) replaceObjects(rs *Ruleset, st *state) {
	objectsMu.Lock()
	defer objectsMu.Unlock()
	right := map[string]bool{}
	wanted := rs.objects()
	for _, o := range wanted {
		right[o.Name] = sameObject(o, st.objects[o.Name])
	}
	for _, name := range slices.Sorted(maps.Keys(st.objects)) {
		if !right[name] {
			k.nft.DeleteObject(st.objects[name])
		}
	}
	for _, o := range wanted {
		if !right[o.Name] {
			k.nft.AddObj(o)
		}
	}
}

// setMark replaces the element that names the plan.
func (k *Kernel) setMark(table *nftables.Table, text string) {
	set := planMarkSet(table)
	k.nft.FlushSet(set)
	_ = k.nft.SetAddElements(set, []nftables.SetElement{{Key: binary.NativeEndian.AppendUint32(nil, planKey), Comment: text}})
}

// discard deletes what an interrupted apply has left.
func (k *Kernel) discard(st *state) error {
	for _, name := range st.leftovers() {
		k.nft.DelSet(st.sets[name])
	}
	return kernelFlush("delete what an interrupted apply left", k.nft.Flush())
}

// kernelFlush names the error of a transaction.
func kernelFlush(op string, err error) error {
	if err == nil {
		return nil
	}
	return kernelErr(op, err)
}

// isStale reports whether a transaction was refused because somebody changed nf_tables meanwhile.
func isStale(err error) bool { return errors.Is(err, unix.ERESTART) }
