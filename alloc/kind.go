package alloc

// A Kind says who translates for a pool.
type Kind uint8

const (
	// NAT44 means: a NAT in the network translates, as a scheme says.
	NAT44 Kind = iota + 1
	// MAPE means: the subscriber's router translates and encapsulates (RFC 7597).
	MAPE
	// MAPT means: the subscriber's router translates twice (RFC 7599).
	MAPT
	// LW4o6 means: the subscriber's router translates and encapsulates, and has a binding (RFC 7596).
	LW4o6
)

var kindNames = [...]string{NAT44: "nat44", MAPE: "map-e", MAPT: "map-t", LW4o6: "lw4o6"}

// String returns "nat44", "map-e", "map-t" or "lw4o6".
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return "invalid Kind"
	}
	return kindNames[k]
}

// ParseKind returns the kind with a name; ok is false where there is none.
func ParseKind(name string) (k Kind, ok bool) {
	for k := NAT44; k <= LW4o6; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return 0, false
}

// KindNames returns the names of all kinds.
func KindNames() []string { return append([]string(nil), kindNames[NAT44:]...) }
