package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A Target is kernel state that plans of a ledger are applied to, by what stays the same when the machine starts again.
type Target struct {
	Backend  string `json:"backend"`
	Instance string `json:"instance"`
	// Namespace is the name of the network namespace; "" where it has none, as that of the machine.
	Namespace string `json:"namespace,omitempty"`
}

// targetsSuffix is what the file of the targets is called behind the name of the ledger.
const targetsSuffix = ".targets"

// maxTargets is how many bytes that file may have.
const maxTargets = 64 << 10

type targetsFile struct {
	Version int      `json:"cgnkit_targets"`
	Targets []Target `json:"targets"`
}

// TargetsPath returns the name of the file with the targets, for messages.
func (w *Writer) TargetsPath() string { return w.path + targetsSuffix }

// Targets returns what plans of the ledger were applied to, as SetTargets noted it; none where nothing is noted.
func (w *Writer) Targets() ([]Target, error) { return TargetsOf(w.path) }

// TargetsOf is Targets for the ledger at path.
func TargetsOf(path string) ([]Target, error) {
	b, err := readBeside(path, targetsSuffix, maxTargets)
	if b == nil || err != nil {
		return nil, err
	}
	var f targetsFile
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Version != version {
		return nil, fmt.Errorf("%s: this does not say what the ledger was applied to: remove the file if it is about one instance", path+targetsSuffix)
	}
	return f.Targets, nil
}

// SetTargets notes beside the ledger what its plans are applied to, durable and whole or not at all. Nothing is written where that stands there.
func (w *Writer) SetTargets(targets []Target) error {
	if old, err := w.Targets(); err == nil && slices.Equal(old, targets) {
		return nil
	}
	b, err := json.Marshal(targetsFile{Version: version, Targets: targets})
	if err != nil {
		return err
	}
	return writeWhole(w.TargetsPath(), append(b, '\n'))
}
