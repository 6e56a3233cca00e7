//go:build linux

package netns_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A room is in its namespace, and what is in its BPF filesystem nobody else sees.
func TestRoom(t *testing.T) {
	ns := netnstest.New(t)
	r, err := ns.OpenRoom()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const folder = "/sys/fs/bpf/of-a-room"
	err = r.Do(func() error {
		var st unix.Stat_t
		if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil || st.Ino != ns.Inode() {
			t.Errorf("in network namespace %d (%v), want %d", st.Ino, err, ns.Inode())
		}
		var fs unix.Statfs_t
		if err := unix.Statfs("/sys/fs/bpf", &fs); err != nil || uint32(fs.Type) != unix.BPF_FS_MAGIC {
			t.Errorf("filesystem %#x, %v", fs.Type, err)
		}
		return os.Mkdir(folder, 0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("outside of the room: %v", err)
	}
}
