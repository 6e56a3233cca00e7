//go:build linux

package netns

import (
	"net"
	"net/netip"
	"sync"
)

// An acceptor is the common part of the TCP servers: it hands each connection to a goroutine and ends them all together.
type acceptor struct {
	listener *net.TCPListener
	serve    func(*net.TCPConn)
	serves   sync.WaitGroup

	mu    sync.Mutex
	conns map[*net.TCPConn]bool // nil after close.
}

// accept starts to call serve for each connection. The connection is closed after serve.
func accept(listener *net.TCPListener, serve func(*net.TCPConn)) *acceptor {
	a := &acceptor{listener: listener, serve: serve, conns: map[*net.TCPConn]bool{}}
	a.serves.Go(a.run)
	return a
}

// run ends with the listener. Whatever else made Accept fail also closes it, so that clients are refused, not kept waiting.
func (a *acceptor) run() {
	for {
		conn, err := a.listener.AcceptTCP()
		if err != nil {
			_ = closeSocket(a.listener)
			return
		}
		if !a.add(conn) {
			_ = closeSocket(conn)
			return
		}
		a.serves.Go(func() {
			defer a.remove(conn)
			a.serve(conn)
		})
	}
}

func (a *acceptor) add(conn *net.TCPConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		return false
	}
	a.conns[conn] = true
	return true
}

func (a *acceptor) remove(conn *net.TCPConn) {
	_ = closeSocket(conn)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, conn)
}

func (a *acceptor) addr() netip.AddrPort {
	return a.listener.Addr().(*net.TCPAddr).AddrPort()
}

// close ends the listener and all connections and waits for the goroutines.
func (a *acceptor) close() error {
	err := closeSocket(a.listener)
	a.mu.Lock()
	for conn := range a.conns {
		_ = closeSocket(conn)
	}
	a.conns = nil
	a.mu.Unlock()
	a.serves.Wait()
	return err
}
