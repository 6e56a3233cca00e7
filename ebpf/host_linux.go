package ebpf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// bpffs is where the BPF filesystem is by convention.
const bpffs = "/sys/fs/bpf"

// maxMountInfo is what is read of a list of mounts, in bytes: ten thousand mounts and more.
const maxMountInfo = 4 << 20

// namespaceCookie returns the number of the network namespace that the calling thread is in. It is never used again, unlike
// inode numbers.
func namespaceCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("identify the network namespace: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = fmt.Errorf("%w: SO_NETNS_COOKIE needs Linux 5.14", ErrKernel)
	}
	if err != nil {
		return 0, fmt.Errorf("identify the network namespace: %w", err)
	}
	return cookie, nil
}

// requireBPFFS sees to it that there is a BPF filesystem that outlives this process. It mounts one only where mount says so.
func requireBPFFS(mount bool) error {
	var st unix.Statfs_t
	if err := unix.Statfs(bpffs, &st); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at %s: %w", bpffs, err)
	}
	if uint32(st.Type) == unix.BPF_FS_MAGIC {
		return nil
	}
	if err := lastingMounts(); err != nil {
		return err
	}
	if !mount {
		return fmt.Errorf("%w: nothing is mounted at %s", ErrNotLoaded, bpffs)
	}
	if err := unix.Mount("bpf", bpffs, "bpf", 0, "mode=0700"); err != nil {
		return fmt.Errorf("%w: mount it with `mount -t bpf none %s`: %w", ErrMount, bpffs, err)
	}
	return nil
}

// lastingMounts refuses a mount namespace of this process's own, such as that of ip netns exec, which mounts another /sys: what
// is mounted there goes with the process, and all pins with it.
func lastingMounts() error {
	own, err := mountsOf("thread-self")
	var first []byte
	if err == nil {
		first, err = mountsOf("1")
	}
	if err != nil {
		return fmt.Errorf("%w: which mount namespace this is cannot be told: %w; mount it with `mount -t bpf none %s`", ErrMount, err, bpffs)
	}
	if !shareMount(own, first) {
		return fmt.Errorf("%w: %s is not mounted in this mount namespace, which ends with the process; "+
			"enter the network namespace with `nsenter --net=/run/netns/NAME` instead of `ip netns exec NAME`, "+
			"or mount it first with `mount -t bpf none %s`", ErrMount, bpffs, bpffs)
	}
	return nil
}

// mountsOf reads what a process sees mounted. Everybody may, while the link to the namespace itself is for who may trace the
// process, which of the first not even root may everywhere.
func mountsOf(process string) ([]byte, error) {
	f, err := os.Open("/proc/" + process + "/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxMountInfo))
}

// shareMount says whether two lists of mounts are of one mount namespace: the number that each begins with is of one mount in one
// namespace, and a copy of the namespace has others.
func shareMount(a, b []byte) bool {
	seen := make(map[string]bool)
	for line := range bytes.Lines(a) {
		number, _, _ := bytes.Cut(line, []byte(" "))
		seen[string(number)] = true
	}
	for line := range bytes.Lines(b) {
		if number, _, _ := bytes.Cut(line, []byte(" ")); seen[string(number)] {
			return true
		}
	}
	return false
}

// lockFolder takes the lock of a folder, which goes with the process, however that ends.
func lockFolder(path string) (release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w: another process is changing what is pinned there", path, ErrBusy)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// Who had the lock may have taken the folder away.
	mine, err := f.Stat()
	if err == nil {
		var now os.FileInfo
		if now, err = os.Stat(path); err == nil && !os.SameFile(mine, now) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() {
		// A process that is being started has a copy of the descriptor for a moment, and with it the lock.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		f.Close()
	}, nil
}

// exchange swaps two folders at once.
func exchange(a, b string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return nil
}

// cloneLink returns another handle of a link, which knows nothing of its pins.
func cloneLink(l link.Link) (link.Link, error) {
	has, ok := l.(interface{ FD() int })
	if !ok {
		return nil, fmt.Errorf("clone a link: %T has no descriptor", l)
	}
	fd, err := unix.FcntlInt(uintptr(has.FD()), unix.F_DUPFD_CLOEXEC, 0)
	runtime.KeepAlive(l)
	if err != nil {
		return nil, fmt.Errorf("clone a link: %w", err)
	}
	return link.NewFromFD(fd)
}

// attachBehind attaches a program behind the driver of an interface.
func attachBehind(p *ebpf.Program, index int) (link.Link, error) {
	return link.AttachTCX(link.TCXOptions{Program: p, Interface: index, Attach: ebpf.AttachTCXIngress})
}

// attachDriver attaches a program in the driver of an interface, never in front of one that cannot run it.
func attachDriver(p *ebpf.Program, index int) (link.Link, error) {
	return link.AttachXDP(link.XDPOptions{Program: p, Interface: index, Flags: link.XDPDriverMode})
}

// linkIndex returns the interface of a link, 0 when it is gone.
func linkIndex(info *link.Info) uint32 {
	if x := info.XDP(); x != nil {
		return x.Ifindex
	}
	if x := info.TCX(); x != nil {
		return x.Ifindex
	}
	return 0
}

// monotonic returns the time of the clock that the kernel stamps events with.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // every kernel has this clock
	}
	return time.Duration(now.Nano())
}

// availableMemory returns how many bytes the host can give without swapping. ok is false where it does not say.
func availableMemory() (bytes uint64, ok bool) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &bytes); err == nil {
			return bytes << 10, true
		}
	}
	return 0, false
}

// missingCapabilities returns those that this thread has not, of those that it takes. The kernel has no better answer: without
// CAP_PERFMON it checks programs so thoroughly that it gives up.
func missingCapabilities() (names []string) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return nil // and let the kernel say what it thinks
	}
	has := func(c int) bool { return data[c/32].Effective&(1<<(c%32)) != 0 }
	admin := has(unix.CAP_SYS_ADMIN) // which stands for two of them
	for _, c := range []struct {
		name string
		has  bool
	}{
		{"CAP_BPF", admin || has(unix.CAP_BPF)}, {"CAP_NET_ADMIN", has(unix.CAP_NET_ADMIN)}, {"CAP_PERFMON", admin || has(unix.CAP_PERFMON)},
	} {
		if !c.has {
			names = append(names, c.name)
		}
	}
	return names
}

// mapMemory maps the memory of a map of the kernel, read-only.
func mapMemory(fd, size int) ([]byte, error) {
	return unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmapMemory(b []byte) { _ = unix.Munmap(b) } // which fails only for what was never mapped
