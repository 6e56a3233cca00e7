package ebpf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Overlap is an instance that has some of a plan's outside addresses.
type Overlap struct {
	Instance, SHA256 string     // of its plan
	Address          netip.Addr // the lowest one in question
}

// Overlaps returns the instances in the network namespace of the calling thread that have some of a plan's outside addresses, in
// ascending order. Apply looks itself; this is for who translates by other means. Instances of releases with another layout
// are left out. The error wraps ErrMount or ErrPermission.
func Overlaps(plan *alloc.Plan) ([]Overlap, error) {
	f, err := findFolder("")
	if err != nil {
		return nil, err
	}
	names, err := Instances()
	if err != nil {
		return nil, err
	}
	return f.overlaps(names, outsideOf(plan))
}

func (f folder) overlaps(names []string, outside []alloc.AddrRange) (out []Overlap, err error) {
	for _, name := range names {
		records, err := f.sibling(name).claims()
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			theirs, err := r.outside()
			if err != nil {
				return nil, err
			}
			if a, found := common(outside, theirs); found {
				out = append(out, Overlap{name, r.SHA256, a})
				break
			}
		}
	}
	return out, nil
}

// checkOthers refuses addresses and interfaces that another instance of the network namespace has. An outside port would have
// two owners, and whose program is on an interface translates alone. The same inside addresses behind other interfaces are
// allowed: they are other subscribers.
func (f folder) checkOthers(plan *alloc.Plan, want record) error {
	names, err := f.others()
	if err != nil {
		return err
	}
	over, err := f.overlaps(names, outsideOf(plan))
	if err != nil {
		return err
	}
	if len(over) > 0 {
		return fmt.Errorf("%w: outside address %v is in the plan of instance %s: give every address to one instance, or remove that one",
			ErrConflict, over[0].Address, over[0].Instance)
	}
	for _, name := range names {
		records, err := f.sibling(name).claims()
		if err != nil {
			return err
		}
		for _, r := range records {
			if s, found := want.shares(r); found {
				return fmt.Errorf("%w: %s: instance %s has its programs there: an interface, or the card below a VLAN, belongs to one instance: "+
					"take it from that one first, or remove that one", ErrInterface, s.on, name)
			}
		}
	}
	return nil
}

// others returns the names of the other instances of the network namespace.
func (f folder) others() (names []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", permission(err))
	}
	for _, e := range entries {
		if e.Name() != f.instance {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sibling returns the folder of another instance of the same network namespace.
func (f folder) sibling(name string) folder {
	return folder{filepath.Join(filepath.Dir(f.path), name), name}
}

// claims returns what an instance is, and what it is about to be: a process that was killed leaves a generation that the next Open
// puts in force. One that was in force before claims nothing.
func (f folder) claims() (out []record, err error) {
	for _, path := range []string{f.live(), f.next()} {
		r, err := readRecord(filepath.Join(path, "meta"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // there is none, or it is not whole
		}
		if err != nil {
			return nil, fmt.Errorf("look at instance %s: %w", f.instance, permission(err))
		}
		if len(out) == 0 || r.Serial > out[0].Serial {
			out = append(out, r)
		}
	}
	return out, nil
}

// outside returns the outside addresses. They are read from the canonical form as it stands: a plan with scheme random is parsed
// only with its keys, which are those of the other instance.
func (r record) outside() (out []alloc.AddrRange, err error) {
	var doc struct {
		Pools []struct {
			Outside []alloc.AddrRange     `json:"outside"`
			Shares  []alloc.ExplicitShare `json:"shares"` // of scheme explicit, instead
		} `json:"pools"`
	}
	if err := json.Unmarshal([]byte(r.Plan), &doc); err != nil {
		return nil, fmt.Errorf("read the plan %s of another instance: %w", r.SHA256, err)
	}
	for _, p := range doc.Pools {
		out = append(out, p.Outside...)
		seen := make(map[netip.Addr]bool)
		for _, share := range p.Shares {
			if seen[share.Outside] {
				continue
			}
			seen[share.Outside] = true
			alone, err := alloc.AddrRangeFrom(share.Outside, share.Outside)
			if err != nil {
				return nil, fmt.Errorf("read the plan %s of another instance: %w", r.SHA256, err)
			}
			out = append(out, alone)
		}
	}
	return out, nil
}

// shares returns a spot where the programs of another record run, too.
func (r record) shares(other record) (spot, bool) {
	taken := make(map[string]bool)
	for _, s := range other.spots(nil) { // only the names of programs depend on realms
		taken[s.pin()] = true
	}
	spots := r.spots(nil)
	if i := slices.IndexFunc(spots, func(s spot) bool { return taken[s.pin()] }); i >= 0 {
		return spots[i], true
	}
	return spot{}, false
}

func outsideOf(plan *alloc.Plan) (out []alloc.AddrRange) {
	for p := range plan.Pools() {
		out = slices.AppendSeq(out, p.OutsideRanges())
	}
	return out
}

// common returns the lowest address that both lists have.
func common(a, b []alloc.AddrRange) (netip.Addr, bool) {
	byFirst := func(r, s alloc.AddrRange) int { return r.First().Compare(s.First()) }
	a, b = slices.SortedFunc(slices.Values(a), byFirst), slices.SortedFunc(slices.Values(b), byFirst)
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Last().Less(b[0].First()):
			a = a[1:]
		case b[0].Last().Less(a[0].First()):
			b = b[1:]
		case a[0].First().Less(b[0].First()):
			return b[0].First(), true
		default:
			return a[0].First(), true
		}
	}
	return netip.Addr{}, false
}
