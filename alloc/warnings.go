package alloc

import "fmt"

// Warnings returns what is valid in the plan and not as the RFCs advise: sentences for people, each naming a pool. O(bindings).
func (p *Plan) Warnings() []string {
	var out []string
	for pool := range p.Softwires() {
		if pool.Bindings() != nil {
			out = append(out, pool.lowBindings()...)
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
