package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgnkit/cgnkit/internal/instance"
)

// layout is the version of what is pinned. It changes with the meaning of any map that outlives a plan, and with the record.
const layout = 1

// A folder is where an instance is pinned:
//
//	/sys/fs/bpf/cgnkit/NAMESPACE/INSTANCE/v1/live    the generation in force
//	                                        /next    one that is being made, or that was in force before
type folder struct{ path, instance string }

// findFolder returns the folder of an instance in the network namespace of the calling thread. It may not exist.
func findFolder(name string) (folder, error) {
	parsed, ok := instance.Parse(name)
	if !ok {
		return folder{}, fmt.Errorf("%w %q: want %s", ErrInstance, name, instance.Rule)
	}
	cookie, err := namespaceCookie()
	if err != nil {
		return folder{}, err
	}
	return folder{filepath.Join(bpffs, "cgnkit", fmt.Sprint(cookie), parsed), parsed}, nil
}

func (f folder) version() string { return filepath.Join(f.path, fmt.Sprintf("v%d", layout)) }

func (f folder) live() string { return filepath.Join(f.version(), "live") }
func (f folder) next() string { return filepath.Join(f.version(), "next") }

// ran is the record of a next generation that is being taken back though its programs have run.
func (f folder) ran() string { return filepath.Join(f.next(), "ran") }

// checkVersion refuses what another release has pinned.
func (f folder) checkVersion() error {
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the pins of instance %s: %w", f.instance, err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(f.version()) {
			return f.versionError(e.Name())
		}
	}
	return nil
}

func (f folder) versionError(found string) error {
	return fmt.Errorf("%w: instance %s has %s in %s, and this release reads v%d: change it with the release that made it, "+
		"or remove it, which ends its mappings, and apply the plan again", ErrVersion, f.instance, found, f.path, layout)
}

// lock makes the folder where it is not there, and takes its lock.
func (f folder) lock() (release func(), err error) {
	for range 10 { // unless it is taken away just then, the first succeeds
		if err = os.MkdirAll(f.path, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of instance %s: %w", f.instance, err)
		}
		if release, err = lockFolder(f.path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return release, err
}

// lockNamespace takes the lock of all instances of the network namespace: two that are applied at once would not see that they
// have the same addresses. Whoever takes it has the lock of its own instance, so that nobody takes the folder away.
func (f folder) lockNamespace() (release func(), err error) { return lockFolder(filepath.Dir(f.path)) }

// pinName returns the name of a pin: dots are reserved by the kernel.
func pinName(name any) string { return strings.ReplaceAll(fmt.Sprint(name), ".", "-") }
