package api

import "fmt"

// A Role is what somebody may do. Each role may do what those before it may. The zero Role may do nothing.
type Role uint8

// The roles.
const (
	Read  Role = iota + 1 // status, pools, subscribers, epochs
	Trace                 // who had an outside address and port
	Admin                 // record an epoch, reload
)

// String returns "read", "trace" or "admin".
func (r Role) String() string {
	switch r {
	case Read:
		return "read"
	case Trace:
		return "trace"
	case Admin:
		return "admin"
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// ParseRole returns the role of a name.
func ParseRole(name string) (r Role, ok bool) {
	for r := Read; r <= Admin; r++ {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}
