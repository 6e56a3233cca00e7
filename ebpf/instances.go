package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Instances returns the names of the instances in the network namespace of the calling thread, in ascending order, whatever
// release has made them. The error wraps ErrMount or ErrPermission.
func Instances() ([]string, error) {
	f, err := findFolder("")
	if err != nil {
		return nil, err
	}
	switch err := requireBPFFS(false); {
	case errors.Is(err, ErrNotLoaded): // nothing is mounted, so nothing is pinned
		return nil, nil
	case err != nil:
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", permission(err))
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
