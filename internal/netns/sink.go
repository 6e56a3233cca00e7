//go:build linux

package netns

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
)

// A Sink is the server of [NS.StartTransfer]. It reads each connection to its end and answers with one line, the number of
// bytes and their SHA-256.
type Sink struct {
	ns       *NS
	tcp      *acceptor
	received atomic.Int64
}

// ListenSink starts a sink; port 0 lets the kernel choose one.
func (n *NS) ListenSink(local netip.AddrPort) (*Sink, error) {
	s := &Sink{ns: n}
	listener, err := n.ListenTCP(local)
	if err == nil {
		s.tcp = accept(listener, s.serve)
		err = n.own(s)
	}
	if err != nil {
		return nil, fmt.Errorf("start sink on %v: %w", local, err)
	}
	return s, nil
}

func (s *Sink) serve(conn *net.TCPConn) {
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, counter{&s.received}), conn)
	if err != nil {
		return // The client gets no receipt.
	}
	_, _ = io.WriteString(conn, receipt(n, hash.Sum(nil)))
}

// receipt is what a sink answers.
func receipt(n int64, sum []byte) string {
	return fmt.Sprintf("%d %s\n", n, hex.EncodeToString(sum))
}

// A counter is a writer that only counts.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// Addr returns the endpoint that clients connect to.
func (s *Sink) Addr() netip.AddrPort {
	return s.tcp.addr()
}

// Received returns how many bytes all connections together have delivered so far.
func (s *Sink) Received() int64 {
	return s.received.Load()
}

// Close ends the sink and its connections.
func (s *Sink) Close() error {
	s.ns.disown(s)
	return s.tcp.close()
}
