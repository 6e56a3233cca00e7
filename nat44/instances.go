//go:build linux

package nat44

import (
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// An InstanceState is what the kernel holds of an instance.
type InstanceState struct {
	Instance Instance
	SHA256   string // of the plan, "" where the kernel does not say
	Loaded   bool   // rules translate
	// Subscribers is how many have a share.
	Subscribers uint64
	// Untranslated is how many packets the guard has dropped, and Bytes how long they were.
	Untranslated, Bytes uint64
}

// Generation returns the number of the last transaction of nf_tables in the network namespace, whoever made it. As long as it
// stays the same, no table, chain, rule, set or element was changed by anybody. It does not know of routes: see RouteWatch. It costs one
// message to the kernel and one back.
func (k *Kernel) Generation() (uint32, error) {
	g, err := k.sock.generation()
	return g.id, err
}

// InForce returns the SHA-256 of the plan whose rules translate for an instance, or "" where there are none or the kernel does
// not say which. It reads tables, chains and rules, and no element.
func (k *Kernel) InForce(instance Instance) (sha256 string, err error) {
	st, err := k.read(instance)
	if err != nil || !st.exists || !st.ours || !st.loaded {
		return "", err
	}
	return st.mark.plan, nil
}

// Instances returns the instances in the network namespace, in the order of the kernel. Tables that others have made are left out.
func (k *Kernel) Instances() ([]InstanceState, error) {
	tables, err := k.nft.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, kernelErr("list tables", err)
	}
	var out []InstanceState
	for _, t := range tables {
		instance, err := ParseInstance(strings.TrimPrefix(t.Name, DefaultInstance+"_"))
		if err != nil || instance.Table() != t.Name {
			continue
		}
		st, err := k.read(instance)
		if err != nil {
			return nil, err
		}
		if !st.exists || !st.ours {
			continue
		}
		s := InstanceState{Instance: instance, SHA256: st.mark.plan, Loaded: st.loaded}
		if s.Subscribers, err = k.subscribers(instance, st); err != nil {
			return nil, err
		}
		s.Untranslated, s.Bytes = st.untranslated()
		out = append(out, s)
	}
	return out, nil
}

// Untranslated returns how many packets of subscribers no rule translated, and how long they were: they were dropped. It reads
// what InForce reads. The error wraps ErrNotLoaded.
func (k *Kernel) Untranslated(instance Instance) (packets, bytes uint64, err error) {
	st, err := k.read(instance)
	if err != nil {
		return 0, 0, err
	}
	if !st.exists || !st.ours {
		return 0, 0, fmt.Errorf("%w: %s", ErrNotLoaded, instance)
	}
	packets, bytes = st.untranslated()
	return packets, bytes, nil
}

// untranslated returns what the guard has counted.
func (s *state) untranslated() (packets, bytes uint64) {
	if o := s.objects[dropCounter]; o != nil {
		if c, ok := o.Obj.(*expr.Counter); ok {
			return c.Packets, c.Bytes
		}
	}
	return 0, 0
}

// subscribers counts who has a share, in all maps.
func (k *Kernel) subscribers(instance Instance, st *state) (total uint64, err error) {
	for _, p := range st.primaries() {
		n, err := k.countShares(instance.Table(), p)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
