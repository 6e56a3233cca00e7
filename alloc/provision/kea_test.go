package provision

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

func pfx(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// kinds returns a specification with a pool of every kind.
func kinds() alloc.Spec {
	in, _ := alloc.ParseAddrRange("100.64.0.0/24")
	out, _ := alloc.ParseAddrRange("198.51.100.0/29")
	return alloc.Spec{
		Pools: []alloc.PoolSpec{{Name: "cgn", Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}}},
		Softwires: []alloc.SoftwireSpec{
			{Name: "mape", Kind: alloc.MAPE, Relay: netip.MustParseAddr("2001:db8:ffff::1"), Rules: []softwire.RuleSpec{
				{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/24"), EALen: 16, Forwarding: true},
				{IPv6: pfx("2001:db8:100::/44"), IPv4: pfx("198.18.0.0/26"), EALen: 10, PSIDOffset: new(4)},
			}},
			{Name: "mapt", Kind: alloc.MAPT, DMR: pfx("2001:db8:fffe::/64"), Rules: []softwire.RuleSpec{
				{IPv6: pfx("2001:db8:200::/40"), IPv4: pfx("203.0.113.0/28"), EALen: 12},
			}},
			{Name: "lw", Kind: alloc.LW4o6, Relay: netip.MustParseAddr("2001:db8:fffd::1"), Bindings: []softwire.BindingSpec{
				{B4: pfx("2001:db8:400::/56"), IPv4: netip.MustParseAddr("203.0.113.100"), PSIDLength: 6, PSID: 5},
				{B4: pfx("2001:db8:400:100::1/128"), IPv4: netip.MustParseAddr("203.0.113.101")},
			}},
		},
	}
}

func planOf(t *testing.T, change ...func(*alloc.Spec)) *alloc.Plan {
	t.Helper()
	s := kinds()
	for _, c := range change {
		c(&s)
	}
	p, err := alloc.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(device string) Kea6Pool { return Kea6Pool{Link{Interface: device}} }

// prefixesOnly gives every B4 a prefix.
func prefixesOnly(s *alloc.Spec) { s.Softwires[2].Bindings[1].B4 = pfx("2001:db8:400:100::/56") }

func TestKea6Refuses(t *testing.T) {
	duid := "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x07"
	relay := func(device string, relays ...string) Kea6Pool {
		k := at(device)
		for _, a := range relays {
			k.Relays = append(k.Relays, netip.MustParseAddr(a))
		}
		return k
	}
	for name, c := range map[string]struct {
		pools  map[string]Kea6Pool
		list   []Reservation
		change func(*alloc.Spec)
		want   error
		text   string
	}{
		"no interface":       {want: ErrInterface, text: "0 are named"},
		"pool of NAT44":      {pools: map[string]Kea6Pool{"cgn": at("eth0")}, want: ErrInterface, text: "1 are named"},
		"one for two":        {pools: map[string]Kea6Pool{"mape": at("eth0"), "mapt": at("eth0")}, want: ErrInterface, text: "both on eth0"},
		"name":               {pools: map[string]Kea6Pool{"mape": at("eth0\"\n")}, want: ErrInterface, text: "invalid interface"},
		"long name":          {pools: map[string]Kea6Pool{"mape": at("sixteen-letters-")}, want: ErrInterface, text: "invalid interface"},
		"relay agent of two": {pools: map[string]Kea6Pool{"mape": relay("eth0", "2001:db9::1"), "mapt": relay("eth0", "2001:db9::2", "2001:db9::1")}, want: ErrInterface, text: "2001:db9::1 is that of pools"},
		"relay agent, IPv4":  {pools: map[string]Kea6Pool{"mape": relay("eth0", "192.0.2.1")}, want: ErrInterface, text: "192.0.2.1 is no address"},
		"relay agent, none":  {pools: map[string]Kea6Pool{"mape": relay("eth0", "::")}, want: ErrInterface, text: ":: is no address"},
		"relay agent, zone":  {pools: map[string]Kea6Pool{"mape": relay("eth0", "fe80::1%\"")}, want: ErrInterface, text: "is no address"},
		"server, multicast":  {pools: map[string]Kea6Pool{"mape": {Link{Interface: "eth0", Address: netip.MustParseAddr("ff02::1:2")}}}, want: ErrInterface, text: "ff02::1:2 is no address"},
		"addresses and prefixes": {pools: map[string]Kea6Pool{"lw": at("eth0")}, want: ErrInexpressible,
			text: "the B4 2001:db8:400:100::1 has an address only and that in 2001:db8:400::/56 a prefix"},
		"nested rules": {pools: map[string]Kea6Pool{"mape": at("eth0")}, change: func(s *alloc.Spec) { s.Softwires[0].Rules[1].IPv6 = pfx("2001:db8:10::/44") }, want: ErrInexpressible, text: "overlap"},
		"drafts":       {pools: map[string]Kea6Pool{"mape": at("eth0")}, change: func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, want: ErrInexpressible, text: "drafts"},
		"the same subnets": {pools: map[string]Kea6Pool{"mape": at("eth0"), "mapt": at("eth1")}, change: func(s *alloc.Spec) {
			s.Softwires[0].Rules = []softwire.RuleSpec{{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.0/26"), EALen: 6}, {IPv6: pfx("2001:db8:800::/40"), IPv4: pfx("192.0.2.64/26"), EALen: 6}}
			s.Softwires[1].Rules = []softwire.RuleSpec{{IPv6: pfx("2001:db8:100::/40"), IPv4: pfx("192.0.2.128/26"), EALen: 6}, {IPv6: pfx("2001:db8:f00::/40"), IPv4: pfx("192.0.2.192/26"), EALen: 6}}
		}, want: ErrInexpressible, text: "both need the subnet 2001:db8::/36"},
		"realms": {pools: map[string]Kea6Pool{"mape": at("eth0"), "mapt": at("eth1")}, change: func(s *alloc.Spec) {
			s.Softwires[1].Realm, s.Softwires[1].Rules[0] = "other", softwire.RuleSpec{IPv6: pfx("2001:db8::/41"), IPv4: pfx("203.0.113.0/28"), EALen: 12}
		}, want: ErrInexpressible, text: `pool "mapt": 2001:db8::/41 and 2001:db8::/40 of pool "mape" overlap`},
		"reserved, no subscriber": {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8:999::/56")}}, want: ErrReservation, text: "no subscriber"},
		"reserved, in a prefix":   {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8:400::/64")}}, want: ErrReservation, text: "just this prefix"},
		"reserved, another pool":  {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8::/56")}}, want: ErrReservation, text: "pool \"mape\" is on no interface"},
		"reserved, DUID":          {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{"ab", pfx("2001:db8:400::/56")}}, want: ErrReservation, text: "2 octets"},
		"reserved, DUID twice":    {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8:400::/56")}, {duid, pfx("2001:db8:400:100::1/128")}}, want: ErrReservation, text: "router 00:03:00:01:02:00:00:00:00:07 has another"},
		"reserved, prefix twice":  {pools: map[string]Kea6Pool{"lw": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8:400::/56")}, {duid + "8", pfx("2001:db8:400::/56")}}, want: ErrReservation, text: "two routers"},
		"reserved, in two realms": {pools: map[string]Kea6Pool{"mape": at("eth0"), "mapt": at("eth1")}, list: []Reservation{{duid, pfx("2001:db8:200::/56")}}, change: func(s *alloc.Spec) {
			s.Softwires[0].Realm, s.Softwires[0].Rules[0].IPv6 = "west", pfx("2001:db8:200::/40")
			s.Softwires[1].Rules[0].IPv4, s.Softwires[1].Rules[0].EALen = pfx("198.18.5.0/24"), 16
		}, want: ErrReservation, text: "each in its realm"},
		"reserved, drafts": {pools: map[string]Kea6Pool{"mape": at("eth0")}, list: []Reservation{{duid, pfx("2001:db8::/56")}}, change: func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, want: ErrInexpressible, text: "drafts"},
	} {
		change := c.change
		if change == nil {
			change = func(*alloc.Spec) {}
		}
		var out bytes.Buffer
		err := Kea6(&out, planOf(t, change), c.pools, c.list)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes written", name, err, out.Len())
		}
	}
}

// containers returns what follows each line that holds a text, as routers read it.
func containers(t *testing.T, config string, behind string) (found []s46.Option) {
	t.Helper()
	lines := strings.Split(config, "\n")
	for i, line := range lines {
		if !strings.Contains(line, behind) {
			continue
		}
		_, rest, _ := strings.Cut(lines[i+1], "\"data\": \"")
		text, _, _ := strings.Cut(rest, "\"")
		body, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		code := map[bool]byte{true: 94}[strings.Contains(lines[i+1], "\"code\": 94")]
		if code == 0 {
			code = 96
		}
		o, discarded := s46.Containers(append([]byte{0, code, byte(len(body) >> 8), byte(len(body))}, body...))
		if len(o) != 1 || len(discarded) > 0 {
			t.Fatalf("%s: %v, discarded %v", lines[i+1], o, discarded)
		}
		found = append(found, o[0])
	}
	return found
}

// Routers are told their own rule first, and of the others those that forward.
func TestKea6Rules(t *testing.T) {
	var out bytes.Buffer
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[0].Rules = append(s.Softwires[0].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:300::/40"), IPv4: pfx("198.18.1.0/24"), EALen: 16})
	})
	if err := Kea6(&out, p, map[string]Kea6Pool{"mape": at("eth0")}, nil); err != nil {
		t.Fatal(err)
	}
	for own, want := range map[string][]string{
		`"2001:db8::", "prefix-len": 40`:     {"2001:db8::/40"},
		`"2001:db8:100::", "prefix-len": 44`: {"2001:db8:100::/44", "2001:db8::/40"},
		`"2001:db8:300::", "prefix-len": 40`: {"2001:db8:300::/40", "2001:db8::/40"},
	} {
		told := containers(t, out.String(), own)
		if len(told) != 1 {
			t.Fatalf("%s: %d containers in\n%s", own, len(told), out.String())
		}
		var got []string
		for _, r := range told[0].(s46.MAPE).Rules {
			got = append(got, r.IPv6.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", own, got, want)
		}
	}
}

// B4s that have an address only are leased addresses, and B4s with prefixes delegated them.
func TestKea6Bindings(t *testing.T) {
	for name, c := range map[string]struct {
		change       func(*alloc.Spec)
		want, absent string
	}{
		"prefixes":  {prefixesOnly, `{ "prefix": "2001:db8:400:100::", "prefix-len": 56, "delegated-len": 56,`, `"pools"`},
		"addresses": {func(s *alloc.Spec) { s.Softwires[2].Bindings[0].B4 = pfx("2001:db8:400::1/128") }, `{ "pool": "2001:db8:400:100::1/128",`, "pd-pools"},
	} {
		var out bytes.Buffer
		if err := Kea6(&out, planOf(t, c.change), map[string]Kea6Pool{"lw": at("eth0")}, nil); err != nil {
			t.Fatal(err)
		}
		told := containers(t, out.String(), c.want)
		if len(told) != 1 || told[0].(s46.LW).Bind.Spec().IPv4.String() != "203.0.113.101" || strings.Contains(out.String(), c.absent) {
			t.Errorf("%s: %v in\n%s", name, told, out.String())
		}
	}
}

// Of a pool with reservations only these are there, each with what belongs to it, and addresses stand beside prefixes. Relay agents
// take the place of the interface.
func TestKea6Reservations(t *testing.T) {
	var out bytes.Buffer
	list := []Reservation{{"\x00\x03\x00\x01\x02\x00\x00\x00\x00\x07", pfx("2001:db8:400::/56")}, {"\x00\x03\x00\x01\x02\x00\x00\x00\x00\x08", pfx("2001:db8:400:100::1/128")}}
	lw := Kea6Pool{Link{Interface: "eth1", Address: netip.MustParseAddr("2001:db9::53"), Relays: []netip.Addr{netip.MustParseAddr("2001:db9:1::1"), netip.MustParseAddr("2001:db9:2::1")}}}
	if err := Kea6(&out, planOf(t), map[string]Kea6Pool{"lw": lw, "mape": at("eth1")}, list); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		`"interfaces": [ "eth1", "eth1/2001:db9::53" ]`,
		`"host-reservation-identifiers": [ "duid" ]`,
		`"relay": { "ip-addresses": [ "2001:db9:1::1", "2001:db9:2::1" ] }`,
		`"prefix": "2001:db8::", "prefix-len": 40, "delegated-len": 56,`, // the other pool has none
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for line, want := range map[string]string{
		`{ "duid": "00:03:00:01:02:00:00:00:00:07", "prefixes": [ "2001:db8:400::/56" ],`:       "203.0.113.100",
		`{ "duid": "00:03:00:01:02:00:00:00:00:08", "ip-addresses": [ "2001:db8:400:100::1" ],`: "203.0.113.101",
	} {
		told := containers(t, text, line)
		if len(told) != 1 || told[0].(s46.LW).Bind.Spec().IPv4.String() != want {
			t.Errorf("%s: %v in\n%s", line, told, text)
		}
	}
	if n := strings.Count(text, `pools": [`); n != 1 {
		t.Errorf("%d lists of pools, want that of mape alone:\n%s", n, text)
	}
}

// With reservations rules may lie in one another: each router is told of its own first.
func TestKea6NestedReserved(t *testing.T) {
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[0].Rules[1] = softwire.RuleSpec{IPv6: pfx("2001:db8:10::/48"), IPv4: pfx("198.18.0.0/26"), EALen: 8}
	})
	var out bytes.Buffer
	list := []Reservation{{"one", pfx("2001:db8:10:100::/56")}, {"two", pfx("2001:db8:11:100::/56")}}
	if err := Kea6(&out, p, map[string]Kea6Pool{"mape": at("eth0")}, list); err != nil {
		t.Fatal(err)
	}
	for duid, want := range map[string][]string{"6f:6e:65": {"198.18.0.0/26", "192.0.2.0/24"}, "74:77:6f": {"192.0.2.0/24"}} {
		var got []string
		for _, o := range containers(t, out.String(), duid) {
			for _, r := range o.(s46.MAPE).Rules {
				got = append(got, r.IPv4.String())
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("router %s is told %v, want %v\n%s", duid, got, want, out.String())
		}
	}
}

func TestKea4Refuses(t *testing.T) {
	pool := func(device, gateway string, wait uint32) Kea4Pool {
		return Kea4Pool{Link{Interface: device}, pfx(gateway), wait}
	}
	for name, c := range map[string]struct {
		pools map[string]Kea4Pool
		want  error
	}{
		"none":              {nil, ErrInterface},
		"MAP":               {map[string]Kea4Pool{"mape": pool("eth0", "100.64.0.1/24", 0)}, ErrInterface},
		"name":              {map[string]Kea4Pool{"cgn": pool("", "100.64.0.1/24", 0)}, ErrInterface},
		"below 300":         {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/24", 299)}, ErrInexpressible},
		"only one exists":   {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/24", 0), "x": pool("eth1", "100.64.0.1/24", 0)}, ErrInterface},
		"no gateway":        {map[string]Kea4Pool{"cgn": {Link: Link{Interface: "eth0"}}}, ErrGateway},
		"gateway, IPv6":     {map[string]Kea4Pool{"cgn": pool("eth0", "2001:db8::1/24", 0)}, ErrGateway},
		"network's own":     {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.0/24", 0)}, ErrGateway},
		"for broadcasts":    {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.255/24", 0)}, ErrGateway},
		"too long":          {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/31", 0)}, ErrGateway},
		"not its network":   {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.1.1/24", 0)}, ErrGateway},
		"half its network":  {map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/25", 0)}, ErrGateway},
		"relay agent, IPv6": {map[string]Kea4Pool{"cgn": {Link{Interface: "eth0", Relays: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}, pfx("100.64.0.1/24"), 0}}, ErrInterface},
	} {
		var out bytes.Buffer
		if err := Kea4(&out, planOf(t), c.pools); !errors.Is(err, c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, want %v; %d bytes written", name, err, c.want, out.Len())
		}
	}
	two := planOf(t, func(s *alloc.Spec) {
		s.Pools = append(s.Pools, alloc.PoolSpec{Name: "more", Inside: ranges(t, "100.64.1.0/24"), Outside: ranges(t, "198.51.100.8/29")})
	})
	if err := Kea4(io.Discard, two, map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/23", 0), "more": pool("eth1", "100.64.1.1/24", 0)}); !errors.Is(err, ErrInexpressible) {
		t.Errorf("networks that overlap: %v", err)
	}
	one := planOf(t, func(s *alloc.Spec) { s.Pools[0].Inside = ranges(t, "100.64.0.1") })
	if err := Kea4(io.Discard, one, map[string]Kea4Pool{"cgn": pool("eth0", "100.64.0.1/24", 0)}); !errors.Is(err, ErrInexpressible) {
		t.Errorf("nobody is left: %v", err)
	}
}

func ranges(t *testing.T, texts ...string) (out []alloc.AddrRange) {
	t.Helper()
	for _, text := range texts {
		r, err := alloc.ParseAddrRange(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// What subscribers are leased: never what the network or the gateway has, and all that is left.
func TestKea4Pools(t *testing.T) {
	for _, c := range []struct {
		inside, gateway string
		want            []string
	}{
		{"100.64.0.0/24", "100.64.0.1/24", []string{"100.64.0.2 - 100.64.0.254"}},
		{"100.64.0.0/24", "100.64.0.254/24", []string{"100.64.0.1 - 100.64.0.253"}},
		{"100.64.0.0/24", "100.64.0.100/24", []string{"100.64.0.1 - 100.64.0.99", "100.64.0.101 - 100.64.0.254"}},
		{"100.64.0.0/24", "100.64.1.1/23", []string{"100.64.0.1 - 100.64.0.255"}},
		{"100.64.0.10-100.64.0.20 100.64.0.30", "100.64.0.1/24", []string{"100.64.0.10 - 100.64.0.20", "100.64.0.30 - 100.64.0.30"}},
		{"100.64.0.0/30", "100.64.0.1/30", []string{"100.64.0.2 - 100.64.0.2"}},
		{"100.64.0.1 100.64.0.2", "100.64.0.1/24", []string{"100.64.0.2 - 100.64.0.2"}},
	} {
		p := planOf(t, func(s *alloc.Spec) { s.Pools[0].Inside = ranges(t, strings.Fields(c.inside)...) })
		var out bytes.Buffer
		if err := Kea4(&out, p, map[string]Kea4Pool{"cgn": {Link{Interface: "eth0"}, pfx(c.gateway), 0}}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			if _, rest, ok := strings.Cut(line, `{ "pool": "`); ok {
				pool, _, _ := strings.Cut(rest, `"`)
				got = append(got, pool)
			}
		}
		gateway, _, _ := strings.Cut(c.gateway, "/")
		if !slices.Equal(got, c.want) || !strings.Contains(out.String(), `{ "name": "routers", "data": "`+gateway+`" }`) || strings.Contains(out.String(), "v6-only") {
			t.Errorf("%s, %s: %q, want %q\n%s", c.inside, c.gateway, got, c.want, out.String())
		}
	}
}

// The warning has the length of the longest option that is written, octet for octet.
func TestKea6Warnings(t *testing.T) {
	forwarding := func(pool, n int) func(*alloc.Spec) {
		return func(s *alloc.Spec) {
			rules := s.Softwires[pool].Rules[:1]
			rules[0].Forwarding = false
			for i := range n {
				rules = append(rules, softwire.RuleSpec{Forwarding: i != 7, EALen: 8, PSIDOffset: new(4),
					IPv6: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x24, 0, byte(i >> 8), byte(i)}), 32+i%3), IPv4: netip.PrefixFrom(addr4(1<<24+uint32(i)<<4), 28)})
			}
			s.Softwires[pool].Rules = rules
		}
	}
	for pool, name := range []string{"mape", "mapt"} {
		p := planOf(t, forwarding(pool, 60))
		var out bytes.Buffer
		pools := map[string]Kea6Pool{name: at("eth0")}
		if err := Kea6(&out, p, pools, nil); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for line := range strings.Lines(out.String()) {
			if _, data, ok := strings.Cut(line, `"data": "`); ok {
				longest = max(longest, 4+strings.IndexByte(data, '"')/2)
			}
		}
		want := fmt.Sprintf("pool %q: every router is told of the 59 rules that forward, in up to %d octets;", name, longest)
		if got := Kea6Warnings(p, pools); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q, want %q", got, want)
		}
		if got := Kea6Warnings(planOf(t, forwarding(pool, 20)), pools); len(got) > 0 {
			t.Errorf("20 rules: %q", got)
		}
		if got := Kea6Warnings(p, map[string]Kea6Pool{"lw": at("eth0")}); len(got) > 0 {
			t.Errorf("another pool: %q", got)
		}
	}
}
