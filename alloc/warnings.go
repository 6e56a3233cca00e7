package alloc

import "fmt"

// Warnings returns what is valid in the plan and not as the RFCs advise: sentences for people, each naming a pool. O(n) for n rules and bindings.
func (p *Plan) Warnings() []string {
	var out []string
	for pool := range p.Softwires() {
		if pool.Bindings() != nil {
			out = append(out, pool.lowBindings()...)
		} else {
			out = append(out, pool.wideRules()...)
			out = append(out, pool.lowRules()...)
		}
	}
	return out
}

// lowBindings finds bindings that share an address and have ports below 1024 of it.
func (p *Pool) lowBindings() []string {
	n, first := 0, ""
	for b := range p.Bindings().All() {
		if psid, shared := b.PSID(); shared && b.Ports().First() < systemPorts {
			if n++; n == 1 {
				first = fmt.Sprintf("%v has PSID %d of %v, from port %d on", b.Prefix(), psid, b.IPv4(), b.Ports().First())
			}
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("pool %q: %d of %d bindings share an address and have ports below %d, which RFC 7596 section 5.1 gives to nobody: %s; leave such PSIDs out",
		p.Name(), n, p.Bindings().Len(), systemPorts, first)}
}

// wideRules finds MAP rules under which are end-user prefixes that no router can have.
func (p *Pool) wideRules() []string {
	for i := range p.Domain().Len() {
		r := p.Domain().Rule(i)
		if none, ok := r.Undelegable(); ok {
			return []string{fmt.Sprintf("pool %q: rule6 %v holds %v, of which no router is delegated anything; write the prefix that yours lie in", p.Name(), r.IPv6(), none)}
		}
	}
	return nil
}

// lowRules finds MAP rules by which routers share an address and some have ports below 1024 of it.
func (p *Pool) lowRules() []string {
	n, first := 0, ""
	for i := range p.Domain().Len() {
		r := p.Domain().Rule(i)
		ports, _ := r.Layout().Set(0) // EA bits give every PSID to somebody
		psid, explicit := r.ExplicitPSID()
		if explicit {
			ports, _ = r.Layout().Set(psid)
		}
		if !r.Shared() || ports.First() >= systemPorts {
			continue
		}
		if n++; n == 1 {
			first = fmt.Sprintf("psid-offset %d of rule6 %v gives away ports from %d on, with PSID %d", r.Layout().Offset(), r.IPv6(), ports.First(), psid)
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("pool %q: by %d of %d rules routers share an address and some have ports below %d: %s; with a psid-offset from 1 to 6, as RFC 7597 section 5.1 has it, nobody has them",
		p.Name(), n, p.Domain().Len(), systemPorts, first)}
}
