package nat44

import (
	"errors"
	"fmt"

	"github.com/cgnkit/cgnkit/internal/instance"
)

// ErrInstance says that a name cannot be that of an instance.
var ErrInstance = errors.New("invalid instance name")

// DefaultInstance is the instance of those who name none.
const DefaultInstance = instance.Default

const maxInstance = instance.MaxLen

// An Instance names everything that one plan owns in the kernel. Several instances do not touch each other. Make one with
// ParseInstance; the zero Instance is invalid.
type Instance struct{ name string }

// ParseInstance checks a name: 1 to 32 lower-case letters, digits, '-' and '_', the first of them a letter. An empty name means
// DefaultInstance. The error wraps ErrInstance.
func ParseInstance(name string) (Instance, error) {
	name, ok := instance.Parse(name)
	if !ok {
		return Instance{}, fmt.Errorf("%w %q: want %s", ErrInstance, name, instance.Rule)
	}
	return Instance{name}, nil
}

// String returns the name.
func (i Instance) String() string { return i.name }

// Table returns the name of the nftables table: "cgn" for the default instance, "cgn_NAME" for any other, because a bare name
// could be a word of the nft language.
func (i Instance) Table() string {
	if i.name == DefaultInstance {
		return i.name
	}
	return "cgn_" + i.name
}
