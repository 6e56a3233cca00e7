//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A state is what the kernel holds of an instance, without the elements of its maps.
type state struct {
	generation uint32 // nf_tables' generation id when it was read
	exists     bool   // the table exists
	ours       bool   // and has our mark, or what only we would have
	flags      nftables.TableFlags
	live       generation
	loaded     bool                     // rules refer to a live generation
	mark       mark                     // what the set plan says
	sets       map[string]*nftables.Set // named ones
	chains     map[string]*stateChain
	objects    map[string]*nftables.NamedObj
	catchAlls  []string          // sets with an element for everything else
	anonymous  map[string]string // what sets hold that are written in place, by name
	rewrites   bool              // a rule gives packets other addresses or ports
}

type stateChain struct {
	*nftables.Chain
	exprs [][]expr.Any
	rules []string // signatures
}

// read reads the state of an instance.
func (k *Kernel) read(instance Instance) (*state, error) {
	st := &state{sets: map[string]*nftables.Set{}, chains: map[string]*stateChain{}, objects: map[string]*nftables.NamedObj{}, anonymous: map[string]string{}}
	gen, err := k.sock.generation()
	if err != nil {
		return nil, err
	}
	st.generation = gen.id
	table := tableOf(instance)
	tables, err := k.nft.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, kernelErr("list tables", err)
	}
	at := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == table.Name })
	if at < 0 {
		return st, nil
	}
	st.exists, st.flags = true, tables[at].Flags
	for _, step := range []func(*nftables.Table, *state) error{k.readSets, k.readObjects, k.readChains} {
		if err := step(table, st); err != nil {
			return nil, err
		}
	}
	// Somebody may have deleted the mark, of all things. A stranger's table would hardly have all of this.
	inside := false
	for name := range st.sets {
		inside = inside || baseOf(name) == insideSet
	}
	st.ours = st.ours || inside && st.chains[translateChain] != nil && st.chains[guardChain] != nil
	return st, nil
}

func tableOf(instance Instance) *nftables.Table {
	return &nftables.Table{Name: instance.Table(), Family: nftables.TableFamilyIPv4}
}

func (k *Kernel) readSets(table *nftables.Table, st *state) error {
	sets, err := k.nft.GetSets(table)
	if err != nil {
		return kernelErr("list sets", err)
	}
	for _, s := range sets {
		st.sets[s.Name] = s
		if s.Anonymous || !isContent(s.Name) {
			continue
		}
		found, err := k.sock.hasCatchAll(table.Name, s.Name)
		if err != nil {
			return err
		}
		if found {
			st.catchAlls = append(st.catchAlls, s.Name)
		}
	}
	set, ok := st.sets[planSet]
	if !ok || set.Comment != planMark {
		return nil
	}
	st.ours = true
	return k.sock.dump(table.Name, planSet, func() { st.mark = mark{} }, func(e kernelElement) error {
		st.mark = parseMark(e.comment)
		return nil
	})
}

// objectsMu keeps connections apart: the library encodes and decodes every timeout policy through maps that all of them share.
var objectsMu sync.Mutex

func (k *Kernel) readObjects(table *nftables.Table, st *state) error {
	objectsMu.Lock()
	defer objectsMu.Unlock()
	objects, err := k.nft.GetNamedObjects(table)
	if err != nil {
		return kernelErr("list objects", err)
	}
	for _, o := range objects {
		named, ok := o.(*nftables.NamedObj)
		if !ok {
			continue
		}
		if t, ok := named.Obj.(*expr.CtTimeout); ok {
			t.Policy = maps.Clone(t.Policy)
		}
		st.objects[named.Name] = named
	}
	return nil
}

func (k *Kernel) readChains(table *nftables.Table, st *state) error {
	chains, err := k.nft.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return kernelErr("list chains", err)
	}
	for _, c := range chains {
		if c.Table.Name != table.Name {
			continue
		}
		c.Table = table
		rules, err := k.nft.GetRules(table, c)
		if err != nil {
			return kernelErr("list rules of chain "+c.Name, err)
		}
		sc := &stateChain{Chain: c}
		for _, r := range rules {
			signature, err := k.ruleSignature(st, r.Exprs)
			if err != nil {
				return err
			}
			sc.exprs, sc.rules = append(sc.exprs, r.Exprs), append(sc.rules, signature)
			st.rewrites = st.rewrites || slices.ContainsFunc(r.Exprs, rewrites)
			st.noteLive(c.Name, r.Exprs)
		}
		st.chains[c.Name] = sc
	}
	return nil
}

// noteLive notes which generation of sets the rules use: that which the first rule of the chain that translates refers to.
func (st *state) noteLive(chain string, exprs []expr.Any) {
	for _, e := range exprs {
		l, ok := e.(*expr.Lookup)
		if !ok || st.loaded || chain != translateChain {
			continue
		}
		if base, g := splitName(l.SetName); base == insideSet {
			st.loaded, st.live = true, g
		}
	}
}

// unused returns a generation of which the table has no set.
func (st *state) unused() (generation, bool) {
	used := map[generation]bool{}
	for name := range st.sets {
		if isContent(name) {
			_, g := splitName(name)
			used[g] = true
		}
	}
	for g := range generation(generations) {
		if !used[g] {
			return g, true
		}
	}
	return 0, false
}

// same reports whether nothing of the table but elements can have changed between two states.
func (st *state) same(other *state) bool {
	if st.exists != other.exists || st.flags != other.flags || st.live != other.live || st.loaded != other.loaded || st.mark != other.mark ||
		!maps.EqualFunc(st.chains, other.chains, func(a, b *stateChain) bool { return slices.Equal(a.rules, b.rules) }) ||
		!maps.EqualFunc(st.objects, other.objects, sameObject) {
		return false
	}
	return maps.EqualFunc(st.sets, other.sets, func(a, b *nftables.Set) bool { return sameType(a, b) && a.Size == b.Size })
}

// ruleSignature returns a text that is equal for rules that do the same. Anonymous sets are written out.
func (k *Kernel) ruleSignature(st *state, exprs []expr.Any) (string, error) {
	var failed error
	s := signature(exprs, func(name string) string {
		set, ok := st.sets[name]
		if !ok || !set.Anonymous {
			return name
		}
		elements, err := k.nft.GetSetElements(set)
		if err != nil {
			failed = errors.Join(failed, kernelErr("list set "+name, err))
		}
		keys := make([]string, 0, len(elements))
		for _, e := range elements {
			keys = append(keys, string(e.Key[:1]))
		}
		slices.Sort(keys)
		st.anonymous[name] = anonymousName(strings.Join(keys, ""))
		return st.anonymous[name]
	})
	return s, failed
}

func anonymousName(keys string) string { return fmt.Sprintf("{%x}", keys) }

// signature renders expressions without what the kernel adds or the library loses: identifiers of the transaction, flags that
// follow from the registers. The marks of tables in the kernel depend on its text, see digest, and so it does not depend on what
// types the library has.
func signature(exprs []expr.Any, setName func(string) string) string {
	var b strings.Builder
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Lookup:
			fmt.Fprintf(&b, "lookup %d %s invert=%t map=%t %d; ", e.SourceRegister, setName(e.SetName), e.Invert, e.IsDestRegSet, e.DestRegister)
		case *expr.NAT:
			fmt.Fprintf(&b, "nat %d family=%d %d-%d:%d-%d random=%t,%t persistent=%t; ", e.Type, e.Family,
				e.RegAddrMin, max(e.RegAddrMax, e.RegAddrMin), e.RegProtoMin, max(e.RegProtoMax, e.RegProtoMin), e.Random, e.FullyRandom, e.Persistent)
		case *expr.Payload:
			fmt.Fprintf(&b, "payload %d base=%d %d+%d registers=%d,%d checksum=%d,%d,%d; ", e.OperationType, e.Base, e.Offset, e.Len,
				e.SourceRegister, e.DestRegister, e.CsumType, e.CsumOffset, e.CsumFlags)
		case *expr.Cmp:
			fmt.Fprintf(&b, "cmp %d %d %x; ", e.Op, e.Register, e.Data)
		case *expr.Meta:
			fmt.Fprintf(&b, "meta %d %d set=%t; ", e.Key, e.Register, e.SourceRegister)
		case *expr.Ct:
			fmt.Fprintf(&b, "ct %d %d set=%t direction=%d,%t; ", e.Key, e.Register, e.SourceRegister, e.Direction, e.OptDirection)
		case *expr.Bitwise:
			fmt.Fprintf(&b, "bitwise %d %d length=%d %x %x; ", e.SourceRegister, e.DestRegister, e.Len, e.Mask, e.Xor)
		case *expr.Hash:
			fmt.Fprintf(&b, "hash %d %d %d length=%d modulus=%d seed=%d offset=%d; ", e.Type, e.SourceRegister, e.DestRegister, e.Length, e.Modulus, e.Seed, e.Offset)
		case *expr.Objref:
			fmt.Fprintf(&b, "object %d %s; ", e.Type, e.Name)
		case *expr.Verdict:
			fmt.Fprintf(&b, "verdict %d %s; ", e.Kind, e.Chain)
		default:
			fmt.Fprintf(&b, "%T %s; ", e, strings.TrimPrefix(fmt.Sprintf("%+v", e), "&"))
		}
	}
	return b.String()
}

// rewrites reports whether an expression gives a packet another address or port.
func rewrites(e expr.Any) bool {
	switch e := e.(type) {
	case *expr.NAT, *expr.Masq, *expr.Redir:
		return true
	case *expr.Payload:
		return e.OperationType == expr.PayloadWrite
	}
	return false
}

// gives reports whether the table gives ports to anybody: rules translate, and the table is not dormant.
func (st *state) gives() bool { return st.rewrites && st.flags&dormant == 0 }

// dormant is NFT_TABLE_F_DORMANT.
const dormant = 1

// sameObject reports whether an object of the kernel does what is wanted. A counter's value does not count, and of a timeout
// policy only the states that are wanted: the kernel fills in the others.
func sameObject(wanted, kernel *nftables.NamedObj) bool {
	if kernel == nil || kernel.Type != wanted.Type {
		return false
	}
	want, ok := wanted.Obj.(*expr.CtTimeout)
	if !ok {
		return true
	}
	have, ok := kernel.Obj.(*expr.CtTimeout)
	if !ok || have.L3Proto != want.L3Proto || have.L4Proto != want.L4Proto {
		return false
	}
	for state, seconds := range want.Policy {
		if have.Policy[state] != seconds {
			return false
		}
	}
	return true
}

// leftovers returns the names of staged sets that no rule refers to: what an interrupted apply has left.
func (st *state) leftovers() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(st.sets)) {
		s := st.sets[name]
		if _, g := splitName(name); !s.Anonymous && isContent(name) && (!st.loaded || g != st.live) {
			out = append(out, name)
		}
	}
	return out
}

// kernelErr wraps an error of the library so that it says what was asked for.
func kernelErr(op string, err error) error {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return &KernelError{Op: op, Errno: errno}
	}
	return fmt.Errorf("%s: %w", op, err)
}
