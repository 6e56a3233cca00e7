//go:build linux

package netns

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rcvBuf is large enough for bursts of thousands of small packets; the default takes 256.
const rcvBuf = 8 << 20

// ListenUDP opens a UDP socket in the namespace, with a receive buffer for bursts. It belongs to the caller.
func (n *NS) ListenUDP(local netip.AddrPort) (*net.UDPConn, error) {
	var conn *net.UDPConn
	err := n.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(anyIPv4(local)))
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := setsockopts(conn, sockopt{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, rcvBuf}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// ListenTCP opens a listening TCP socket in the namespace. It belongs to the caller.
func (n *NS) ListenTCP(local netip.AddrPort) (*net.TCPListener, error) {
	var listener *net.TCPListener
	err := n.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(anyIPv4(local)))
		return err
	})
	return listener, err
}

// anyIPv4 makes the zero address explicit.
func anyIPv4(a netip.AddrPort) netip.AddrPort {
	if a.Addr().IsValid() {
		return a
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())
}

// listenICMP opens a raw socket that receives all ICMP messages of the namespace.
func (n *NS) listenICMP() (*net.IPConn, error) {
	var conn *net.IPConn
	err := n.Do(func() (err error) {
		conn, err = net.ListenIP("ip4:icmp", nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := setsockopts(conn, sockopt{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, rcvBuf}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// A sockopt is a socket option with an int for its value.
type sockopt struct{ level, name, value int }

// setOption sets an option. Where the buffer may not be forced beyond the system's limit, in a user namespace of somebody else's
// machine, as much as that limit has to do.
func setOption(fd int, o sockopt) error {
	err := unix.SetsockoptInt(fd, o.level, o.name, o.value)
	if errors.Is(err, unix.EPERM) && o.level == unix.SOL_SOCKET && o.name == unix.SO_RCVBUFFORCE {
		err = unix.SetsockoptInt(fd, o.level, unix.SO_RCVBUF, o.value)
	}
	return err
}

func setsockopts(conn syscall.Conn, opts ...sockopt) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return setRaw(raw, opts...)
}

func setRaw(raw syscall.RawConn, opts ...sockopt) error {
	var inner error
	err := raw.Control(func(fd uintptr) {
		for _, o := range opts {
			if err := setOption(int(fd), o); err != nil {
				inner = fmt.Errorf("set socket option %d of level %d to %d: %w", o.name, o.level, o.value, err)
				return
			}
		}
	})
	return errors.Join(err, inner)
}

// closeSocket closes a socket and forgives that it is closed already: the user and the namespace both may close a probe.
//
// When it returns the port is free. A plain Close does not promise that while another goroutine is starting a process: until
// that process runs its program it has a copy of all descriptors. ForkLock keeps such moments out.
func closeSocket(c io.Closer) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	err := c.Close()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// withSocket lends fn a socket of the namespace, for things that package net has no words for.
func (n *NS) withSocket(family, kind, proto int, fn func(fd int) error) error {
	var fd int
	err := n.Do(func() (err error) {
		fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, proto)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(fn(fd), unix.Close(fd))
}
