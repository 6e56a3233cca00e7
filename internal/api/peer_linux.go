package api

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOn asks the kernel who has connected.
func peerOn(c net.Conn) (p Peer) {
	if b, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = b.NetConn()
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return p
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(fd uintptr) { // an error leaves the peer unknown
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = Peer{Known: true, UID: cred.Uid, PID: cred.Pid}
		}
	})
	return p
}
