package alloc

import "net/netip"

// DefaultRealm is the realm of pools that name none.
const DefaultRealm = "default"

// A Subscriber is one inside host: a prefix in a realm. For NAT44 the prefix is a single IPv4 address (a /32). It is a
// prefix and not an address so that a subscriber can be an IPv6 prefix where the scheme has one (MAP, lw4o6).
//
// The same prefix in another realm is another subscriber. Subscribers are comparable with ==.
type Subscriber struct {
	Realm  string // the inside address space; lookups read "" as DefaultRealm
	Prefix netip.Prefix
}

// SubscriberFrom returns the subscriber with one inside address. An empty realm means DefaultRealm.
func SubscriberFrom(realm string, a netip.Addr) Subscriber {
	if realm == "" {
		realm = DefaultRealm
	}
	return Subscriber{Realm: realm, Prefix: netip.PrefixFrom(a, a.BitLen())}
}

// Text returns the inside address, such as "100.64.0.2", or the prefix where it holds several addresses. The realm is not in it.
func (s Subscriber) Text() string {
	if s.Prefix.IsSingleIP() && s.Prefix.Addr().Is4() {
		return s.Prefix.Addr().String()
	}
	return s.Prefix.String()
}

// Addr returns the inside address of a subscriber that is one address, and the first address of its prefix otherwise.
func (s Subscriber) Addr() netip.Addr { return s.Prefix.Addr() }

// String returns Text, with "@realm" behind it in any realm but DefaultRealm.
func (s Subscriber) String() string {
	text := s.Text()
	if s.Realm != DefaultRealm && s.Realm != "" {
		text += "@" + s.Realm
	}
	return text
}
