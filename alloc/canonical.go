package alloc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/cgnkit/cgnkit/portset"
)

// AppendCanonical appends the plan's canonical form: one line of JSON without spaces, keys in a fixed order, every number
// resolved, ranges that continue each other joined. It holds all that the plan's answers depend on and nothing else, so
// that two spellings of one plan have the same canonical form. docs/plan-format.md describes it key by key.
func (p *Plan) AppendCanonical(b []byte) []byte {
	buf := bytes.NewBuffer(b)
	p.writeCanonical(buf)
	return buf.Bytes()
}

// canonicalVersion is the value of "cgnkit_plan". It changes when the meaning of a canonical form does.
const canonicalVersion = 1

// writeCanonical writes to a hash or a buffer, which do not fail.
func (p *Plan) writeCanonical(w io.Writer) {
	bw := bufio.NewWriter(w)
	e := encoder{w: bw}
	e.text(`{"cgnkit_plan":` + strconv.Itoa(canonicalVersion) + `,"pools":[`)
	for i, pool := range p.pools {
		if i > 0 {
			e.text(",")
		}
		e.pool(pool)
	}
	e.text("]")
	if len(p.noTranslate) > 0 { // left out otherwise, so that plans without keep the hash they had before the key existed
		e.destinations(p.noTranslate)
	}
	if len(p.softwires) > 0 { // likewise
		e.softwires(p.softwires)
	}
	e.text("}")
	_ = bw.Flush()
}

// An encoder writes canonical JSON. Names need no escapes (see validName); a bufio.Writer keeps the first error.
type encoder struct {
	w   *bufio.Writer
	buf []byte
}

func (e *encoder) text(s string) { _, _ = e.w.WriteString(s) }

func (e *encoder) pool(p *Pool) {
	e.text(`{"name":"` + p.name + `","realm":"` + p.realm + `","scheme":"` + p.Scheme().String() + `"`)
	if p.place.list != nil {
		e.shares(p)
		return
	}
	e.spans("inside", p.inside.spans)
	e.spans("inside_excluded", p.inside.excluded)
	e.spans("outside", p.place.outside.spans)
	e.spans("outside_excluded", p.place.outside.excluded)
	e.text(`,"usable_ports":"` + p.Usable().String() + `"`)
	if l, ok := p.Layout(); ok {
		e.number("psid_offset", l.Offset())
		e.number("psid_length", l.Length())
		e.number("dynamic_shares", p.place.psids.count-int(p.place.ratio))
	} else {
		e.number("sharing_ratio", p.SharingRatio())
		e.number("ports_per_subscriber", p.PortsPerSubscriber())
		e.text(`,"dynamic":` + strconv.FormatBool(p.place.dynamic))
	}
	if p.Scheme() == Step {
		e.number("step", p.StepSize())
	}
	if p.keyID != "" {
		e.text(`,"key_id":"` + p.keyID + `"`)
	}
	e.text("}")
}

// shares writes what an Explicit pool has instead of ranges and sizes.
func (e *encoder) shares(p *Pool) {
	e.text(`,"usable_ports":"` + p.Usable().String() + `","shares":[`)
	separator := `"`
	for a := range p.All() {
		e.buf = append(e.buf[:0], separator...)
		e.buf, _ = ExplicitShare{a.Inside(), a.Outside(), a.Ports()}.AppendText(e.buf) // shares of a plan are valid
		e.buf = append(e.buf, '"')
		_, _ = e.w.Write(e.buf)
		separator = `,"`
	}
	e.text("]}")
}

func (e *encoder) number(key string, n int) { e.text(`,"` + key + `":` + strconv.Itoa(n)) }

func (e *encoder) spans(key string, spans []span) {
	e.text(`,"` + key + `":[`)
	for i, s := range spans {
		e.buf = e.buf[:0]
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, '"')
		e.buf = append(s.append(e.buf), '"')
		_, _ = e.w.Write(e.buf)
	}
	e.text("]")
}

func (e *encoder) destinations(list []Destination) {
	e.text(`,"no_translate":[`)
	for i, d := range list {
		if i > 0 {
			e.text(",")
		}
		e.text(`"` + d.String() + `"`)
	}
	e.text("]")
}

type canonicalPlan struct {
	Version     int             `json:"cgnkit_plan"`
	Pools       []canonicalPool `json:"pools"`
	NoTranslate []Destination   `json:"no_translate"`

	Softwires []canonicalSoftwire `json:"softwires"`
}

type canonicalPool struct {
	Name            string      `json:"name"`
	Realm           string      `json:"realm"`
	Scheme          string      `json:"scheme"`
	Inside          []AddrRange `json:"inside"`
	InsideExcluded  []AddrRange `json:"inside_excluded"`
	Outside         []AddrRange `json:"outside"`
	OutsideExcluded []AddrRange `json:"outside_excluded"`
	UsablePorts     portset.Set `json:"usable_ports"`
	PSIDOffset      *int        `json:"psid_offset"`
	PSIDLength      *int        `json:"psid_length"`
	DynamicShares   int         `json:"dynamic_shares"`
	SharingRatio    int         `json:"sharing_ratio"`
	Ports           int         `json:"ports_per_subscriber"`
	Dynamic         bool        `json:"dynamic"`
	Step            int         `json:"step"`
	KeyID           string      `json:"key_id"`

	Shares []ExplicitShare `json:"shares"`
}

// ParseCanonical reads a plan in canonical form, byte for byte as AppendCanonical writes it; anything else is refused with
// an error that wraps ErrCanonical, so that a plan and its hash cannot drift apart. Random pools need their keys.
func ParseCanonical(b []byte, keys ...Key) (*Plan, error) {
	spec, err := canonicalSpec(b)
	if err != nil {
		return nil, err
	}
	spec.Keys = keys
	p, err := NewPlan(spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	if !bytes.Equal(p.AppendCanonical(nil), b) {
		return nil, fmt.Errorf("%w: these bytes are not what AppendCanonical writes for this plan", ErrCanonical)
	}
	return p, nil
}

func canonicalSpec(b []byte) (Spec, error) {
	var doc canonicalPlan
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return Spec{}, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	if doc.Version != canonicalVersion {
		return Spec{}, fmt.Errorf("%w: version %d; this program reads version %d", ErrCanonical, doc.Version, canonicalVersion)
	}
	spec := Spec{NoTranslate: doc.NoTranslate}
	for _, c := range doc.Pools {
		s, err := c.spec()
		if err != nil {
			return Spec{}, err
		}
		spec.Pools = append(spec.Pools, s)
	}
	for _, c := range doc.Softwires {
		s, err := c.spec()
		if err != nil {
			return Spec{}, err
		}
		spec.Softwires = append(spec.Softwires, s)
	}
	return spec, nil
}

// Spec returns a description from which NewPlan, given the keys, makes an equal plan: with every size resolved, which is more
// than the one that p was made from may have said. O(ranges).
func (p *Plan) Spec() Spec {
	spec, err := canonicalSpec(p.AppendCanonical(nil))
	if err != nil {
		panic("alloc: a canonical form that cannot be read: " + err.Error()) // tests read back every plan they make
	}
	for i, pool := range p.pools {
		s := &spec.Pools[i]
		if !s.dynamic { // a flag that only canonical forms have
			continue
		}
		s.dynamic = false
		if pool.Scheme() == Step && pool.SharingRatio()%s.StepSize > 0 { // the window holds shares that are set aside
			s.DynamicShares = 1
		} else {
			s.DynamicPorts = pool.DynamicPorts()
		}
	}
	return spec
}

func (c canonicalPool) spec() (PoolSpec, error) {
	scheme, err := ParseScheme(c.Scheme)
	if err != nil {
		return PoolSpec{}, fmt.Errorf("%w: pool %q: %w", ErrCanonical, c.Name, err)
	}
	if !c.UsablePorts.IsValid() {
		return PoolSpec{}, fmt.Errorf("%w: pool %q has no usable_ports", ErrCanonical, c.Name)
	}
	s := PoolSpec{
		Name: c.Name, Realm: c.Realm, Scheme: scheme,
		// The ranges come without the excluded addresses. Listing those behind and cutting them out again brings them back.
		Inside: append(c.Inside, c.InsideExcluded...), ExcludeInside: c.InsideExcluded,
		Outside: append(c.Outside, c.OutsideExcluded...), ExcludeOutside: c.OutsideExcluded,
		PortsPerSubscriber: c.Ports, SharingRatio: c.SharingRatio, DynamicShares: c.DynamicShares, dynamic: c.Dynamic,
		PSIDOffset: c.PSIDOffset, PSIDLength: c.PSIDLength, StepSize: c.Step, KeyID: c.KeyID, Shares: c.Shares,
	}
	if s.Ports, err = portset.NewRange(int(c.UsablePorts.First()), int(c.UsablePorts.Last())); err != nil {
		return PoolSpec{}, fmt.Errorf("%w: pool %q: %w", ErrCanonical, c.Name, err)
	}
	whole, err := portset.NewSet(s.Ports)
	if err != nil {
		return PoolSpec{}, fmt.Errorf("%w: pool %q: %w", ErrCanonical, c.Name, err)
	}
	s.Reserve, _ = whole.Minus(c.UsablePorts)
	return s, nil
}
