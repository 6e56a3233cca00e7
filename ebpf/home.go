package ebpf

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// homeOf is cgn_home of bpf/home.h: the number of the home port of an inside endpoint in a share of n ports. With odd and even
// ports in turn, first is the first port of the share.
func (k Key) homeOf(inside netip.AddrPort, proto Protocol, share homeShare) int {
	word := uint64(hostOrder(inside.Addr()))<<24 | uint64(inside.Port())<<8 | uint64(proto)
	hash := k.hash(word) >> 32
	if share.parity && proto == UDP && share.len > 1 {
		return int(hash*uint64(share.len/2)>>32)*2 + int((inside.Port()^share.first)&1)
	}
	return int(hash * uint64(share.len) >> 32)
}

// A homeShare is what homes depend on, of a share.
type homeShare struct {
	len    int
	parity bool
	first  uint16
}

// hash is cgn_keyed_hash: SipHash-1-3 of the seven lower octets of a word.
func (k Key) hash(word uint64) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
	s := sip{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	const length = 7
	block := word&(1<<56-1) | length<<56
	s[3] ^= block
	s.round()
	s[0] ^= block
	s[2] ^= 0xff
	s.round()
	s.round()
	s.round()
	return s[0] ^ s[1] ^ s[2] ^ s[3]
}

type sip [4]uint64

func (v *sip) round() {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}
