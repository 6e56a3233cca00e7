//go:build !linux

package nat44

// An encoder is the netlink half of a statement, which only Linux has.
type encoder interface{}
