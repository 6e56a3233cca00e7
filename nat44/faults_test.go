//go:build linux

package nat44

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestSupported turns what the kernel says at opening into what it means.
func TestSupported(t *testing.T) {
	for errno, want := range map[unix.Errno]error{
		unix.EPERM: os.ErrPermission, unix.EACCES: os.ErrPermission,
		unix.EPROTONOSUPPORT: ErrUnsupported, unix.EINVAL: ErrUnsupported, unix.EAFNOSUPPORT: ErrUnsupported,
	} {
		err := supported(&KernelError{Op: "ask", Errno: errno})
		if !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("%v means %v", errno, err)
		}
	}
	if err := supported(&KernelError{Op: "ask", Errno: unix.ENOMEM}); errors.Is(err, ErrUnsupported) || errors.Is(err, os.ErrPermission) || !errors.Is(err, unix.ENOMEM) {
		t.Errorf("no memory means %v", err)
	}
}

// TestMessageTooLarge has a send buffer that is smaller than was granted. The change fails, says so, and leaves the old plan.
func TestMessageTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	b.apply(old)
	for _, option := range []int{unix.SO_SNDBUF, unix.SO_SNDBUFFORCE} {
		if err := unix.SetsockoptInt(b.k.sock.fd, unix.SOL_SOCKET, option, 1<<13); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.k.Apply(subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18"), ApplyOptions{})
	if !errors.Is(err, unix.EMSGSIZE) || !strings.Contains(err.Error(), "add elements of shares_b of subscribers 100.64.0.0 to 100.64.") {
		t.Fatal(err)
	}
	fresh := openBench(t, b.ns)
	fresh.equal(old)
	if st, err := fresh.k.read(old.instance); err != nil || len(st.leftovers()) > 0 {
		t.Fatalf("%v are left, %v", st.leftovers(), err)
	}
}

// TestUndo fails the very first load half way: nothing may be left that looks like an instance.
func TestUndo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := unix.SetsockoptInt(b.k.sock.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 1<<13); err != nil {
		t.Fatal(err)
	}
	rs := subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18")
	if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, unix.EMSGSIZE) {
		t.Fatal(err)
	}
	if got := b.nft("list", "ruleset"); got != "" {
		t.Fatalf("left: %.200s", got)
	}
}

// TestWarnsOfTheHost compares a namespace as it comes with what a plan needs, and one that is prepared.
func TestWarnsOfTheHost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	warned := strings.Join(b.apply(rs).Warnings, "\n")
	for _, want := range []string{"forwarding is off", "ICMP queries are forgotten after 30 s"} {
		if !strings.Contains(warned, want) {
			t.Errorf("no %q in %q", want, warned)
		}
	}
	r, err := b.k.Apply(rs, ApplyOptions{FlowsPerSubscriber: 1 << 20})
	if err != nil || !strings.Contains(strings.Join(r.Warnings, "\n"), "256 subscribers with 1048576 each would be 268435456 (98304 MiB of kernel memory)") {
		t.Errorf("%q, %v", r.Warnings, err)
	}
	for name, value := range map[string]string{"net.ipv4.ip_forward": "1", "net.netfilter.nf_conntrack_icmp_timeout": "60"} {
		if err := b.ns.SetSysctl(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if w := b.apply(rs).Warnings; len(w) > 0 {
		t.Errorf("still warned: %q", w)
	}
	b.nft("add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority srcnat; }; add chain ip nat LATER { type nat hook postrouting priority 101; }")
	if w := b.apply(rs).Warnings; len(w) != 1 || !strings.Contains(w[0], "table ip nat has a NAT chain, too (POSTROUTING)") {
		t.Errorf("of another NAT: %q", w)
	}
}

// A process that has very many files open is told so: the library of nf_tables would panic.
func TestManyFiles(t *testing.T) {
	netnstest.Root(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*unix.FD_SETSIZE {
		t.Fatalf("%d files may be open, %v", limit.Cur, err)
	}
	for range unix.FD_SETSIZE {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if k, err := Open(); !errors.Is(err, ErrDescriptors) || k != nil {
		t.Errorf("%v, %v", k, err)
	}
}
