//go:build !linux

package gate

import "net"

// Owner returns the source of a connection on TCP; see Host.
func Owner(c net.Conn) string { return Host(c) }
