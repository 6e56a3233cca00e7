package alarm

import (
	"cmp"
	"fmt"
	"net/netip"
)

// A Level is what an alarm is about. The zero Level is invalid.
type Level uint8

// The levels.
const (
	Pool Level = iota + 1
	Address
	Subscriber
)

// Levels are all levels, from the widest to the narrowest.
var Levels = [...]Level{Pool, Address, Subscriber}

// String returns "pool", "address" or "subscriber".
func (l Level) String() string {
	if !l.valid() {
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
	return [...]string{Pool: "pool", Address: "address", Subscriber: "subscriber"}[l]
}

func (l Level) valid() bool { return l >= Pool && l <= Subscriber }

// A Key is whom an alarm is about. Keys are comparable; make one with PoolKey, AddressKey or SubscriberKey. The zero Key is invalid.
type Key struct {
	level       Level
	pool, realm string
	addr        netip.Addr
}

// PoolKey returns the key of a pool by its name.
func PoolKey(pool string) Key { return Key{level: Pool, pool: pool} }

// AddressKey returns the key of an outside address of a pool.
func AddressKey(pool string, outside netip.Addr) Key {
	return Key{level: Address, pool: pool, addr: outside}
}

// SubscriberKey returns the key of a subscriber of a pool: a realm and an inside address.
func SubscriberKey(pool, realm string, inside netip.Addr) Key {
	return Key{level: Subscriber, pool: pool, realm: realm, addr: inside}
}

// Level returns what the key is of.
func (k Key) Level() Level { return k.level }

// Pool returns the name of the pool.
func (k Key) Pool() string { return k.pool }

// Realm returns the realm of a subscriber, and "" for the others.
func (k Key) Realm() string { return k.realm }

// Addr returns the outside address of an address, the inside address of a subscriber, and the zero Addr for a pool.
func (k Key) Addr() netip.Addr { return k.addr }

// String returns words for people: "pool fttx", "address 192.0.2.1", "subscriber 100.64.0.2 in realm default".
func (k Key) String() string {
	switch k.level {
	case Pool:
		return fmt.Sprintf("pool %q", k.pool)
	case Address:
		return "address " + k.addr.String()
	case Subscriber:
		return fmt.Sprintf("subscriber %v in realm %q", k.addr, k.realm)
	}
	return "invalid key"
}

// compare orders keys: pools, addresses, subscribers, each by name and number.
func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.level, o.level), cmp.Compare(k.pool, o.pool), cmp.Compare(k.realm, o.realm), k.addr.Compare(o.addr))
}
