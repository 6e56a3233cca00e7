package ebpf

import "errors"

// Errors of this package to compare with errors.Is. ErrTooManyRanges is another.
var (
	// ErrInstance means: a name cannot be that of an instance.
	ErrInstance = errors.New("invalid instance name")
	// ErrInterface means: an interface does not exist, stands twice, has a realm that the plan has not, or cannot run XDP
	// programs in its driver, or belongs to somebody else.
	ErrInterface = errors.New("interface cannot be used")
	// ErrPolicy means: a policy has a value out of its range, or is that of a pool that the plan has not.
	ErrPolicy = errors.New("policy cannot be used")
	// ErrConflict means: another instance in this network namespace has some of the outside addresses.
	ErrConflict = errors.New("addresses belong to another instance")
	// ErrNotLoaded means: there is no such instance in this network namespace.
	ErrNotLoaded = errors.New("no such instance")
	// ErrVersion means: the instance was made by a release whose maps have another layout.
	ErrVersion = errors.New("pinned maps have another version")
	// ErrOutdated means: the programs are of an earlier release. Apply replaces them and keeps the mappings.
	ErrOutdated = errors.New("the programs are of an earlier release")
	// ErrDamaged means: pins of the instance are there and its record is not, so that nobody can say what they are. Remove takes them away.
	ErrDamaged = errors.New("the instance is damaged")
	// ErrChanged means: the instance has another plan than when it was opened, or is gone. Open it again.
	ErrChanged = errors.New("the instance has changed since it was opened")
	// ErrBusy means: another process is changing the instance, or applies another one in this network namespace, or a packet holds the
	// lock of a subscriber.
	ErrBusy = errors.New("busy")
	// ErrMount means: what is pinned would not outlive this process, or cannot be seen from it.
	ErrMount = errors.New("no BPF filesystem that lasts")
	// ErrKernel means: the kernel lacks something that is needed.
	ErrKernel = errors.New("the kernel is too old")
	// ErrMemory means: the kernel refused memory for a map.
	ErrMemory = errors.New("no memory for maps")
	// ErrPermission means: a capability is missing; see the documentation of the package.
	ErrPermission = errors.New("not permitted")
	// ErrInexpressible means: the plan has no pool of NAT44, and the programs translate for no others.
	ErrInexpressible = errors.New("the XDP backend cannot express this plan")
)
