package ebpf

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Errors of forwards, to compare with errors.Is.
var (
	// ErrNotOwned means: the outside port does not belong to the subscriber.
	ErrNotOwned = errors.New("the port is not the subscriber's")
	// ErrTaken means: another inside endpoint of the subscriber has the outside port, or the port is free and waits as Policy.Hold says,
	// or the inside endpoint is forwarded to from another one.
	ErrTaken = errors.New("the port is in use")
	// ErrLimit means: the subscriber has as many mappings, forwards among them, as Policy.Limit allows.
	ErrLimit = errors.New("the subscriber has as many mappings as its limit allows")
	// ErrNoForward means: there is no such forward.
	ErrNoForward = errors.New("no such forward")
)

// A Forward is a port that a subscriber has opened for good: what comes for an outside port of its share goes to an inside
// port, and what the inside port sends leaves from there.
type Forward struct {
	Subscriber              alloc.Subscriber
	Protocol                Protocol // TCP or UDP
	OutsidePort, InsidePort uint16   // not 0
}

// String returns "tcp 2000 of 100.64.0.1 to port 80".
func (f Forward) String() string {
	return fmt.Sprintf("%v %d of %v to port %d", f.Protocol, f.OutsidePort, f.Subscriber, f.InsidePort)
}

// Forward opens a port. It stays open until EndForward, or until the subscriber gets a share without it. A mapping that the
// inside endpoint has already, on another port, ends with it: an endpoint has one mapping (RFC 4787 REQ-1). That the forward is
// there already is no error. A forward counts as a mapping for Policy.Limit. The error wraps ErrNotOwned, ErrTaken, ErrLimit, alloc.ErrNotSubscriber, ErrBusy or ErrChanged.
func (d *Datapath) Forward(f Forward) error {
	return d.forward(f, bpf.CgnatCgnClaimKindCGN_CLAIM_FORWARD)
}

// EndForward closes a port that Forward has opened. Sessions on it end, and the port waits for Policy.Hold. Where it is the home of the inside port,
// which has it without a forward, and Policy.Hold is 0, the next packet from there makes it an ordinary mapping (RFC 4787 REQ-1). The error wraps ErrNoForward, ErrNotOwned,
// alloc.ErrNotSubscriber, ErrBusy or ErrChanged.
func (d *Datapath) EndForward(f Forward) error {
	return d.forward(f, bpf.CgnatCgnClaimKindCGN_CLAIM_RELEASE)
}

func (d *Datapath) forward(f Forward, kind bpf.CgnatCgnClaimKind) error {
	if f.Protocol != TCP && f.Protocol != UDP || f.OutsidePort == 0 || f.InsidePort == 0 {
		return fmt.Errorf("forward %v: %w: it takes tcp or udp and ports above 0", f, ErrNotOwned)
	}
	share, err := d.generation.plan.Lookup(f.Subscriber)
	if err != nil {
		return fmt.Errorf("forward %v: %w", f, err)
	}
	m := Mapping{
		Protocol: f.Protocol, Realm: f.Subscriber.Realm, Inside: netip.AddrPortFrom(f.Subscriber.Addr(), f.InsidePort),
		Outside: netip.AddrPortFrom(netip.Addr{}, f.OutsidePort), state: uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC),
	}
	err = d.claiming(func(c *claimer) error {
		_, err := c.claim(kind, m)
		return err
	})
	if errors.Is(err, ErrLimit) {
		limit := d.generation.policyOf(share.Pool()).Limit[f.Protocol]
		return fmt.Errorf("forward %v: %w: pool %s allows %d of %v, and forwards count: raise the limit in the policy, remove a forward, "+
			"or wait until a mapping ends", f, err, share.Pool().Name(), limit, f.Protocol)
	}
	if err != nil {
		return fmt.Errorf("forward %v: %w", f, err)
	}
	return nil
}

// Forwards iterates over the forwards, in the order of Mappings and at its cost. An error is the last pair.
func (d *Datapath) Forwards() iter.Seq2[Forward, error] {
	return func(yield func(Forward, error) bool) {
		for m, err := range d.Mappings() {
			if err != nil {
				yield(Forward{}, err)
				return
			}
			f := Forward{alloc.SubscriberFrom(m.Realm, m.Inside.Addr()), m.Protocol, m.Outside.Port(), m.Inside.Port()}
			if m.Static && !yield(f, nil) {
				return
			}
		}
	}
}

// A claimer makes and ends single mappings.
type claimer struct {
	program *ebpf.Program
	realms  []string
}

// claiming runs f while no other process changes the instance.
func (d *Datapath) claiming(f func(*claimer) error) error {
	release, err := d.folder.lock()
	if err != nil {
		return err
	}
	defer release()
	if err := d.current(); err != nil {
		return err
	}
	p, err := d.generation.openProgram(bpf.CgnatProgCgnClaim)
	if err != nil {
		return err
	}
	defer p.Close()
	return f(&claimer{p, d.generation.plan.Realms()})
}

// claim makes or ends the mapping m. It returns what the kernel said, too.
func (c *claimer) claim(kind bpf.CgnatCgnClaimKind, m Mapping) (bpf.CgnatCgnClaimResult, error) {
	realm := m.Realm
	if realm == "" {
		realm = alloc.DefaultRealm
	}
	number := slices.Index(c.realms, realm)
	if number < 0 {
		return bpf.CgnatCgnClaimResultCGN_CLAIM_NOT_SUBSCRIBER, alloc.ErrNotSubscriber
	}
	q := bpf.CgnatCgnClaiming{
		Kind: kind, Realm: uint32(number), Proto: bpf.CgnatCgnProto(m.Protocol),
		Inside: wireOrder(hostOrder(m.Inside.Addr())), InsidePort: wirePort(m.Inside.Port()), Port: m.Outside.Port(),
		State: m.state, Age: m.ticks,
	}
	if err := ask(c.program, &q); err != nil {
		return 0, err
	}
	return q.Result, claimError(q)
}

// claimError says what a result means.
func claimError(q bpf.CgnatCgnClaiming) error {
	switch q.Result {
	case bpf.CgnatCgnClaimResultCGN_CLAIM_DONE:
		return nil
	case bpf.CgnatCgnClaimResultCGN_CLAIM_NOT_SUBSCRIBER:
		return alloc.ErrNotSubscriber
	case bpf.CgnatCgnClaimResultCGN_CLAIM_NOT_OWNED:
		return ErrNotOwned
	case bpf.CgnatCgnClaimResultCGN_CLAIM_TAKEN:
		if _, tick, err := tickShift(); err == nil && q.Age > 0 {
			wait := max(time.Second, (time.Duration(q.Age) * tick).Round(time.Second))
			return fmt.Errorf("%w: it was freed and waits for %v more, as hold-down says: choose another, or try again then", ErrTaken, wait)
		}
		holder := netip.AddrPortFrom(fromWire(q.HolderAddr), fromWirePort(q.HolderPort))
		return fmt.Errorf("%w: a mapping of %v has it: choose another, or wait until it ends", ErrTaken, holder)
	case bpf.CgnatCgnClaimResultCGN_CLAIM_ELSEWHERE:
		return fmt.Errorf("%w: the inside endpoint has port %d already", ErrTaken, q.Port)
	case bpf.CgnatCgnClaimResultCGN_CLAIM_LIMIT:
		return ErrLimit
	case bpf.CgnatCgnClaimResultCGN_CLAIM_NONE:
		return ErrNoForward
	case bpf.CgnatCgnClaimResultCGN_CLAIM_BUSY:
		return fmt.Errorf("%w: packets of the subscriber hold its lock: try again", ErrBusy)
	}
	return errors.New("the tables contradict themselves")
}
