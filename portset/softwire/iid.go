package softwire

// An IIDForm says how an interface identifier is written.
type IIDForm uint8

const (
	// IIDRFC7597 is the form of RFC 7597 section 6: 16 zero bits, the IPv4 address, the PSID in 16 bits.
	IIDRFC7597 IIDForm = iota
	// IIDDraft is the form of the drafts before it, which networks that started early still have: 8 zero bits, the IPv4
	// address, the PSID in 16 bits, 8 zero bits.
	IIDDraft
)

// String returns "rfc7597" or "draft".
func (f IIDForm) String() string {
	switch f {
	case IIDRFC7597:
		return "rfc7597"
	case IIDDraft:
		return "draft"
	}
	return "invalid IIDForm"
}

// iid returns the last 64 bits of a MAP address. psid is right-aligned, and 0 where the address is not shared.
func (f IIDForm) iid(v4 uint32, psid uint16) uint64 {
	id := uint64(v4)<<16 | uint64(psid)
	if f == IIDDraft {
		id <<= 8
	}
	return id
}

// address returns the MAP address under a prefix of n bits. Where n > 64, the prefix overwrites the first bits of the
// interface identifier (RFC 7597 section 6).
func (f IIDForm) address(prefix bits128, n int, v4 uint32, psid uint16) bits128 {
	id := f.iid(v4, psid)
	if n > 64 {
		id &= 1<<(128-n) - 1
	}
	prefix.lo |= id
	return prefix
}
