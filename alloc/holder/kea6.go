package holder

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Types of a lease of DHCPv6: an address, a temporary one, a prefix.
const (
	typeNA = iota
	typeTA
	typePD
)

// where returns what a line of a lease file is about, or what is wrong with it. a is valid where only the address can be read, or be believed.
func (s *source) where(t *table) (where place, a netip.Addr, bad string) {
	addr, err := netip.ParseAddr(string(t.cell(leaseAddress)))
	if !t.six {
		if err != nil || !addr.Is4() {
			return 0, a, fmt.Sprintf("address %.40q is none of IPv4", t.cell(leaseAddress))
		}
		return place(uint64(s.realm)<<32 | uint64(u32(addr))), a, ""
	}
	return s.where6(t, addr, err)
}

// where6 is where for an address of DHCPv6, or the error in its place.
func (s *source) where6(t *table, addr netip.Addr, err error) (where place, a netip.Addr, bad string) {
	if err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
		return 0, a, fmt.Sprintf("address %.40q is none of IPv6", t.cell(leaseAddress))
	}
	kind, err1 := strconv.ParseUint(string(t.cell(leaseType)), 10, 8)
	bits, err2 := strconv.ParseUint(string(t.cell(prefixLen)), 10, 8)
	p := netip.PrefixFrom(addr, int(bits))
	if err2 == nil && p.IsValid() && p.Masked() == p { // also where the rest cannot be believed
		s.book.lengths[bits] = true
	}
	switch {
	case err1 != nil || err2 != nil || kind > typePD || bits > 128 || kind != typePD && bits != 128:
		return 0, addr, "lease_type and prefix_len are not those of a lease"
	case p.Masked() != p:
		return 0, addr, fmt.Sprintf("prefix %v has bits behind its length", p)
	case t.torn(s.TooLong()) && max(t.at[leaseAddress], t.at[leaseType], t.at[prefixLen]) >= len(t.fields)-1:
		return 0, addr, "the line ends within what it is about"
	case t.torn(s.TooLong()): // the length may be of another line, or another column
		a = addr
	}
	return s.book.number6(s.realm, p), a, ""
}

// six marks the places of IPv6. The lower half of such a place is the number of the prefix.
const six place = 1 << 63

// place6 returns the place of a prefix of IPv6 that some file has.
func (b *Book) place6(realm uint32, p netip.Prefix) (place, bool) {
	n, ok := b.prefixes[p]
	return six | place(uint64(realm)<<32|uint64(n)), ok
}

// of returns what is known of an inside address or prefix. Who has a prefix of IPv6 has what is in it, too.
func (x *index) of(b *Book, realm uint32, inside netip.Prefix) (out []*history) {
	if inside.Addr().Is4() {
		if h := x.histories[place(uint64(realm)<<32|uint64(u32(inside.Addr())))]; h != nil && inside.IsSingleIP() {
			out = append(out, h)
		}
		return out
	}
	for bits := inside.Bits(); bits >= 0; bits-- {
		p, err := inside.Addr().Prefix(bits)
		if err != nil {
			return nil
		}
		if where, ok := b.place6(realm, p); ok && x.histories[where] != nil {
			out = append(out, x.histories[where])
		}
	}
	return out
}

// relayLine finds the line in a user context of DHCPv6: of the relay agent next to the client the interface-id (RFC 8415 section 21.18), or the
// remote-id (RFC 4649). Kea stores the options as hexadecimal digits, older versions under relays.
func relayLine(context []byte) ([]byte, bool) {
	type relay struct {
		Hop     int    `json:"hop"`
		Options string `json:"options"`
	}
	var c struct {
		ISC struct {
			Relays []relay `json:"relays"`
			Info   []relay `json:"relay-info"`
		}
	}
	if json.Unmarshal(context, &c) != nil {
		return nil, false
	}
	all := slices.Concat(c.ISC.Relays, c.ISC.Info)
	if len(all) == 0 {
		return nil, true
	}
	next := all[0]
	for _, r := range all[1:] {
		if r.Hop < next.Hop {
			next = r
		}
	}
	options, err := hex.DecodeString(strings.TrimPrefix(next.Options, "0x"))
	if err != nil {
		return nil, false
	}
	var remote []byte
	for len(options) >= 4 {
		code, n := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		if len(options) < 4+n {
			return nil, false
		}
		switch body := options[4 : 4+n]; {
		case code == 18:
			return body, true
		case code == 37 && n > 4:
			remote = body[4:] // behind the enterprise number
		}
		options = options[4+n:]
	}
	return remote, len(options) == 0
}
