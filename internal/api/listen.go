package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// ErrInUse means: another process answers at a socket.
var ErrInUse = errors.New("another process answers there")

// ListenUnix listens on a unix socket with the given permissions and owner; -1 leaves user or group as they are. What a process
// that was killed has left is replaced; a socket at which somebody answers, and what is no socket, is not. The listener takes
// no more than a bounded number of clients at once.
func ListenUnix(path string, mode fs.FileMode, uid, gid int) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	err = os.Chown(path, uid, gid)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return Bound(l), nil
}

func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("it exists, and is no socket")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close() // nothing was said on it
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %w", ErrInUse, err) // one that does not get round to answering
	}
	return os.Remove(path)
}

// Bound bounds how many clients a listener has at once; others wait.
func Bound(l net.Listener) net.Listener {
	return &bound{Listener: l, slots: make(chan struct{}, maxClients), closed: make(chan struct{})}
}

type bound struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (b *bound) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &boundConn{Conn: c, free: sync.OnceFunc(func() { <-b.slots })}, nil
}

func (b *bound) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

type boundConn struct {
	net.Conn
	free func()
}

// NetConn returns the connection itself.
func (c *boundConn) NetConn() net.Conn { return c.Conn }

func (c *boundConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}

// ListenTCP listens on an address for who has a token, with TLS where the credentials have a certificate. [::] is all addresses of both
// families, and 0.0.0.0 those of IPv4. The listener takes no more than a bounded number of clients at once.
func ListenTCP(at netip.AddrPort, c *Credentials) (net.Listener, error) {
	network, addr := "tcp", at.Addr().Unmap()
	if addr.Is4() {
		network = "tcp4" // package net takes 0.0.0.0 for both families otherwise
	}
	l, err := net.Listen(network, netip.AddrPortFrom(addr, at.Port()).String())
	if err != nil {
		return nil, err
	}
	l = Bound(l)
	if t := c.config(); t != nil {
		l = tls.NewListener(l, t)
	}
	return l, nil
}
