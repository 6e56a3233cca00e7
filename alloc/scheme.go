package alloc

import (
	"fmt"
	"strings"
)

// A Scheme is the rule that places shares. With i the position of the subscriber in the inside order, O the outside
// addresses in order, L the usable ports in ascending order, C the sharing ratio and S the ports per subscriber:
type Scheme uint8

const (
	// Sequential fills one address after the other: address O[i/C], ports L[jS .. jS+S-1] with j = i mod C. RFC 7422
	// section 2, A=0; VyOS and most Linux scripts. The default.
	Sequential Scheme = iota + 1
	// Spread is Sequential with C = ceil(subscribers/addresses), so that all addresses carry alike. Juniper, VPP det44.
	Spread
	// Stripe goes round the addresses: address O[i mod |O|], ports as Sequential with j = i / |O|. RouterOS netmap.
	Stripe
	// Staggered interleaves single ports: address O[i/C], ports L[j + tC] for t = 0.. . RFC 7422 section 2, A=1, corrected.
	Staggered
	// Step interleaves T owners in windows of S*T ports: ports L[wST + o + tT] with w = j / T, o = j mod T. Cisco IOS XE.
	Step
	// PSID gives subscriber i the RFC 7597 port set of PSID i mod C on address O[i/C]. MAP, lw4o6.
	PSID
	// Random gives subscriber j of an address the images of L[jS .. jS+S-1] under the keyed permutation of RFC 6431
	// section 2.2.1, with a key of its own per address.
	Random
	// Explicit gives every subscriber the share that is listed for it: rule sets that follow no scheme. See PoolSpec.Shares.
	Explicit
)

var schemeNames = [...]string{
	Sequential: "sequential", Spread: "spread", Stripe: "stripe", Staggered: "staggered", Step: "step", PSID: "psid",
	Random: "random", Explicit: "explicit",
}

// SchemeNames returns the names that ParseScheme takes, the default first.
func SchemeNames() []string { return append([]string(nil), schemeNames[1:]...) }

// ParseScheme reads a scheme's name. The error wraps ErrScheme.
func ParseScheme(name string) (Scheme, error) {
	for s, n := range schemeNames {
		if n != "" && n == name {
			return Scheme(s), nil
		}
	}
	return 0, fmt.Errorf("%w %q: want one of %s", ErrScheme, name, strings.Join(SchemeNames(), ", "))
}

// IsValid reports whether s is one of the eight schemes.
func (s Scheme) IsValid() bool { return s != 0 && int(s) < len(schemeNames) }

// String returns the name that ParseScheme reads.
func (s Scheme) String() string {
	if !s.IsValid() {
		return "invalid Scheme"
	}
	return schemeNames[s]
}
