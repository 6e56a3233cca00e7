//go:build linux

package ebpf

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// needed are the capabilities that the documentation of the package names.
var needed = map[string]int{"BPF": unix.CAP_BPF, "NET_ADMIN": unix.CAP_NET_ADMIN, "PERFMON": unix.CAP_PERFMON}

// keepCapabilities starts the test binary once more with no other capabilities than set, a number. It does not return but with an
// error. Root gets at the start of a program what its bounding set has.
func keepCapabilities(set string) error {
	keep, err := strconv.ParseUint(set, 10, 64)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the set is a thread's, and the one that starts a program decides
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if keep&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return err
			}
		}
	}
	return syscall.Exec("/proc/self/exe", os.Args, []string{withoutCapabilities + "=" + cmp.Or(os.Getenv(askKernel), "1")})
}

// loadPrograms has the kernel check the programs, without asking before what it takes.
func loadPrograms() error {
	spec, err := bpf.LoadCgnat()
	if err != nil {
		return err
	}
	tables, err := NewTables(killConfig(0).Plan)
	if err == nil {
		err = tables.size(spec)
	}
	if err != nil {
		return err
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{LogDisabled: true}})
	if err == nil {
		coll.Close()
	}
	return err
}

// useCapabilities does everything that the package does.
func useCapabilities() error {
	for i := range 2 {
		d, err := Apply(killConfig(i + 1))
		if err != nil {
			return err
		}
		if err := useDatapath(d, uint16(i)); err != nil {
			return err
		}
	}
	d, err := Open("")
	if err != nil {
		return err
	}
	return errors.Join(d.Close(), Remove(""))
}

// useDatapath reads and writes a datapath. The n-th time it takes another port, as the one before waits.
func useDatapath(d *Datapath, n uint16) error {
	var share alloc.Allocation
	for share = range d.Plan().All() {
		break
	}
	f := Forward{share.Subscriber(), TCP, share.Ports().First() + n, 80}
	var checkpoint bytes.Buffer
	_, counters := d.Counters()
	forward := d.Forward(f)
	_, account := d.Subscriber(share.Subscriber())
	_, write := d.Checkpoint(&checkpoint, CheckpointOptions{})
	_, read := d.Restore(&checkpoint)
	end := d.EndForward(f)
	_, tidy := d.Tidy(context.Background())
	v, verify := d.Verify(d.Plan(), func(Difference) {})
	if v.Differences > 0 {
		verify = fmt.Errorf("%d differences", v.Differences)
	}
	_, status := d.Status()
	return errors.Join(verify, status, counters, forward, account, write, end, read, tidy, d.Close())
}

// TestCapabilities does everything with the capabilities that are needed, and nothing without one of them. That is no caution of ours: the
// kernel refuses, too.
func TestCapabilities(t *testing.T) {
	s := newSite(t, killConfig(0))
	all := uint64(0)
	for _, c := range needed {
		all |= 1 << c
	}
	run := func(set uint64, more ...string) (string, error) {
		cmd := exec.Command(must(os.Executable()))
		cmd.Env = append(append(os.Environ(), dropCapabilities+"="+fmt.Sprint(set)), more...)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := s.CGN.Do(cmd.Start); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		return out.String(), err
	}
	for name, c := range needed {
		if out, err := run(all &^ (1 << c)); err == nil || !strings.Contains(out, ErrPermission.Error()) || !strings.Contains(out, "and CAP_"+name+" is missing") {
			t.Errorf("without CAP_%s: %v: %s", name, err, out)
		}
		out, err := run(all&^(1<<c), askKernel+"="+askKernel)
		if err == nil {
			t.Errorf("the kernel takes the programs without CAP_%s", name)
		}
		t.Logf("without CAP_%s the kernel says: %s", name, out)
	}
	for _, more := range []string{"", askKernel + "=" + askKernel} {
		if out, err := run(all, more); err != nil {
			t.Errorf("with all that is needed: %v: %s", err, out)
		}
	}
}
