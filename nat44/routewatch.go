//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A RouteWatch notices that somebody has changed the blackhole routes of an instance, in one network namespace. It is for one goroutine
// at a time. Close it.
//
// The kernel leaves out what other routes there are before it wakes anybody, so that a router with the routes of all of the Internet
// costs nothing: what comes through is about routes of this package, or about one that took the place of another.
type RouteWatch struct {
	fd      int
	metric  uint32
	changes uint64
	buffer  []byte
}

// Offsets in a message of rtnetlink about a route: a header, struct rtmsg, attributes.
const (
	routeType       = 4
	routeFlags      = 6
	routeMessage    = 16
	routeProto      = routeMessage + 5
	routeAttributes = routeMessage + 12
)

// WatchRoutes begins to watch in the network namespace of the calling thread.
func WatchRoutes(instance Instance) (*RouteWatch, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	w := &RouteWatch{fd: fd, metric: uint32(metric(instance)), buffer: make([]byte, 1<<16)}
	err = w.filter()
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_IPV4_ROUTE - 1)})
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	return w, nil
}

// filter has the kernel drop what does not concern any instance.
func (w *RouteWatch) filter() error {
	replaced := uint32(routeFlags) // where the octet is that has NLM_F_REPLACE: the number has the order of the machine
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		replaced++
	}
	const octet, equal, bits, result = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ, unix.BPF_JMP | unix.BPF_JSET, unix.BPF_RET
	program := []unix.SockFilter{
		{Code: octet, K: routeProto},
		{Code: equal, K: routeProtocol, Jt: 2},
		{Code: octet, K: replaced},
		{Code: bits, K: unix.NLM_F_REPLACE >> 8, Jf: 1},
		{Code: result, K: 1 << 20}, // all of it
		{Code: result, K: 0},       // nothing
	}
	return unix.SetsockoptSockFprog(w.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// Changes returns a number that is another one when somebody has changed, or may have changed, blackhole routes of the instance since it was asked
// before: also when that was this process. It costs a system call while nobody did, and never waits.
func (w *RouteWatch) Changes() (uint64, error) {
	for range 1 << 12 { // who changes routes without end is asked again in a moment
		n, _, err := unix.Recvfrom(w.fd, w.buffer, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return w.changes, nil
		case errors.Is(err, unix.ENOBUFS): // more than there was room for: nobody knows what
			w.changes++
		case err != nil:
			return 0, fmt.Errorf("watch routes: %w", err)
		case w.concerns(w.buffer[:n]):
			w.changes++
		}
	}
	w.changes++
	return w.changes, nil
}

// concerns reports whether a message is about a route of the instance, or about one with its metric.
func (w *RouteWatch) concerns(b []byte) bool {
	if len(b) < routeAttributes {
		return false
	}
	if t := binary.NativeEndian.Uint16(b[routeType:]); t != unix.RTM_NEWROUTE && t != unix.RTM_DELROUTE {
		return false
	}
	for a := b[routeAttributes:]; len(a) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(a))
		if size < unix.SizeofRtAttr || size > len(a) {
			return false
		}
		if binary.NativeEndian.Uint16(a[2:]) == unix.RTA_PRIORITY && size == unix.SizeofRtAttr+4 {
			return binary.NativeEndian.Uint32(a[unix.SizeofRtAttr:]) == w.metric
		}
		a = a[min(len(a), (size+3)&^3):]
	}
	return false
}

// Close ends the watch.
func (w *RouteWatch) Close() { _ = unix.Close(w.fd) }
