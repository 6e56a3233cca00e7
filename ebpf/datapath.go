package ebpf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Interface is a link of this host that packets come in on.
type Interface struct {
	Name string
	// Realm is the plan's realm of the inside addresses behind it; "" = the only one, or alloc.DefaultRealm. An outside
	// interface has none.
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

// StepAttaching is the step of Apply before which all that takes long is done, and nothing that packets meet was changed: what comes after it takes some
// milliseconds, and longer only where many subscribers move. Config.Step may wait there for the instant of a change. Nobody else can
// change instances of the network namespace meanwhile; of a process that is killed there nothing stays.
const StepAttaching = "attaching programs"

// Config is what an instance is to be. The zero values of all but Plan mean something.
type Config struct {
	// Instance names what is pinned; "" = "cgn". Several do not touch each other.
	Instance string
	// Plan is required.
	Plan *alloc.Plan
	// Inside are the interfaces towards the subscribers, Outside those towards everybody else. None stands twice.
	Inside, Outside []Interface
	// Key is what ports follow from; the zero Key = the one that the instance has, or a random one.
	Key Key
	// Policy is how all pools behave that Policies does not name. The zero Policy is every default.
	Policy   Policy
	Policies map[string]Policy
	// KeepInterfaces and KeepPolicies take from the instance what is not given: the interfaces of a side that has none here,
	// and the policies of all pools, by name. A pool that the instance never had gets what Policies says, or the Policy that the
	// instance was given last, unless another one is given.
	KeepInterfaces, KeepPolicies bool
	// Keys are those of pools with scheme random of the plan that is in force, where that is not Plan itself.
	Keys []alloc.Key
	// Step is told what Apply is about to do: "loading programs", "making tables", "attaching programs", "changing over" and, after the
	// change, "ending what was before"; nothing of it where there is nothing to change. An error from it ends Apply, before the change: then
	// what was in force is in force, what was begun is removed, and the error is wrapped. nil = nobody is told.
	Step func(what string) error

	tagged    bool   // for tests: as if an interface were a VLAN
	behind    bool   // for tests: the slow way is loaded although there are no interfaces
	displaced uint32 // for tests: room for mappings that are not at home; 0 = as much as there is
}

// A Datapath is an instance that is open: a plan in force, programs in the kernel, attached to interfaces, and the mappings of
// subscribers. It is in the kernel and not in this process, which may end without a packet being lost. It is safe for
// concurrent use.
type Datapath struct {
	folder     folder
	generation *generation
}

// Open opens an instance of the network namespace of the calling thread; "" = "cgn". Plans that have pools with scheme random
// need their keys. The error wraps ErrInstance, ErrNotLoaded, ErrVersion, ErrDamaged, ErrMount or alloc.ErrKey.
//
// Where a process was killed while it changed the instance, Open finishes the change.
func Open(name string, keys ...alloc.Key) (*Datapath, error) {
	f, err := findFolder(name)
	if err != nil {
		return nil, err
	}
	if err := requireBPFFS(false); err != nil {
		return nil, err
	}
	if err := f.checkVersion(); err != nil {
		return nil, err
	}
	g, err := f.open(keys)
	if err == nil && g == nil {
		err = fmt.Errorf("%w: %s has no pins in %s; `cgnctl apply --backend xdp --instance %s` loads it", ErrNotLoaded, f.instance, f.path, f.instance)
	}
	if err != nil {
		return nil, fmt.Errorf("open instance %s: %w", f.instance, err)
	}
	return &Datapath{folder: f, generation: g}, nil
}

// open opens the generation in force. It recovers where nobody is at work.
func (f folder) open(keys []alloc.Key) (*generation, error) {
	if _, err := os.Stat(f.next()); errors.Is(err, fs.ErrNotExist) {
		return f.look(keys)
	}
	release, err := f.lock()
	if errors.Is(err, ErrBusy) {
		return f.look(keys)
	}
	if err != nil {
		return nil, err
	}
	defer release()
	return f.recover(nil, keys)
}

// look opens the generation in force without the lock. What is being removed meanwhile is not damaged.
func (f folder) look(keys []alloc.Key) (*generation, error) {
	g, err := f.openLive(nil, keys)
	if !errors.Is(err, ErrDamaged) {
		return g, err
	}
	if release, busy := lockFolder(f.path); busy == nil {
		release()
		return nil, f.checkDamage()
	}
	return nil, nil
}

// Plan returns the plan that was in force when the datapath was opened.
func (d *Datapath) Plan() *alloc.Plan { return d.generation.plan }

// Key returns the key of the instance: what a node that stands in for this one needs.
func (d *Datapath) Key() Key { return d.generation.record.key() }

// Interfaces returns the interfaces that the instance was given.
func (d *Datapath) Interfaces() (inside, outside []Interface) {
	return d.generation.record.interfaces()
}

// Close lets go of the instance. What is in the kernel stays as it is. The error is nil.
func (d *Datapath) Close() error {
	d.generation.close()
	return nil
}

// Remove takes an instance of the network namespace of the calling thread out of the kernel, whatever release has made it:
// programs, mappings, everything. Packets are no longer translated. That there is none is no error; others wrap ErrInstance,
// ErrBusy or ErrMount.
func Remove(name string) error {
	f, err := findFolder(name)
	if err != nil {
		return err
	}
	if err := requireBPFFS(false); err != nil {
		if errors.Is(err, ErrNotLoaded) {
			return nil
		}
		return err
	}
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	release, err := f.lock()
	if err != nil {
		return err
	}
	defer release()
	if err := f.remove(); err != nil {
		return fmt.Errorf("remove instance %s: %w", f.instance, err)
	}
	return nil
}

// remove detaches all programs, which a pin that is gone would not do where another process has the link open, and unpins
// everything.
func (f folder) remove() error {
	var errs []error
	for _, h := range []hook{driverHook, behindHook} {
		links, err := filepath.Glob(filepath.Join(f.path, "*", "*", "links", "*-"+h.name))
		errs = append(errs, err)
		for _, path := range links {
			errs = append(errs, detach(path))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.RemoveAll(f.path); err != nil {
		return err
	}
	f.tryRemove()
	return nil
}

func detach(path string) error {
	l, err := link.LoadPinnedLink(path, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Detach(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
