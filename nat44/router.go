package nat44

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/cgnkit/cgnkit/portset"
)

// ErrRouter says that a RouterSpec describes no router that can be served.
var ErrRouter = errors.New("invalid router")

// A Filtering says which packets from outside reach an inside endpoint that has a mapping (RFC 4787 section 5), beside answers.
type Filtering uint8

// The filterings, by how much they let in.
const (
	FilterByAddress Filtering = iota + 1 // from addresses to which the inside endpoint has sent; RFC 7597 section 11 wants that
	FilterByPort                         // from endpoints to which it has sent: answers only
	FilterNone                           // from everybody
)

// Filterings are the names of the filterings.
var Filterings = []string{"address", "address-and-port", "none"}

// ParseFiltering returns the filtering with a name. The error wraps ErrRouter.
func ParseFiltering(name string) (Filtering, error) {
	for i, n := range Filterings {
		if n == name {
			return Filtering(i + 1), nil
		}
	}
	return 0, fmt.Errorf("%w: filtering %q is none of %s", ErrRouter, name, strings.Join(Filterings, ", "))
}

// RouterInstance is the instance of a router whose user names none. It is not DefaultInstance: loading the file replaces the rules of the table,
// and on the same machine that would be a CGN's.
const RouterInstance = "router"

// A RouterSpec describes the NAT of one subscriber's own router under MAP-E, MAP-T or lightweight 4over6.
type RouterSpec struct {
	Instance Instance
	Outside  netip.Addr  // the IPv4 address that the router shares
	Ports    portset.Set // what it has of it; inside endpoints do not get port 0, and of a whole address not the system ports
	// Link is the interface towards the border relay: the tunnel, or what leads to the translator.
	Link string
	// MTU is that of Link, 576 to 65535. TCP is told so, because not everybody lets the ICMP messages through that say it.
	MTU       int
	Filtering Filtering // 0 = FilterByAddress
	// Services are those of Ports on which the router itself listens, by TCP and UDP. Inside endpoints do not get them, and what the router sends
	// from them leaves from them. None: the zero Set.
	Services portset.Set
	Notes    []string // lines for the head of the file, without control characters
}

// A Router is the ruleset of one subscriber's own router. It is immutable.
type Router struct {
	RouterSpec

	given portset.Set // what inside endpoints get of the ports
}

const minMTU, maxMTU = 576, 65535

// NewRouter checks a description. The error wraps ErrRouter or ErrInstance.
func NewRouter(s RouterSpec) (*Router, error) {
	refuse := func(format string, args ...any) (*Router, error) {
		return nil, fmt.Errorf("%w: %s", ErrRouter, fmt.Sprintf(format, args...))
	}
	r := &Router{RouterSpec: s}
	if r.Filtering == 0 {
		r.Filtering = FilterByAddress
	}
	r.given, _ = s.Ports.Minus(neverGiven(s.Ports)) // without any left it is the zero Set
	r.given, _ = r.given.Minus(s.Services)
	foreign, _ := s.Services.Minus(s.Ports)
	switch {
	case s.Instance == (Instance{}):
		return nil, fmt.Errorf("%w: it is empty", ErrInstance)
	case !s.Outside.Is4():
		return refuse("outside address %v is not IPv4", s.Outside)
	case s.Services.Contains(0):
		return refuse("a service on port 0: no packet may have it")
	case foreign.IsValid():
		return refuse("a service on port %d, which is not one of the router's", foreign.First())
	case !r.given.IsValid() && s.Services.IsValid():
		return refuse("services of its own take all ports that it has")
	case !r.given.IsValid():
		return refuse("it has no ports")
	case !isLink(s.Link):
		return refuse("interface %q: want 1 to 15 letters, digits, '.', '_', '-' and '@'", s.Link)
	case s.MTU < minMTU || s.MTU > maxMTU:
		return refuse("MTU %d is not in %d to %d", s.MTU, minMTU, maxMTU)
	case strings.ContainsFunc(strings.Join(s.Notes, ""), unicode.IsControl):
		return refuse("a note has control characters")
	case r.Filtering > FilterNone:
		return refuse("filtering %d is unknown", r.Filtering)
	}
	return r, nil
}

// neverGiven returns ports that inside endpoints never get. Who has a whole address need not look like a service.
func neverGiven(all portset.Set) portset.Set {
	last := 0
	if all.Len() == portset.PortCount {
		last = 1023
	}
	first, _ := portset.NewRange(0, last) // these are ports
	set, _ := portset.NewSet(first)
	return set
}

// isLink reports whether a name can be that of an interface, and needs no escaping.
func isLink(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"
	return name != "" && len(name) <= 15 && name != "." && name != ".." && strings.Trim(name, letters) == ""
}
