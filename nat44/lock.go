//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFolder is where the locks are. Only root can put a file there, so nobody else can keep an operator from applying a plan.
const lockFolder = "/run/cgnkit"

// A lockSpace is a network namespace, for naming locks.
type lockSpace struct{ inode uint64 }

func thisNamespace() (lockSpace, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return lockSpace{}, fmt.Errorf("identify the network namespace: %w", err)
	}
	return lockSpace{st.Ino}, nil
}

// acquire takes the lock of the namespace, or fails with ErrBusy. It is one for all instances, because which addresses another
// instance has must not change between looking and acting. The lock goes with the process, however that ends. It keeps
// writers apart who would otherwise undo each other's half-built maps; what other programs do to nf_tables is caught by the
// generation id.
func (l lockSpace) acquire(instance Instance) (release func(), err error) {
	folder, err := lockPlace()
	if err != nil {
		return nil, fmt.Errorf("lock instance %s: %w", instance, err)
	}
	path := filepath.Join(folder, fmt.Sprintf("nat44-%d.lock", l.inode))
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock instance %s: %w", instance, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("%w: lock %s", ErrBusy, path)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if isAt(f, path) {
			return func() {
				os.Remove(path) // before the lock goes, so that nobody holds a file that is no longer there
				f.Close()
			}, nil
		}
		f.Close() // its holder took it away in between
	}
}

// lockPlace returns the folder for locks, and makes it. Who may not write to /run, but may change this network namespace, has
// made it in a user namespace most likely, or has the one capability that it takes; the folder is then the user's own.
func lockPlace() (string, error) {
	err := os.MkdirAll(lockFolder, 0o700)
	if err == nil {
		err = unix.Access(lockFolder, unix.W_OK)
	}
	if err == nil || !errors.Is(err, os.ErrPermission) && !errors.Is(err, unix.EROFS) {
		return lockFolder, err
	}
	own := filepath.Join(os.TempDir(), fmt.Sprintf("cgnkit-%d", os.Geteuid()))
	if err := os.Mkdir(own, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(own, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o077 != 0 || int(st.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%w: %s is not a folder of this user alone", os.ErrPermission, own)
	}
	return own, nil
}

// isAt reports whether an open file is still the one at path.
func isAt(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}
