//go:build linux

package netns

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// pace is the time between two chunks of a transfer with a bounded rate.
const pace = 5 * time.Millisecond

// A Stream describes a long TCP transfer to a [Sink].
type Stream struct {
	// Local is the source. A zero address or port is chosen by the kernel.
	Local netip.AddrPort
	// Remote is the sink.
	Remote netip.AddrPort
	// Bytes is how much to send.
	Bytes int64
	// Rate is the limit in bytes per second. Default: none.
	Rate int64
}

// A Transfer is a running stream. The data is random, so no piece of it can stand in for another.
type Transfer struct {
	ns      *NS
	stream  Stream
	conn    *net.TCPConn
	sent    atomic.Int64
	enough  atomic.Bool // Finish was called
	bell    bell
	done    chan struct{}
	err     error
	unwatch func() bool
}

// StartTransfer connects to the sink and sends in the background. The context bounds all of it: when it ends, so does the
// transfer, with its error.
func (n *NS) StartTransfer(ctx context.Context, s Stream) (*Transfer, error) {
	conn, err := n.dial(ctx, Query{Network: "tcp", Local: s.Local, Remote: s.Remote, Timeout: defaultTimeout})
	if err != nil {
		return nil, fmt.Errorf("start transfer to %v: %w", s.Remote, err)
	}
	t := &Transfer{ns: n, stream: s, conn: conn.(*net.TCPConn), done: make(chan struct{})}
	// From here on an ICMP error is what it is to most programs: a reason to try again. Ways come and go.
	if err := setsockopts(t.conn, sockopt{unix.SOL_IP, unix.IP_RECVERR, 0}); err != nil {
		return nil, errors.Join(fmt.Errorf("start transfer to %v: %w", s.Remote, err), t.conn.Close())
	}
	// Closing is what wakes a write or a read that waits for the other side.
	t.unwatch = context.AfterFunc(ctx, func() { _ = closeSocket(t.conn) })
	go func() { t.finish(ctx, t.run(ctx)) }()
	if err := n.own(t); err != nil {
		return nil, fmt.Errorf("start transfer to %v: %w", s.Remote, err)
	}
	return t, nil
}

// finish publishes the result. The cause of a closed connection is the end of the context, if that has ended.
func (t *Transfer) finish(ctx context.Context, err error) {
	t.unwatch()
	_ = closeSocket(t.conn)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		t.err = fmt.Errorf("transfer to %v, %d of %d bytes sent: %w", t.stream.Remote, t.Sent(), t.stream.Bytes, err)
	}
	close(t.done)
	t.bell.ring()
}

func (t *Transfer) run(ctx context.Context) error {
	sum := sha256.New()
	if err := t.send(ctx, sum); err != nil {
		return err
	}
	if err := t.conn.CloseWrite(); err != nil {
		return err
	}
	got, err := bufio.NewReader(t.conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read receipt: %w", err)
	}
	if want := receipt(t.Sent(), sum.Sum(nil)); got != want {
		return fmt.Errorf("receipt is %q, want %q", got, want)
	}
	return nil
}

func (t *Transfer) send(ctx context.Context, sum hash.Hash) error {
	random := rand.NewChaCha8([32]byte{})
	size := int64(32 << 10)
	var tick <-chan time.Time
	if t.stream.Rate > 0 {
		size = max(1, t.stream.Rate*int64(pace)/int64(time.Second))
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		tick = ticker.C
	}
	chunk := make([]byte, size)
	for left := t.stream.Bytes; left > 0 && !t.enough.Load(); left -= int64(len(chunk)) {
		chunk = chunk[:min(size, left)]
		_, _ = random.Read(chunk) // Documented never to fail.
		sum.Write(chunk)
		n, err := t.conn.Write(chunk)
		t.sent.Add(int64(n))
		t.bell.ring()
		if err != nil {
			return err
		}
		if tick == nil {
			continue
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Sent returns how many bytes were handed to the kernel so far.
func (t *Transfer) Sent() int64 {
	return t.sent.Load()
}

// AwaitSent waits until at least n bytes were handed to the kernel. It returns the error of the transfer if that ends before.
func (t *Transfer) AwaitSent(ctx context.Context, n int64) error {
	for {
		changed := t.bell.next()
		if t.Sent() >= n {
			return nil
		}
		select {
		case <-t.done:
			if t.err != nil {
				return t.err
			}
			return fmt.Errorf("transfer to %v ended after %d bytes: %w", t.stream.Remote, t.Sent(), io.EOF)
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("transfer to %v: wait for %d bytes sent, have %d: %w", t.stream.Remote, n, t.Sent(), ctx.Err())
		}
	}
}

// Finish sends no more than was sent so far, whatever the stream says, and waits like Wait. It is for transfers that have to last
// as long as something else does.
func (t *Transfer) Finish() error {
	t.enough.Store(true)
	return t.Wait()
}

// Wait waits for the end of the transfer. It returns nil if the sink received exactly what was sent.
func (t *Transfer) Wait() error {
	<-t.done
	t.ns.disown(t)
	return t.err
}

// Close aborts the transfer if it still runs.
func (t *Transfer) Close() error {
	t.ns.disown(t)
	err := closeSocket(t.conn)
	<-t.done
	return err
}
