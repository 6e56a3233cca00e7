//go:build linux

package netns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// A SeenPing is an echo request as it arrived.
type SeenPing struct {
	// Source is the sender.
	Source netip.Addr
	// ID and Seq are the identifier and the sequence number.
	ID, Seq uint16
}

// A PingWatch remembers the echo requests that arrive in a namespace. The kernel answers them.
type PingWatch struct {
	ns    *NS
	conn  *net.IPConn
	seen  record[SeenPing]
	watch sync.WaitGroup
}

// WatchPings starts to remember the echo requests that arrive.
func (n *NS) WatchPings() (*PingWatch, error) {
	conn, err := n.listenICMP()
	if err != nil {
		return nil, fmt.Errorf("watch pings: %w", err)
	}
	w := &PingWatch{ns: n, conn: conn}
	w.watch.Go(w.run)
	if err := n.own(w); err != nil {
		return nil, fmt.Errorf("watch pings: %w", err)
	}
	return w, nil
}

func (w *PingWatch) run() {
	buf := make([]byte, 65536)
	for {
		size, source, err := readICMP(w.conn, buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || size < 8 || buf[0] != icmpEchoRequest {
			continue
		}
		w.seen.add(SeenPing{
			Source: source,
			ID:     binary.BigEndian.Uint16(buf[4:]),
			Seq:    binary.BigEndian.Uint16(buf[6:]),
		})
	}
}

// AwaitSeen waits until at least n requests arrived and returns all of them, in the order of arrival. The reply of the kernel
// may be faster than this record, so wait even for a ping that was answered.
func (w *PingWatch) AwaitSeen(ctx context.Context, n int) ([]SeenPing, error) {
	return w.seen.await(ctx, n)
}

// Seen returns the requests that were recorded so far.
func (w *PingWatch) Seen() []SeenPing {
	return w.seen.all()
}

// Close ends the watch.
func (w *PingWatch) Close() error {
	w.ns.disown(w)
	err := closeSocket(w.conn)
	w.watch.Wait()
	return err
}
