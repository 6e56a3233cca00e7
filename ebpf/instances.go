package ebpf

import "errors"

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
	return folder{path: f.path}.others() // without a name all are others
}
