package ebpf

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// An Interface is a link of this host that packets come in on.
type Interface struct {
	Name string
	// Realm is the plan's realm of the inside addresses behind it. An outside interface has none.
	Realm string
}

// A Key decides which port of its share an inside endpoint gets first. Who does not know it cannot foresee ports; two nodes
// with the same key and plan choose the same ones, so that one can stand in for the other.
type Key [16]byte

// NewKey returns a random key.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // it never fails
	return k
}

// Config is what a Datapath is made of.
type Config struct {
	Plan *alloc.Plan
	// Inside are the interfaces towards the subscribers, Outside those towards everybody else. They differ.
	Inside, Outside []Interface
	// Key is what ports follow from; by default it is random.
	Key Key
	// Policy is how all pools behave that Policies does not name. The zero Policy stands for DefaultPolicy.
	Policy   Policy
	Policies map[string]Policy
}

// A Datapath is a plan in force: programs in the kernel, attached to interfaces, and the mappings of subscribers.
type Datapath struct {
	coll   *ebpf.Collection
	links  []link.Link
	tables *Tables
	slots  []*ebpf.Map // of the outside addresses, by row
	tick   time.Duration
}

// Load loads the programs and attaches them.
func Load(c Config) (*Datapath, error) {
	tables, err := NewTables(c.Plan)
	if err != nil {
		return nil, err
	}
	d := &Datapath{tables: tables}
	if err := d.load(c); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.attach(c); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Datapath) load(c Config) error {
	spec, err := bpf.LoadCgnat()
	if err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	if err := d.tables.size(spec); err != nil {
		return err
	}
	return d.loadMaps(spec, c)
}

// loadMaps loads a specification whose plan maps have their sizes, and fills its maps.
func (d *Datapath) loadMaps(spec *ebpf.CollectionSpec, c Config) (err error) {
	n := uint32(max(1, len(d.tables.rows)))
	spec.Maps[bpf.CgnatMapSlots].MaxEntries = n
	spec.Maps[bpf.CgnatMapAccounts].MaxEntries = n
	spec.Maps[bpf.CgnatMapPolicies].MaxEntries = uint32(max(1, len(d.tables.pools)))
	if c.Key == (Key{}) {
		c.Key = NewKey()
	}
	key := [2]uint64{binary.LittleEndian.Uint64(c.Key[:8]), binary.LittleEndian.Uint64(c.Key[8:])}
	if err := spec.Variables["home_key"].Set(key); err != nil {
		return fmt.Errorf("set the key: %w", err)
	}
	shift, tick, err := tickShift()
	if err != nil {
		return err
	}
	d.tick = tick
	if err := spec.Variables["tick_shift"].Set(shift); err != nil {
		return fmt.Errorf("set the tick: %w", err)
	}
	if d.coll, err = ebpf.NewCollection(spec); err != nil {
		return fmt.Errorf("load the programs: %w", err)
	}
	if err := d.tables.fill(d.coll.Maps); err != nil {
		return err
	}
	if err := d.addAddresses(spec); err != nil {
		return err
	}
	return d.setPolicies(c)
}

// addAddresses makes the slots and accounts of every outside address.
func (d *Datapath) addAddresses(spec *ebpf.CollectionSpec) error {
	slots := spec.Maps[bpf.CgnatMapSlots].InnerMap
	for i, r := range d.tables.rows {
		s, err := ebpf.NewMap(slots)
		if err != nil {
			return fmt.Errorf("make the slots of %v: %w", fromWire(r.Addr), err)
		}
		d.slots = append(d.slots, s)
		if err := d.coll.Maps[bpf.CgnatMapSlots].Put(uint32(i), s); err != nil {
			return fmt.Errorf("add the slots of %v: %w", fromWire(r.Addr), err)
		}
		accounts := spec.Maps[bpf.CgnatMapAccounts].InnerMap.Copy()
		accounts.MaxEntries = d.tables.pools[r.Pool].Ratio
		a, err := ebpf.NewMap(accounts)
		if err != nil {
			return fmt.Errorf("make the accounts of %v: %w", fromWire(r.Addr), err)
		}
		err = d.coll.Maps[bpf.CgnatMapAccounts].Put(uint32(i), a)
		if err = errors.Join(err, a.Close()); err != nil {
			return fmt.Errorf("add the accounts of %v: %w", fromWire(r.Addr), err)
		}
	}
	return nil
}

// attach attaches the programs to the interfaces.
func (d *Datapath) attach(c Config) error {
	for _, in := range c.Inside {
		if err := d.attachTo(in.Name, bpf.CgnatProgCgnInside, bpf.CgnatProgCgnInsideSlow); err != nil {
			return err
		}
	}
	for _, out := range c.Outside {
		if err := d.attachTo(out.Name, bpf.CgnatProgCgnOutside, bpf.CgnatProgCgnOutsideSlow); err != nil {
			return err
		}
	}
	return nil
}

// attachTo attaches the program of the driver and the one behind it to an interface. The one behind comes first: until it is
// there, a packet that the driver leaves to it would go on untranslated.
func (d *Datapath) attachTo(name, driver, behind string) error {
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("attach to %s: %w", name, err)
	}
	slow, err := link.AttachTCX(link.TCXOptions{Program: d.coll.Programs[behind], Interface: ifc.Index, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return fmt.Errorf("attach tcx to %s: %w", name, err)
	}
	d.links = append(d.links, slow)
	l, err := link.AttachXDP(link.XDPOptions{Program: d.coll.Programs[driver], Interface: ifc.Index, Flags: link.XDPDriverMode})
	if err != nil {
		return fmt.Errorf("attach XDP to %s: %w", name, err)
	}
	d.links = append(d.links, l)
	return nil
}

// Close detaches the programs and lets go of everything.
func (d *Datapath) Close() error {
	var errs []error
	for _, l := range d.links {
		errs = append(errs, l.Close())
	}
	for _, s := range d.slots {
		errs = append(errs, s.Close())
	}
	if d.coll != nil {
		d.coll.Close()
	}
	return errors.Join(errs...)
}
