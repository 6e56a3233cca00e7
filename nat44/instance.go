package nat44

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInstance says that a name cannot be that of an instance.
var ErrInstance = errors.New("invalid instance name")

// DefaultInstance is the instance of those who name none.
const DefaultInstance = "cgn"

// maxInstance keeps every name made from an instance's below the kernel's limit, and readable.
const maxInstance = 32

// An Instance names everything that one plan owns in the kernel. Several instances do not touch each other. Make one with
// ParseInstance; the zero Instance is invalid.
type Instance struct{ name string }

// ParseInstance checks a name: 1 to 32 lower-case letters, digits, '-' and '_', the first of them a letter. An empty name means
// DefaultInstance. The error wraps ErrInstance.
func ParseInstance(name string) (Instance, error) {
	if name == "" {
		name = DefaultInstance
	}
	ok := len(name) <= maxInstance && name[0] >= 'a' && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	if !ok {
		return Instance{}, fmt.Errorf("%w %q: want 1 to %d lower-case letters, digits, '-' and '_', a letter first", ErrInstance, name, maxInstance)
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
