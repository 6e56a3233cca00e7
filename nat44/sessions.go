//go:build linux

package nat44

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Session is a flow of TCP, UDP or ICMP whose source is translated. Of ICMP queries the identifier is the port.
type Session struct {
	Protocol                alloc.Protocol
	Inside, Outside, Remote netip.AddrPort
}

// Sessions iterates over the sessions that conntrack has in the network namespace, in the order of the kernel. Some may be those of
// another NAT: who owns the outside endpoint is for the plan to say. It reads the table while packets pass, so one that begins or
// ends meanwhile may be in it or not, or twice when the table grows. An error is the last pair. It takes about 1 µs a flow, also for the
// rest of the table when the loop ends early; nothing else may be asked of the Kernel meanwhile.
func (k *Kernel) Sessions() iter.Seq2[Session, error] { return k.sessions(netip.Addr{}) }

// SessionsOf is Sessions of one inside address. The kernel looks for them, at some 50 ns for a bucket or flow of its table, and sends no
// others; kernels before 5.8 send all.
func (k *Kernel) SessionsOf(inside netip.Addr) iter.Seq2[Session, error] { return k.sessions(inside) }

// sessions iterates over the sessions of an inside address, or with the zero Addr over all.
func (k *Kernel) sessions(inside netip.Addr) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		more := true
		err := k.sock.flowsOf(inside, func(_ []byte, f flow) error {
			s, ok := sessionOf(f)
			ok = ok && (!inside.IsValid() || s.Inside.Addr() == inside)
			if ok && more { // the kernel wants its listing read to the end
				more = yield(s, nil)
			}
			return nil
		})
		if err != nil && more {
			yield(Session{}, fmt.Errorf("list flows: %w", err))
		}
	}
}

// sessionOf returns the session that a flow is; ok is false for others.
func sessionOf(f flow) (s Session, ok bool) {
	if f.zone != 0 || f.orig.src == f.reply.dst || f.orig.proto != tcp && f.orig.proto != udp && f.orig.proto != icmp {
		return Session{}, false
	}
	return Session{
		Protocol: alloc.Protocol(f.orig.proto),
		Inside:   netip.AddrPortFrom(f.orig.src, f.orig.srcPort),
		Outside:  netip.AddrPortFrom(f.reply.dst, f.reply.dstPort),
		Remote:   netip.AddrPortFrom(f.orig.dst, f.orig.dstPort),
	}, true
}
