package alloc

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// softwires writes the pools of other kinds than NAT44.
func (e *encoder) softwires(pools []*Pool) {
	e.text(`,"softwires":[`)
	for i, p := range pools {
		if i > 0 {
			e.text(",")
		}
		e.text(`{"name":"` + p.name + `","realm":"` + p.realm + `"`)
		e.softwire(p)
		e.text("}")
	}
	e.text("]")
}

// softwire writes what a pool is, whatever its name.
func (e *encoder) softwire(p *Pool) {
	e.text(`,"kind":"` + p.Kind().String() + `"`)
	if p.soft.relay.IsValid() {
		e.text(`,"relay":"` + p.soft.relay.String() + `"`)
	}
	if p.soft.bindings != nil {
		e.bindings(p.soft.bindings)
		return
	}
	if dmr, ok := p.soft.domain.DMR(); ok {
		e.text(`,"dmr":"` + dmr.String() + `"`)
	}
	e.text(`,"rules":[`)
	for i := range p.soft.domain.Len() {
		if i > 0 {
			e.text(",")
		}
		e.rule(p.soft.domain.Rule(i))
	}
	e.text("]")
}

func (e *encoder) rule(r *softwire.Rule) {
	e.text(`{"rule6":"` + r.IPv6().String() + `","rule4":"` + r.IPv4().String() + `"`)
	e.number("ea_len", r.EALen())
	if r.Shared() {
		e.number("psid_offset", r.Layout().Offset())
		e.number("psid_length", r.Layout().Length())
	}
	if psid, ok := r.ExplicitPSID(); ok {
		e.number("psid", int(psid))
	}
	spec := r.Spec()
	if spec.Forwarding {
		e.text(`,"forwarding":true`)
	}
	if spec.IID == softwire.IIDDraft {
		e.text(`,"iid":"` + spec.IID.String() + `"`)
	}
	if spec.OverwriteIID {
		e.text(`,"overwrite_iid":true`)
	}
	e.text("}")
}

func (e *encoder) bindings(t *softwire.Bindings) {
	e.text(`,"bindings":[`)
	separator := `"`
	for b := range t.All() {
		e.buf = append(e.buf[:0], separator...)
		e.buf, _ = b.Spec().AppendText(e.buf) // does not fail
		_, _ = e.w.Write(append(e.buf, '"'))
		separator = `,"`
	}
	e.text("]")
}

// identity returns a hash of what a pool of another kind than NAT44 is, whatever its name.
func (p *Pool) identity() (sum [sha256.Size]byte) {
	h := sha256.New()
	_, _ = io.WriteString(h, p.realm)
	w := bufio.NewWriter(h)
	e := encoder{w: w}
	e.softwire(p)
	_ = w.Flush() // a hash does not fail
	h.Sum(sum[:0])
	return sum
}

type canonicalSoftwire struct {
	Name     string                 `json:"name"`
	Realm    string                 `json:"realm"`
	Kind     string                 `json:"kind"`
	Relay    netip.Addr             `json:"relay"`
	DMR      netip.Prefix           `json:"dmr"`
	Rules    []canonicalRule        `json:"rules"`
	Bindings []softwire.BindingSpec `json:"bindings"`
}

type canonicalRule struct {
	IPv6         netip.Prefix `json:"rule6"`
	IPv4         netip.Prefix `json:"rule4"`
	EALen        int          `json:"ea_len"`
	Offset       *int         `json:"psid_offset"`
	Length       *int         `json:"psid_length"`
	PSID         *int         `json:"psid"`
	Forwarding   bool         `json:"forwarding"`
	IID          string       `json:"iid"`
	OverwriteIID bool         `json:"overwrite_iid"`
}

func (c canonicalSoftwire) spec() (SoftwireSpec, error) {
	kind, ok := ParseKind(c.Kind)
	if !ok || kind == NAT44 {
		return SoftwireSpec{}, fmt.Errorf("%w: pool %q has kind %q", ErrCanonical, c.Name, c.Kind)
	}
	s := SoftwireSpec{Name: c.Name, Realm: c.Realm, Kind: kind, Relay: c.Relay, DMR: c.DMR, Bindings: c.Bindings}
	for _, r := range c.Rules {
		spec := softwire.RuleSpec{
			IPv6: r.IPv6, IPv4: r.IPv4, EALen: r.EALen, PSIDOffset: r.Offset, PSIDLength: r.Length, PSID: r.PSID,
			Forwarding: r.Forwarding, OverwriteIID: r.OverwriteIID,
		}
		if r.IID == softwire.IIDDraft.String() {
			spec.IID = softwire.IIDDraft
		}
		s.Rules = append(s.Rules, spec)
	}
	return s, nil
}
