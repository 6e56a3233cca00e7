//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// observerBuf holds some ten thousand packets that the observer has not read yet.
const observerBuf = 64 << 20

// Watch says what an [Observer] looks for.
type Watch struct {
	// Link limits the observation to one link. Default: all links of the namespace.
	Link string
	// Match selects packets. It must not call methods of the observer, and Raw is valid only during the call. Default: all
	// packets match.
	Match func(Packet) bool
	// Keep is how many of the matching packets are kept for [Observer.Packets]; later ones are only counted. Default: 1024;
	// negative: none.
	Keep int
}

// ErrDropped says that the kernel could not hand all packets to an [Observer], so that its numbers are too low.
var ErrDropped = errors.New("packets dropped before they were observed")

// An Observer counts the IPv4 packets that a namespace receives. It sees them before netfilter and routing do, those that are
// forwarded too, but none that the namespace sends.
//
// A bridge takes packets from its ports: they show on the bridge, and only if they are for the namespace itself or to be
// routed by it.
type Observer struct {
	ns    *NS
	file  *os.File
	watch Watch
	run   sync.WaitGroup
	bell  bell

	mu      sync.Mutex
	buf     []byte
	seen    int
	matched int
	dropped int
	kept    []Packet
	err     error
}

// Observe starts to count the packets that arrive from now on.
func (n *NS) Observe(w Watch) (*Observer, error) {
	if w.Match == nil {
		w.Match = func(Packet) bool { return true }
	}
	if w.Keep == 0 {
		w.Keep = 1024
	}
	o := &Observer{ns: n, watch: w, buf: make([]byte, 65536)}
	if err := o.open(); err != nil {
		return nil, fmt.Errorf("observe packets: %w", err)
	}
	o.run.Go(o.read)
	if err := n.own(o); err != nil {
		return nil, fmt.Errorf("observe packets: %w", err)
	}
	return o, nil
}

func (o *Observer) open() error {
	addr := &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_IP)}
	if o.watch.Link != "" {
		link, err := o.ns.link(o.watch.Link)
		if err != nil {
			return err
		}
		addr.Ifindex = link.Attrs().Index
	}
	return o.ns.Do(func() error {
		// Protocol 0: nothing arrives before the socket is bound to its link and its buffer is large.
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		o.file = os.NewFile(uintptr(fd), "observer")
		err = setOption(fd, sockopt{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, observerBuf})
		if err == nil {
			err = unix.Bind(fd, addr)
		}
		if err != nil {
			return errors.Join(err, o.file.Close())
		}
		return nil
	})
}

// read empties the socket whenever something arrives, until the file is closed.
func (o *Observer) read() {
	conn, err := o.file.SyscallConn()
	if err != nil {
		return // Closed already.
	}
	_ = conn.Read(func(fd uintptr) bool {
		o.drain(int(fd))
		o.bell.ring()
		return false
	})
}

// drain reads what has arrived. It is called by the reading goroutine and, so that nothing that has arrived is missing from
// the answer, by every method that reports.
func (o *Observer) drain(fd int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil {
		// MSG_TRUNC is not needed: an IPv4 packet is never larger than the buffer.
		n, err := unix.Read(fd, o.buf)
		switch {
		case err == nil:
			o.take(o.buf[:n])
			continue
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
			continue // A link that goes down is reported once, and is no reason to stop.
		case !errors.Is(err, unix.EAGAIN):
			o.err = err
		}
		break
	}
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		o.err = errors.Join(o.err, err)
		return
	}
	o.dropped += int(stats.Drops) // Reading resets it.
}

func (o *Observer) take(raw []byte) {
	o.seen++
	p := parsePacket(raw)
	if !o.watch.Match(p) {
		return
	}
	o.matched++
	if len(o.kept) < o.watch.Keep {
		p.Raw = slices.Clone(raw)
		o.kept = append(o.kept, p)
	}
}

// report brings the numbers up to date, calls fn with them and returns what went wrong.
func (o *Observer) report(fn func()) error {
	if conn, err := o.file.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { o.drain(int(fd)) }) // Fails after Close, when the numbers are final.
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
	switch {
	case o.err != nil:
		return fmt.Errorf("observe packets: %w", o.err)
	case o.dropped > 0:
		return fmt.Errorf("observe packets: %w: %d of %d", ErrDropped, o.dropped, o.dropped+o.seen)
	}
	return nil
}

// Count returns how many matching packets have arrived up to now. Any that arrived before the call is counted; with an
// error that matches [ErrDropped] there were more.
func (o *Observer) Count() (int, error) {
	var n int
	err := o.report(func() { n = o.matched })
	return n, err
}

// AwaitCount waits until at least n matching packets have arrived and returns their number: what is sent arrives a little
// later.
func (o *Observer) AwaitCount(ctx context.Context, n int) (int, error) {
	for {
		changed := o.bell.next()
		count, err := o.Count()
		if err != nil || count >= n {
			return count, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return count, fmt.Errorf("wait for %d packets, have %d: %w", n, count, ctx.Err())
		}
	}
}

// Seen returns how many packets have arrived up to now, matching or not.
func (o *Observer) Seen() (int, error) {
	var n int
	err := o.report(func() { n = o.seen })
	return n, err
}

// Packets returns the matching packets up to now, the first Watch.Keep of them.
func (o *Observer) Packets() ([]Packet, error) {
	var p []Packet
	err := o.report(func() { p = slices.Clone(o.kept) })
	return p, err
}

// Close ends the observation. Its numbers remain and include all that had arrived.
func (o *Observer) Close() error {
	o.ns.disown(o)
	err := o.report(func() {})
	err = errors.Join(err, closeSocket(o.file))
	o.run.Wait()
	return err
}
