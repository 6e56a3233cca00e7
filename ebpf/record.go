package ebpf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A record says what a generation is. It is pinned with it, and written last: a generation with a record is whole.
type record struct {
	Layout   int                  `json:"layout"`
	Serial   uint64               `json:"serial"` // of the generation: the later, the higher
	Object   string               `json:"object"` // SHA-256 of the program code
	SHA256   string               `json:"plan_sha256"`
	Plan     string               `json:"plan"` // canonical form
	Key      string               `json:"key"`
	Policies []bpf.CgnatCgnPolicy `json:"policies"` // by pool
	upcoming
	Links  []attachment `json:"links"`
	Tagged bool         `json:"tagged"`           // an interface is a VLAN: the driver's program reads tags, on all cards
	Behind bool         `json:"behind,omitempty"` // the slow way is there, also without interfaces
}

// An attachment is an interface with our programs on it.
type attachment struct {
	Name   string `json:"name"`
	Index  int    `json:"index"`
	Inside bool   `json:"inside"`
	Realm  string `json:"realm,omitempty"`
	Lead   lead   `json:"lead"`
}

// newRecord returns the record of what c asks for; live is what there is, or nil.
func newRecord(c Config, live *generation) (record, error) {
	r := record{Layout: layout, Serial: 1, Object: bpf.Digest(), SHA256: c.Plan.SHA256(), Plan: string(c.Plan.AppendCanonical(nil))}
	key := c.Key
	if live != nil {
		r.Serial = live.record.Serial + 1
		if key == (Key{}) {
			key = live.record.key()
		}
	}
	if key == (Key{}) {
		key = NewKey()
	}
	r.Key = hex.EncodeToString(key[:])
	c, err := c.keep(live)
	if err != nil {
		return record{}, err
	}
	if err := r.setPolicies(c, live); err != nil {
		return record{}, err
	}
	r.Links, err = c.attachments()
	r.Behind = c.behind
	r.Tagged = c.tagged || slices.ContainsFunc(r.Links, func(a attachment) bool { return a.Lead.Tags > 0 })
	return r, err
}

// keep fills in the interfaces that c asks to be kept.
func (c Config) keep(live *generation) (Config, error) {
	if !c.KeepInterfaces {
		return c, nil
	}
	var inside, outside []Interface
	if live != nil {
		inside, outside = live.record.interfaces()
	}
	if len(c.Inside) == 0 {
		c.Inside = inside
		if err := stillThere("inside", inside); err != nil {
			return c, err
		}
	}
	if len(c.Outside) == 0 {
		c.Outside = outside
		if err := stillThere("outside", outside); err != nil {
			return c, err
		}
	}
	if len(c.Inside) == 0 {
		return c, fmt.Errorf("%w: no inside interface is given, and the instance has none to keep", ErrInterface)
	}
	if len(c.Outside) == 0 {
		return c, fmt.Errorf("%w: no outside interface is given, and the instance has none to keep", ErrInterface)
	}
	return c, nil
}

// stillThere refuses to keep interfaces of a side that were renamed or deleted: nobody has named them now, and must.
func stillThere(side string, kept []Interface) error {
	for _, k := range kept {
		if _, err := net.InterfaceByName(k.Name); err != nil {
			return fmt.Errorf("%w: %s, which the instance has as an %s interface, is no longer there by this name: name all %s interfaces anew, without it: %w",
				ErrInterface, k.Name, side, side, err)
		}
	}
	return nil
}

// interfaces returns what the instance was given.
func (r record) interfaces() (inside, outside []Interface) {
	for _, a := range r.Links {
		if a.Inside {
			inside = append(inside, Interface{Name: a.Name, Realm: a.Realm})
		} else {
			outside = append(outside, Interface{Name: a.Name})
		}
	}
	return inside, outside
}

// attachments finds the interfaces in the network namespace of the calling thread.
func (c Config) attachments() ([]attachment, error) {
	var out []attachment
	seen := make(map[int]string)
	for i, ifc := range slices.Concat(c.Inside, c.Outside) {
		found, err := net.InterfaceByName(ifc.Name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInterface, ifc.Name, err)
		}
		if other, twice := seen[found.Index]; twice {
			return nil, fmt.Errorf("%w: %s and %s are the same: an interface is on one side, once", ErrInterface, other, ifc.Name)
		}
		seen[found.Index] = ifc.Name
		a := attachment{Name: ifc.Name, Index: found.Index, Inside: i < len(c.Inside), Realm: ifc.Realm}
		if err := a.checkRealm(c.Plan.Realms()); err != nil {
			return nil, err
		}
		if a.Lead, err = leadOf(a.Index); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// checkRealm sets the realm of an inside interface where none is given.
func (a *attachment) checkRealm(realms []string) error {
	switch {
	case !a.Inside && a.Realm != "":
		return fmt.Errorf("%w: %s is an outside interface and has realm %q: only inside interfaces have one", ErrInterface, a.Name, a.Realm)
	case a.Inside && a.Realm == "" && len(realms) == 1:
		a.Realm = realms[0]
	case a.Inside && a.Realm == "":
		a.Realm = alloc.DefaultRealm
	}
	if a.Inside && !slices.Contains(realms, a.Realm) {
		return fmt.Errorf("%w: %s has realm %q, and the plan has only %q", ErrInterface, a.Name, a.Realm, realms)
	}
	return nil
}

// key returns the key. A record that was written has a valid one.
func (r record) key() (k Key) {
	_, _ = hex.Decode(k[:], []byte(r.Key))
	return k
}

// planID returns what events have to say under which plan they were raised: the beginning of its hash. A record that was written has a whole one.
func (r record) planID() uint64 {
	var sum [8]byte
	_, _ = hex.Decode(sum[:], []byte(r.SHA256[:min(2*len(sum), len(r.SHA256))]))
	return binary.LittleEndian.Uint64(sum[:])
}

// same reports whether two records ask for the same.
func (r record) same(other record) bool {
	return r.Object == other.Object && r.SHA256 == other.SHA256 && r.Key == other.Key &&
		r.samePolicies(other) && slices.Equal(r.Links, other.Links)
}

// sameBut reports whether nothing but the release differs. Slots outlive their programs, so that those of an instance that is as it was
// have to be looked at then, too; that it is not whole follows from the release.
func (r record) sameBut(other record) bool {
	r.Object = other.Object
	return r.same(other)
}

// parse returns the plan. It may be one that is known; otherwise plans with scheme random need their keys.
func (r record) parse(known *alloc.Plan, keys []alloc.Key) (*alloc.Plan, error) {
	if known != nil && known.SHA256() == r.SHA256 {
		return known, nil
	}
	plan, err := alloc.ParseCanonical([]byte(r.Plan), keys...)
	if errors.Is(err, alloc.ErrKey) {
		return nil, fmt.Errorf("read the plan in force, %s: its pools with scheme random need their keys: %w", r.SHA256, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan in force, %s: %w", r.SHA256, err)
	}
	return plan, nil
}

// pin writes the record into a map and pins it.
func (r record) pin(path string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "meta", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(len(text)), MaxEntries: 1,
	})
	if err != nil {
		return mapError(err, "make the record", uint64(len(text)))
	}
	defer m.Close()
	if err := m.Put(uint32(0), text); err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	if err := freeze(m, "meta"); err != nil {
		return err
	}
	if err := m.Pin(path); err != nil {
		return fmt.Errorf("pin the record: %w", err)
	}
	return nil
}

// readRecord reads what pin wrote.
func readRecord(path string) (r record, err error) {
	m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
	if err != nil {
		return record{}, fmt.Errorf("open the record: %w", err)
	}
	defer m.Close()
	text, err := m.LookupBytes(uint32(0))
	if err != nil {
		return record{}, fmt.Errorf("read the record: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&r); err != nil {
		return record{}, fmt.Errorf("read the record: %w", err)
	}
	return r, r.fillDefault()
}
