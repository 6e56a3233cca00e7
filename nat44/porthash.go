package nat44

import "math/bits"

// In nft's language a port cannot become a mark, and maps of candidates have to have numbers for keys: but it can be hashed, and a hash
// is such a number. With this seed and modulus no two ports have the same hash.
const (
	portSeed    = 0x636770
	portModulus = 1<<32 - 1
)

// portHash is what the kernel makes of "jhash PORT mod portModulus seed portSeed": its jhash of the two octets of a port, scaled.
func portHash(port uint16) uint32 {
	const start = (0xdeadbeef + 2 + portSeed) & (1<<32 - 1)
	a, b, c := uint32(start), uint32(start), uint32(start)
	a += uint32(port&0xff)<<8 + uint32(port>>8)
	mix := func(x *uint32, y uint32, turn int) { *x = (*x ^ y) - bits.RotateLeft32(y, turn) }
	mix(&c, b, 14)
	mix(&a, c, 11)
	mix(&b, a, 25)
	mix(&c, b, 16)
	mix(&a, c, 4)
	mix(&b, a, 14)
	mix(&c, b, 24)
	return uint32(uint64(c) * portModulus >> 32)
}
