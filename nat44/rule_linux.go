package nat44

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// An encoder is the netlink half of a statement: exprs returns the kernel's expressions. anonymous turns a set that is written
// in place into one that a lookup can name.
type encoder interface {
	exprs(anonymous func(anonymousSet) *nftables.Set) []expr.Any
}

// An anonymousSet is a set written in place: { icmp, tcp, udp }.
type anonymousSet struct {
	keyType nftables.SetDatatype
	keys    string // one byte each, as nft sorts them
}

// Registers. The kernel numbers the 16-byte registers 1 to 4, and the sixteen 4-byte registers 8 to 23 over the same space.
const (
	reg1  = 1
	reg2  = 2
	reg1b = 9  // second word of register 1
	reg1c = 10 // third
	reg1d = 11 // fourth
	reg2b = 13 // second word of register 2
)

// dnated is IPS_DST_NAT.
const dnated = 0x20

func (r rule) exprs(anonymous func(anonymousSet) *nftables.Set) []expr.Any {
	var out []expr.Any
	for _, s := range r {
		out = append(out, s.exprs(anonymous)...)
	}
	return out
}

// loadAddr loads an address of the IPv4 header.
func loadAddr(offset, register uint32) expr.Any {
	return &expr.Payload{OperationType: expr.PayloadLoad, DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4}
}

func (s inSet) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	return []expr.Any{loadAddr(s.field, reg1), &expr.Lookup{SourceRegister: reg1, SetName: s.set, Invert: s.not}}
}

func (notDNATed) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	return append(maskedCt(expr.CtKeySTATUS, dnated), &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: make([]byte, 4)})
}

func (known) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	bits := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
	return append(maskedCt(expr.CtKeySTATE, bits), &expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: make([]byte, 4)})
}

func maskedCt(key expr.CtKey, mask uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: reg1, Key: key},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binary.NativeEndian.AppendUint32(nil, mask), Xor: make([]byte, 4)},
	}
}

func (p protocols) exprs(anonymous func(anonymousSet) *nftables.Set) []expr.Any {
	load := &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg1}
	if len(p) == 1 {
		return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: []byte{p[0]}}}
	}
	set := anonymous(anonymousSet{nftables.TypeInetProto, string(p)})
	return []expr.Any{load, &expr.Lookup{SourceRegister: reg1, SetName: set.Name, SetID: set.ID}}
}

func (p except) exprs(anonymous func(anonymousSet) *nftables.Set) []expr.Any {
	set := anonymous(anonymousSet{nftables.TypeInetProto, string(p)})
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg1},
		&expr.Lookup{SourceRegister: reg1, SetName: set.Name, SetID: set.ID, Invert: true},
	}
}

func (echo) exprs(anonymous func(anonymousSet) *nftables.Set) []expr.Any {
	set := anonymous(anonymousSet{nftables.TypeICMPType, "\x00\x08"})
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: []byte{icmp}},
		&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: reg1, Base: expr.PayloadBaseTransportHeader, Len: 1},
		&expr.Lookup{SourceRegister: reg1, SetName: set.Name, SetID: set.ID},
	}
}

func (s service) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	var out []expr.Any
	if a := s.Addrs(); a.Len() < 1<<32 {
		first, last := a.First().As4(), a.Last().As4()
		out = matchAddrs(first, last)
	}
	proto := byte(tcp)
	if s.Protocol() == alloc.UDP {
		proto = udp
	}
	ports, _ := s.Ports()
	out = append(out, protocols{proto}.exprs(nil)...)
	out = append(out, &expr.Payload{OperationType: expr.PayloadLoad, DestRegister: reg1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2})
	return append(out, compare(binary.BigEndian.AppendUint16(nil, ports.First()), binary.BigEndian.AppendUint16(nil, ports.Last()))...)
}

// matchAddrs matches the destination address the way nft does: prefixes that end at a byte load fewer bytes, other prefixes are
// masked, ranges are compared twice.
func matchAddrs(first, last [4]byte) []expr.Any {
	lo, hi := binary.BigEndian.Uint32(first[:]), binary.BigEndian.Uint32(last[:])
	size := hi - lo // one less than the number of addresses
	prefix := size&(size+1) == 0 && lo&size == 0
	if !prefix || size == 0 {
		return append([]expr.Any{loadAddr(daddr, reg1)}, compare(first[:], last[:])...)
	}
	load := &expr.Payload{OperationType: expr.PayloadLoad, DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: daddr, Len: 4}
	for n := uint32(1); n < 4; n++ {
		if size == 1<<(32-8*n)-1 {
			load.Len = n
			return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: first[:n]}}
		}
	}
	return []expr.Any{
		load,
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binary.BigEndian.AppendUint32(nil, ^size), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: first[:]},
	}
}

// compare matches register 1 with an inclusive range.
func compare(first, last []byte) []expr.Any {
	if string(first) == string(last) {
		return []expr.Any{&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: first}}
	}
	return []expr.Any{
		&expr.Cmp{Op: expr.CmpOpGte, Register: reg1, Data: first},
		&expr.Cmp{Op: expr.CmpOpLte, Register: reg1, Data: last},
	}
}

func (b bucketOf) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	offset := uint32(0)
	if b.icmp {
		offset = 4
	}
	return []expr.Any{
		loadAddr(saddr, reg2),
		&expr.Payload{OperationType: expr.PayloadLoad, DestRegister: reg2b, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Hash{SourceRegister: reg2, DestRegister: reg1, Length: 8, Modulus: uint32(b.buckets), Seed: jhashSeed, Type: expr.HashTypeJenkins},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg1},
	}
}

func (t translate) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	out := []expr.Any{loadAddr(saddr, reg1)}
	if t.kind == ranged {
		out = append(out, &expr.Meta{Key: expr.MetaKeyMARK, Register: reg1b})
	}
	out = append(out, &expr.Lookup{SourceRegister: reg1, SetName: t.set, DestRegister: reg1, IsDestRegSet: true})
	nat := &expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1}
	if t.kind != whole {
		nat.RegAddrMax, nat.RegProtoMin, nat.RegProtoMax, nat.Specified = reg1c, reg1b, reg1d, true
	}
	return append(out, nat)
}

func (s setTimeout) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_CT_TIMEOUT, Name: string(s)}}
}

func (c count) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: string(c)}}
}

func (v verdict) exprs(func(anonymousSet) *nftables.Set) []expr.Any {
	kind := expr.VerdictAccept
	if v == drop {
		kind = expr.VerdictDrop
	}
	return []expr.Any{&expr.Verdict{Kind: kind}}
}
