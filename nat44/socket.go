//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is a netlink socket for bulk elements. It is for one goroutine at a time.
type socket struct {
	fd    int
	room  int // bytes that one batch may have
	ahead int // elements that one request may ask for
	read  []byte
	// interrupted is set when a dump was not of one piece, because the ruleset changed meanwhile.
	interrupted bool
	// uncounted makes count answer as kernels before 6.16 do.
	uncounted bool
}

const (
	wantSend    = 16 << 20 // for batches of elements
	wantReceive = 8 << 20
	answerBytes = 4608              // what an answer takes of the receive buffer, most of it empty
	patience    = 120 * time.Second // for a commit; 16 million elements take about 20 s
)

// openSocket opens a socket in the network namespace of the calling thread.
func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	s := &socket{fd: fd, read: make([]byte, 1<<16)}
	if err := s.prepare(); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prepare netlink socket: %w", err)
	}
	return s, nil
}

func (s *socket) prepare() error {
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	// Beyond net.core.wmem_max only with CAP_NET_ADMIN in the initial user namespace. Elsewhere batches are as small as they must be.
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, wantSend) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, wantSend)
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, wantReceive) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, wantReceive)
	}
	granted, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return err
	}
	received, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return err
	}
	s.ahead = max(1, min(maxReadAhead, received/answerBytes))
	s.room = granted - 4096 // the kernel keeps some for itself
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, option, 1); err != nil {
			return err
		}
	}
	timeout := unix.NsecToTimeval(patience.Nanoseconds())
	return unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
}

func (s *socket) close() { _ = unix.Close(s.fd) } // there is nothing to lose in a socket

// send sends all messages of w at once.
func (s *socket) send(w *wire) error {
	for {
		err := unix.Sendto(s.fd, w.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// A refusal is the kernel's answer to one message.
type refusal struct {
	seq   uint32
	errno unix.Errno
	text  string
}

// errDone ends receive without an error.
var errDone = errors.New("done")

// receive calls yield with every message until yield returns an error; errDone is the good one.
func (s *socket) receive(yield func(kind uint16, seq uint32, payload []byte) error) error {
	for {
		n, _, err := unix.Recvfrom(s.fd, s.read, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		for b := s.read[:n]; len(b) >= nlHeaderLen; {
			length := int(binary.NativeEndian.Uint32(b))
			if length < nlHeaderLen || length > len(b) {
				return errTruncated
			}
			kind, seq := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint32(b[8:])
			if binary.NativeEndian.Uint16(b[6:])&unix.NLM_F_DUMP_INTR != 0 {
				s.interrupted = true
			}
			if err := yield(kind, seq, b[nlHeaderLen:length]); err != nil {
				if errors.Is(err, errDone) {
					return nil
				}
				return err
			}
			b = b[min((length+3)&^3, len(b)):]
		}
	}
}

// answer reads an NLMSG_ERROR message; errno 0 is an acknowledgement.
func answer(seq uint32, payload []byte) (refusal, error) {
	if len(payload) < 4+nlHeaderLen {
		return refusal{}, errTruncated
	}
	r := refusal{seq: seq, errno: unix.Errno(-int32(binary.NativeEndian.Uint32(payload)))}
	err := attributes(payload[4+nlHeaderLen:], func(kind uint16, value []byte) error {
		if kind == 1 && len(value) > 0 { // NLMSGERR_ATTR_MSG
			r.text = string(value[:len(value)-1])
		}
		return nil
	})
	return r, err
}

// commit sends a batch and waits for what the kernel says. The last message before the batch's end must have asked for an
// acknowledgement, which comes when the transaction is through; on failure the kernel names the messages that it did not like,
// and commit returns the first of them.
func (s *socket) commit(w *wire, last uint32) (*refusal, error) {
	if err := s.send(w); err != nil {
		return nil, fmt.Errorf("send %d bytes: %w", len(w.buf), err)
	}
	var first *refusal
	err := s.receive(func(kind uint16, seq uint32, payload []byte) error {
		if kind != unix.NLMSG_ERROR {
			return nil
		}
		r, err := answer(seq, payload)
		if err != nil {
			return err
		}
		if r.errno != 0 && (first == nil || r.seq < first.seq) {
			first = &r
		}
		if first != nil || r.seq == last {
			return errDone
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the kernel: %w", err)
	}
	if first != nil {
		s.drain()
	}
	return first, nil
}

// drain throws away what else the kernel said.
func (s *socket) drain() {
	for {
		if _, _, err := unix.Recvfrom(s.fd, s.read, unix.MSG_DONTWAIT); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
