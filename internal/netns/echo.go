//go:build linux

package netns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// An Echo is a server that tells its clients which source endpoint it sees, and remembers all of them. [NS.Dial] and
// [NS.Ask] are its clients.
//
// Over UDP the answer to each datagram is "DATAGRAM ADDR:PORT". Over TCP the answer to each line is "LINE ADDR:PORT"; after
// the answer to an empty line the server closes the connection, so that the wait in TIME-WAIT is on its side and the client
// may use its port again.
type Echo struct {
	ns    *NS
	local netip.AddrPort
	seen  record[netip.AddrPort]

	// One of them is nil.
	udp *net.UDPConn
	tcp *acceptor

	serves sync.WaitGroup
}

// ListenEcho starts an echo server. network is "udp" or "tcp"; port 0 lets the kernel choose one. Without an address, on a
// host with several, the answer to a datagram may come from another address than was asked.
func (n *NS) ListenEcho(network string, local netip.AddrPort) (*Echo, error) {
	e := &Echo{ns: n}
	err := e.listen(network, local)
	if err == nil {
		err = n.own(e)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s echo on %v: %w", network, local, err)
	}
	return e, nil
}

func (e *Echo) listen(network string, local netip.AddrPort) error {
	switch network {
	case "udp":
		conn, err := e.ns.ListenUDP(local)
		if err != nil {
			return err
		}
		e.udp, e.local = conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
		e.serves.Go(e.serveUDP)
	case "tcp":
		listener, err := e.ns.ListenTCP(local)
		if err != nil {
			return err
		}
		e.tcp = accept(listener, e.serveTCP)
		e.local = e.tcp.addr()
	default:
		return net.UnknownNetworkError(network)
	}
	return nil
}

// serveUDP ends when the socket is closed. Any other error concerns a single datagram, and its client notices by silence.
func (e *Echo) serveUDP() {
	buf := make([]byte, 65536)
	for {
		n, source, err := e.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		e.seen.add(source)
		_, _ = e.udp.WriteToUDPAddrPort(append(buf[:n], " "+source.String()...), source)
	}
}

func (e *Echo) serveTCP(conn *net.TCPConn) {
	source := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	e.seen.add(source)
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		if _, err := io.WriteString(conn, line+" "+source.String()+"\n"); err != nil || line == "" {
			return
		}
	}
}

// Addr returns the endpoint that clients connect to.
func (e *Echo) Addr() netip.AddrPort {
	return e.local
}

// Seen returns the source endpoints in the order of arrival: one per datagram, one per TCP connection.
func (e *Echo) Seen() []netip.AddrPort {
	return e.seen.all()
}

// AwaitSeen waits until at least n sources were seen and returns all of them.
func (e *Echo) AwaitSeen(ctx context.Context, n int) ([]netip.AddrPort, error) {
	return e.seen.await(ctx, n)
}

// Close ends the server and its connections.
func (e *Echo) Close() error {
	e.ns.disown(e)
	if e.tcp != nil {
		return e.tcp.close()
	}
	err := closeSocket(e.udp)
	e.serves.Wait()
	return err
}
