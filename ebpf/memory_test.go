//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A refuser decides about every map that this process makes, in the kernel's place: the n-th is refused with ENOMEM, as one is that a
// memory cgroup has no room for. It sits where a system call enters the kernel (seccomp), so that nothing of ours is replaced.
type refuser struct {
	made, refuse atomic.Int64
	listener     int
}

// newRefuser lets itself be asked about bpf(BPF_MAP_CREATE) of all threads, from now on and for good.
func newRefuser() (*refuser, error) {
	const commandAt, numberAt = 16, 0 // struct seccomp_data: args[0], of which the low half counts, and nr
	low := uint32(0)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		low = 4
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: numberAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: commandAt + low},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.BPF_MAP_CREATE, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	flags := unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
		unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV // signals of the Go runtime would ask twice
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return nil, fmt.Errorf("seccomp: %w", errno)
	}
	r := &refuser{listener: int(fd)}
	go r.answer()
	return r, nil
}

// answer answers all questions.
func (r *refuser) answer() {
	type question struct { // struct seccomp_notif
		id         uint64
		pid, flags uint32
		data       [64]byte
	}
	type answer struct { // struct seccomp_notif_resp
		id    uint64
		value int64
		err   int32
		flags uint32
	}
	for {
		var q question
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(r.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&q))); errno != 0 {
			continue
		}
		a := answer{id: q.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if r.made.Add(1) == r.refuse.Load() {
			a = answer{id: q.id, err: -int32(unix.ENOMEM)}
		}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(r.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
	}
}

// without runs f and refuses the n-th map, none for 0. It returns how many f asked for.
func (r *refuser) without(n int64, f func() error) (int64, error) {
	r.made.Store(0)
	r.refuse.Store(n)
	err := f()
	return r.made.Load(), err
}

// memoryConfig has eight addresses that stay, and eight that come and go.
func memoryConfig(outside string, inside ...Interface) Config {
	plan := must(alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "pool", Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29 " + outside), SharingRatio: 64}}}))
	c := withLinks(Config{Plan: plan, Key: Key{1}})
	c.Inside = append(c.Inside, inside...)
	return c
}

var memoryRefused = regexp.MustCompile(`^apply to instance cgn: no memory for maps: .*cannot allocate memory: ` +
	`the slots of 8 new outside addresses take 24 MiB and all other maps about \d+ MiB: the host has less to give, or the memory cgroup of this process`)

// refuseMemory is what the test binary does when it is started once more: it applies a plan again and again, and another map is refused
// every time. What was in force stays, with all its slots, and nothing is left of what was being made.
func refuseMemory() error {
	r, err := newRefuser()
	if err != nil {
		return err
	}
	apply := func(c Config) func() error {
		return func() error {
			d, err := Apply(c)
			if err == nil {
				_ = d.Close()
			}
			return err
		}
	}
	if _, err := r.without(0, apply(memoryConfig("192.0.2.8/29"))); err != nil { // what the kernel can do is asked only once
		return err
	}
	before := memoryConfig("192.0.2.24/29")
	all, err := r.without(0, apply(before))
	if err != nil {
		return err
	}
	rounds := []int64{1, all - 1, all} // the last one is the record: programs are on the new interface by then
	for range 7 {
		rounds = append(rounds, 1+rand.Int64N(all))
	}
	want := memoryConfig("192.0.2.16/29", Interface{Name: "extra"})
	for _, n := range rounds {
		if _, err := r.without(n, apply(want)); !errors.Is(err, ErrMemory) || !memoryRefused.MatchString(err.Error()) {
			return fmt.Errorf("map %d of %d is refused: %w", n, all, err)
		}
		if err := untouched(before.Plan); err != nil {
			return fmt.Errorf("after map %d of %d was refused: %w", n, all, err)
		}
	}
	_, err = r.without(0, apply(want))
	return err
}

// untouched reports what is wrong with an instance that should have a plan, whole, and nothing beside.
func untouched(plan *alloc.Plan) error {
	f, err := findFolder("")
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.next()); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is left: %w", f.next(), err)
	}
	d, err := Open("")
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	var found []string
	if _, err := d.Verify(plan, func(d Difference) { found = append(found, d.String()) }); err != nil {
		return err
	}
	out, err := exec.Command("ip", "link", "show", "extra").CombinedOutput()
	if len(found) > 0 || strings.Contains(string(out), "xdp") {
		return fmt.Errorf("differences %q, the new interface %s", found, out)
	}
	return err
}

// When the kernel refuses memory for a map, whichever it is, what is in force stays in force and whole.
func TestMemoryRefused(t *testing.T) {
	s := newSite(t, memoryConfig(""))
	netnstest.Run(t, s.CGN, "ip", "link", "add", "extra", "type", "veth", "peer", "name", "extra-far")
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), applyWithoutMemory+"=1")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.CGN.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() { asked <- cmd.Wait() }()
	for done := false; !done; {
		select {
		case err := <-asked:
			if done = true; err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
		case <-time.After(50 * time.Millisecond):
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Fatalf("the server sees %v, %v; want %v", again, err, seen)
		}
	}
	if _, found := s.verify(memoryConfig("192.0.2.16/29").Plan); len(found) > 0 {
		t.Errorf("with memory again: %v", found)
	}
}
