package main

import (
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/flowlog"
)

// icmp is the protocol that has identifiers in place of ports.
const icmp = 1

// translated says whether a plan translates a flow to the outside address: not to other subscribers or to where no-translate lists, and without ports only where
// the address is one subscriber's. Maybe stands for records that do not say enough.
func translated(plan *alloc.Plan, exempt []alloc.Destination, outside netip.Addr, f flowlog.Flow) flowlog.Match {
	m := min(withPorts(plan, outside, f), leaves(plan, f.Destination.Addr()))
	for _, d := range exempt {
		switch exempts(d, f) {
		case flowlog.Yes:
			return flowlog.No
		case flowlog.Maybe:
			m = min(m, flowlog.Maybe)
		}
	}
	return m
}

// leaves says whether a flow goes to where no subscriber is. A realm may have addresses inside that are others' in another one.
func leaves(plan *alloc.Plan, to netip.Addr) flowlog.Match {
	m := flowlog.Yes
	for i, realm := range plan.Realms() {
		in := flowlog.Yes
		if _, err := plan.Lookup(alloc.SubscriberFrom(realm, to)); err == nil {
			in = flowlog.No
		}
		if i > 0 && in != m {
			return flowlog.Maybe
		}
		m = in
	}
	return m
}

// withPorts says whether a flow has ports, or needs none.
func withPorts(plan *alloc.Plan, outside netip.Addr, f flowlog.Flow) flowlog.Match {
	if pool := plan.Trace(outside, 0).Pool(); pool == nil || pool.SharingRatio() == 1 {
		return flowlog.Yes
	}
	switch f.Protocol {
	case uint8(alloc.TCP), uint8(alloc.UDP), icmp:
		return flowlog.Yes
	case 0:
		if f.Source.Port() == 0 && f.Destination.Port() == 0 {
			return flowlog.Maybe
		}
		return flowlog.Yes
	}
	return flowlog.No
}

// An exemptKey names what an epoch does not translate to an address.
type exemptKey struct {
	seq uint64
	to  netip.Addr
}

// exempt returns what the plan of an epoch does not translate to an address, whatever the ports. Flows of one question go to one address,
// so a long list is looked through once.
func (t *fitting) exempt(seq uint64, plan *alloc.Plan, to netip.Addr) []alloc.Destination {
	key := exemptKey{seq, to}
	list, known := t.exempts[key]
	if !known {
		outside := plan.Trace(to, 0).Pool() != nil
		for _, d := range plan.NoTranslate() {
			// Ports of all addresses do not mean the plan's own.
			if _, ported := d.Ports(); d.Addrs().Contains(to) && (!ported || !outside) {
				list = append(list, d)
			}
		}
		t.exempts[key] = list
	}
	return list
}

// exempts says whether a destination of no-translate, which has the flow's address, is that of the flow. A port of 0 may stand for none in
// the record.
func exempts(d alloc.Destination, f flowlog.Flow) flowlog.Match {
	ports, ported := d.Ports()
	port := f.Destination.Port()
	switch {
	case !ported:
		return flowlog.Yes
	case f.Protocol != 0 && f.Protocol != uint8(d.Protocol()):
		return flowlog.No
	case port != 0 && !ports.Contains(port):
		return flowlog.No
	case f.Protocol == 0 || port == 0:
		return flowlog.Maybe
	}
	return flowlog.Yes
}
