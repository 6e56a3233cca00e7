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
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Default times of [Query].
const (
	defaultTimeout = 2 * time.Second
	defaultSilence = 200 * time.Millisecond
	// politeness is how long the client lets the server close a TCP connection first.
	politeness = 500 * time.Millisecond
)

// A Query says from where to where a client talks.
type Query struct {
	// Network is "udp" or "tcp". Default: "udp".
	Network string
	// Local is the source. A zero address or port is chosen by the kernel.
	Local netip.AddrPort
	// Remote is the server.
	Remote netip.AddrPort
	// Timeout ends the wait for an answer, and for a TCP connection. Default: 2 s; 200 ms for [NS.Silent].
	Timeout time.Duration
}

// String returns "udp 100.64.0.1:4000 to 203.0.113.1:7".
func (q Query) String() string {
	q = q.withDefaults(0)
	local := "any"
	if q.Local.Addr().IsValid() {
		local = q.Local.String()
	} else if q.Local.Port() != 0 {
		local = "port " + strconv.Itoa(int(q.Local.Port()))
	}
	return q.Network + " " + local + " to " + q.Remote.String()
}

func (q Query) withDefaults(timeout time.Duration) Query {
	if q.Network == "" {
		q.Network = "udp"
	}
	if q.Timeout == 0 {
		q.Timeout = timeout
	}
	return q
}

// A Flow is the client's end of a conversation with an [Echo]. It is for one goroutine at a time.
type Flow struct {
	ns    *NS
	query Query
	conn  net.Conn
	lines *bufio.Reader // TCP only.
	asked int
}

// Dial opens a flow: for TCP it connects, for UDP no packet is sent yet.
func (n *NS) Dial(q Query) (*Flow, error) {
	q = q.withDefaults(defaultTimeout)
	conn, err := n.dial(context.Background(), q)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", q, err)
	}
	f := &Flow{ns: n, query: q, conn: conn}
	if q.Network == "tcp" {
		f.lines = bufio.NewReader(conn)
	}
	// Not the flow itself: the end of a namespace need not be polite.
	if err := n.own(conn); err != nil {
		return nil, fmt.Errorf("%v: %w", q, err)
	}
	return f, nil
}

func (n *NS) dial(ctx context.Context, q Query) (net.Conn, error) {
	d := net.Dialer{Timeout: q.Timeout, Control: reportICMP}
	switch q.Network {
	case "udp":
		d.LocalAddr = net.UDPAddrFromAddrPort(anyIPv4(q.Local))
	case "tcp":
		d.LocalAddr = net.TCPAddrFromAddrPort(anyIPv4(q.Local))
	}
	var conn net.Conn
	err := n.Do(func() (err error) {
		conn, err = d.DialContext(ctx, q.Network+"4", q.Remote.String())
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, err) // The same as silence after the connection.
	}
	return conn, err
}

// reportICMP asks the kernel for the ICMP errors that it otherwise swallows, such as host unreachable, and allows a TCP
// source port to be used for several destinations.
func reportICMP(network, _ string, raw syscall.RawConn) error {
	opts := []sockopt{{unix.SOL_IP, unix.IP_RECVERR, 1}}
	if strings.HasPrefix(network, "tcp") {
		opts = append(opts, sockopt{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1})
	}
	return setRaw(raw, opts...)
}

// Ask sends one question and returns the source endpoint that the server saw. An ICMP error matches its errno:
// unix.EHOSTUNREACH for host unreachable, unix.ECONNREFUSED for port unreachable. Silence matches os.ErrDeadlineExceeded.
func (f *Flow) Ask() (netip.AddrPort, error) {
	f.asked++
	seen, err := f.ask(strconv.Itoa(f.asked), f.query.Timeout)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%v: %w", f.query, err)
	}
	return seen, nil
}

// ask takes only the answer to this very question: those to earlier ones may be late.
func (f *Flow) ask(question string, timeout time.Duration) (netip.AddrPort, error) {
	if err := f.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return netip.AddrPort{}, err
	}
	out := question
	if f.lines != nil {
		out += "\n"
	}
	if _, err := io.WriteString(f.conn, out); err != nil {
		return netip.AddrPort{}, err
	}
	for {
		answer, err := f.receive()
		if err != nil {
			return netip.AddrPort{}, err
		}
		if seen, ok := strings.CutPrefix(answer, question+" "); ok {
			return netip.ParseAddrPort(seen)
		}
	}
}

func (f *Flow) receive() (string, error) {
	if f.lines != nil {
		line, err := f.lines.ReadString('\n')
		return strings.TrimSuffix(line, "\n"), err
	}
	buf := make([]byte, 2048)
	n, err := f.conn.Read(buf)
	return string(buf[:n]), err
}

// Local returns the client's own endpoint.
func (f *Flow) Local() netip.AddrPort {
	if a, ok := f.conn.LocalAddr().(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return f.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Close ends the flow. Over TCP it lets the server close first, if that still answers, which leaves the local port free for
// the same destination.
func (f *Flow) Close() error {
	f.ns.disown(f.conn)
	if f.lines != nil {
		if _, err := f.ask("", politeness); err == nil {
			_, _ = f.lines.ReadByte() // The end of the stream.
		}
	}
	return closeSocket(f.conn)
}

// Ask opens a flow, asks once and closes it; see [Flow.Ask].
func (n *NS) Ask(q Query) (netip.AddrPort, error) {
	f, err := n.Dial(q)
	if err != nil {
		return netip.AddrPort{}, err
	}
	seen, err := f.Ask()
	return seen, errors.Join(err, f.Close())
}

// Silent sends one datagram and returns nil if nothing comes back within the time: no answer and no ICMP error.
func (n *NS) Silent(q Query) error {
	q = q.withDefaults(defaultSilence)
	if q.Network != "udp" {
		return fmt.Errorf("%v: expect silence: %w", q, net.UnknownNetworkError(q.Network))
	}
	seen, err := n.Ask(q)
	switch {
	case err == nil:
		return fmt.Errorf("%v: got an answer to %v instead of silence", q, seen)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return fmt.Errorf("expect silence: %w", err)
}
