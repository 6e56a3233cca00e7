package softwire

import (
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/portset"
)

// object is a JSON object whose fields are read one at a time, so that a renamed field fails the test that needs it.
type object map[string]json.RawMessage

func field[T any](t failer, o object, name string) T {
	t.Helper()
	raw, ok := o[name]
	if !ok {
		t.Fatalf("the vector has no field %q", name)
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("field %q: %v", name, err)
	}
	return v
}

func (o object) has(name string) bool { _, ok := o[name]; return ok }

func num(t failer, o object, name string) int { t.Helper(); return field[int](t, o, name) }

func text(t failer, o object, name string) string { t.Helper(); return field[string](t, o, name) }

func vectors(t failer) map[string]object {
	t.Helper()
	b, err := os.ReadFile("../../testdata/vectors/rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	var file object
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	byID := map[string]object{}
	for _, v := range field[[]object](t, file, "vectors") {
		byID[text(t, v, "id")] = v
	}
	return byID
}

// drivers name every vector of rfc.json that is about rules, bindings and embedded addresses.
var drivers = map[string]func(t *testing.T, in, want object){
	"map-e-A1": driveCE, "map-t-A1": driveCE, "map-e-A4": driveCE, "map-e-A5": driveCE,
	"map-t-A4": driveCE, "map-t-A5-psid20": driveCE, "map-t-A5-psid34": driveCE,
	"map-e-A2": driveFromOutside, "map-t-A2": driveFromOutside, "map-e-A3": driveToOutside, "map-t-A3": driveToOutside,
	"map-e-B2-1": driveSet, "map-e-B2-2": driveSet, "map-e-5.1-portprefix": drivePortPrefix, "map-reverse": driveReverse,
	"map-partition-a6-k8": drivePartition, "map-partition-a4-k6": drivePartition, "map-partition-a0-k6": drivePartition,
	"map-partition-a6-k10": drivePartition, "map-partition-a15-k1": drivePartition,
	"map-neg-1": driveBadRule, "map-neg-2": driveShortEndUser, "map-neg-3": driveBadRule, "map-neg-4": driveBadRule,
	"map-neg-5": driveConflict, "map-neg-6": driveConflict, "map-neg-7": driveBadRule, "map-neg-8": driveExcluded, "map-neg-9": driveBadRule,
	"map-t-dmrlen-64": driveDMR, "map-t-dmrlen-96": driveDMR, "map-t-dmrlen-56": driveDMR, "map-t-dmrlen-97": driveDMR, "map-t-dmrlen-128": driveDMR,
	"rfc6052-t1-32": driveEmbed, "rfc6052-t1-40": driveEmbed, "rfc6052-t1-48": driveEmbed, "rfc6052-t1-56": driveEmbed,
	"rfc6052-t1-64": driveEmbed, "rfc6052-t1-96": driveEmbed, "rfc6052-t2-wkp": driveEmbed, "rfc7915-A-198.51.100.2": driveEmbed,
	"lw4o6-a0": driveBinding,
}

// elsewhere are vectors of the same names that need no rule: package portset has them.
var elsewhere = []string{"map-e-5.1-a4", "map-e-5.1-counts"}

func TestRFCVectors(t *testing.T) {
	all := vectors(t)
	for id := range all {
		mine := strings.HasPrefix(id, "map-") || strings.HasPrefix(id, "lw4o6") || strings.HasPrefix(id, "rfc6052")
		if mine && drivers[id] == nil && !slices.Contains(elsewhere, id) {
			t.Errorf("vector %s is not tested", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(drivers)) {
		t.Run(id, func(t *testing.T) {
			v, ok := all[id]
			if !ok {
				t.Fatalf("rfc.json has no vector %q", id)
			}
			want := object{"": v["expected"]}
			if strings.HasPrefix(string(v["expected"]), "{") {
				want = field[object](t, v, "expected")
			}
			drivers[id](t, field[object](t, v, "inputs"), want)
		})
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// inRule returns the rule of a vector. What a vector leaves out is that of RFC 7597 appendix A.
func inRule(t failer, in object) RuleSpec {
	s := RuleSpec{IPv6: pfx("2001:db8:12:3400::/56"), IPv4: pfx("192.0.2.0/24")}
	if in.has("rule6") {
		s.IPv6 = pfx(text(t, in, "rule6"))
	}
	if in.has("rule4") {
		s.IPv4 = pfx(text(t, in, "rule4"))
	}
	if in.has("ea_len") {
		s.EALen = num(t, in, "ea_len")
	}
	for name, p := range map[string]**int{"psid_offset": &s.PSIDOffset, "psid_len": &s.PSIDLength, "psid": &s.PSID} {
		if in.has(name) {
			*p = new(num(t, in, name))
		}
	}
	return s
}

func driveCE(t *testing.T, in, want object) {
	s := inRule(t, in)
	endUser := s.IPv6
	if in.has("end_user") {
		endUser = pfx(text(t, in, "end_user"))
	}
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{s}})
	ce, err := d.Forward(endUser)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "ce_ipv6", ce.Address().String(), text(t, want, "ce_ipv6"))
	if want.has("ipv4") {
		same(t, "ipv4", ce.IPv4().String(), text(t, want, "ipv4")+"/32")
	}
	psid, shared := ce.PSID()
	if want.has("psid_len") {
		same(t, "psid_len", ce.Rule().Layout().Length(), num(t, want, "psid_len"))
	}
	if p := want["psid"]; p != nil {
		same(t, "a PSID", shared, string(p) != "null")
		if shared {
			same(t, "psid", int(psid), num(t, want, "psid"))
		}
	}
	if want.has("ports") {
		samePorts(t, ce.Ports(), field[object](t, want, "ports"))
	}
	for port := range portset.PortCount { // the other way
		back, err := d.Reverse(ce.IPv4().Addr(), uint16(port))
		if has := ce.Ports().Contains(uint16(port)); has != (err == nil && back == ce) || has != ce.Has(uint16(port)) {
			t.Fatalf("port %d: Reverse = %v, %v; in the port set: %v", port, back, err, has)
		}
		if err := d.Check(ce.Address(), ce.IPv4().Addr(), uint16(port)); (err == nil) != ce.Has(uint16(port)) {
			t.Fatalf("port %d: Check = %v", port, err)
		}
	}
}

func samePorts(t *testing.T, s portset.Set, want object) {
	t.Helper()
	var got [][2]int
	for r := range s.Ranges() {
		got = append(got, [2]int{int(r.First()), int(r.Last())})
	}
	same(t, "range_count", s.RangeCount(), num(t, want, "range_count"))
	same(t, "port_count", s.Len(), num(t, want, "port_count"))
	first, last := field[[][2]int](t, want, "first"), field[[][2]int](t, want, "last")
	same(t, "first ranges", got[:len(first)], first)
	same(t, "last ranges", got[len(got)-len(last):], last)
}

// outsideDomain is the domain of examples 2 and 3, from the side that has all rules.
func outsideDomain(t *testing.T, in object) *Domain {
	s := DomainSpec{Rules: []RuleSpec{ruleOf()}}
	if in.has("br") {
		s.Relay = ip(text(t, in, "br"))
	}
	if in.has("dmr") {
		s.DMR = pfx(text(t, in, "dmr"))
	}
	return mustDomain(t, s)
}

func driveFromOutside(t *testing.T, in, want object) {
	d := outsideDomain(t, in)
	ce, err := d.Reverse(ip(text(t, in, "dst4")), uint16(num(t, in, "dport")))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "dst6", ce.Address().String(), text(t, want, "dst6"))
	psid, _ := ce.PSID()
	same(t, "psid", int(psid), num(t, want, "psid"))
	var src netip.Addr
	if dmr, ok := d.DMR(); ok {
		if src, err = dmr.Embed(ip(text(t, in, "src4"))); err != nil {
			t.Fatal(err)
		}
	} else if src, ok = d.Relay(); !ok {
		t.Fatal("no border relay")
	}
	same(t, "src6", src.String(), text(t, want, "src6"))
}

func driveToOutside(t *testing.T, in, want object) {
	d := outsideDomain(t, in)
	dst, err := d.Destination(ip(text(t, in, "dst4")), uint16(num(t, in, "dport")))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "dst6", dst.String(), text(t, want, "dst6"))
	src := ip(text(t, want, "src6"))
	if err := d.Check(src, ip(text(t, in, "src4")), uint16(num(t, in, "sport"))); err != nil {
		t.Errorf("the source does not pass: %v", err)
	}
	ce, err := d.Source(src)
	if err != nil || ce.IPv4().Addr() != ip(text(t, in, "src4")) {
		t.Errorf("Source = %v, %v", ce, err)
	}
}

func driveSet(t *testing.T, in, want object) {
	r := mustRule(t, one("2001:db8::/56", "192.0.2.18/32", num(t, in, "a"), num(t, in, "k"), num(t, in, "psid")))
	ce, _ := r.At(0)
	samePorts(t, ce.Ports(), want)
}

func drivePortPrefix(t *testing.T, in, want object) {
	for _, psid := range field[[]int](t, in, "psids") {
		r := mustRule(t, one("2001:db8::/56", "192.0.2.18/32", num(t, in, "a"), num(t, in, "k"), psid))
		ce, _ := r.At(0)
		ports, ok := ce.Ports().Range()
		same(t, strconv.Itoa(psid), [][2]int{{int(ports.First()), int(ports.Last())}}, field[[][2]int](t, want, strconv.Itoa(psid)))
		same(t, "one range", ok, true)
	}
}

func driveReverse(t *testing.T, in, want object) {
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{ruleOf()}})
	for _, port := range field[[]int](t, in, "ports") {
		ce, err := d.Reverse(ip("192.0.2.18"), uint16(port))
		owner := field[any](t, want, strconv.Itoa(port))
		if reason, excluded := owner.(string); excluded {
			if !errors.Is(err, ErrExcluded) || !strings.HasPrefix(reason, "excluded") {
				t.Errorf("port %d: %v, %v; want %q", port, ce, err, reason)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if psid, _ := ce.PSID(); float64(psid) != owner {
			t.Errorf("port %d: PSID %d, want %v", port, psid, owner)
		}
	}
}

// The PSIDs of one address, as EA bits say them, and the ports that they leave.
func drivePartition(t *testing.T, in, want object) {
	a, k := num(t, in, "a"), num(t, in, "k")
	s := RuleSpec{IPv6: pfx("2001:db8::/40"), IPv4: pfx("192.0.2.18/32"), EALen: k, PSIDOffset: &a}
	r := mustRule(t, s)
	var owners [portset.PortCount]int
	for i := range r.Len() {
		ce, _ := r.At(i)
		for p := range ce.Ports().Ports() {
			owners[p]++
		}
	}
	unassigned := 0
	for port, n := range owners {
		if n == 0 {
			unassigned++
		}
		if _, err := r.Reverse(ip("192.0.2.18"), uint16(port)); (err == nil) != (n == 1) {
			t.Fatalf("port %d has %d owners, and Reverse says %v", port, n, err)
		}
	}
	same(t, "max_owners", slices.Max(owners[:]), num(t, want, "max_owners"))
	same(t, "unassigned_ports", unassigned, num(t, want, "unassigned_ports"))
}

func driveEmbed(t *testing.T, in, want object) {
	p, err := NewPref64(pfx(text(t, in, "prefix")))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Embed(ip(text(t, in, "ipv4")))
	if err != nil {
		t.Fatal(err)
	}
	if got != ip(text(t, want, "ipv6")) {
		t.Errorf("Embed = %v, want %s", got, text(t, want, "ipv6"))
	}
	if want.has("ipv6_full") {
		same(t, "all digits", got.StringExpanded(), text(t, want, "ipv6_full"))
	}
	if back, ok := p.Extract(got); !ok || back != ip(text(t, in, "ipv4")) {
		t.Errorf("Extract = %v, %v", back, ok)
	}
}

func driveBinding(t *testing.T, in, want object) {
	table, err := NewBindings(slices.Values([]BindingSpec{{
		B4: pfx(text(t, in, "prefix")), IPv4: ip(text(t, in, "ipv4")),
		PSIDOffset: num(t, in, "a"), PSIDLength: num(t, in, "k"), PSID: num(t, in, "psid"),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	b4 := ip(text(t, want, "b4_ipv6"))
	b, err := table.Forward(b4)
	if err != nil || b.B4() != b4 || b.Prefix() != pfx(text(t, in, "prefix")) {
		t.Fatalf("Forward = %v, %v", b, err)
	}
	ports, _ := b.Ports().Range()
	same(t, "ports", [][2]int{{int(ports.First()), int(ports.Last())}}, field[[][2]int](t, want, "ports"))
	for port := range portset.PortCount {
		back, err := table.Reverse(b.IPv4(), uint16(port))
		if in := ports.Contains(uint16(port)); in != (err == nil && back == b) || in != (table.Check(b4, b.IPv4(), uint16(port)) == nil) {
			t.Fatalf("port %d: Reverse = %v, %v; in the port set: %v", port, back, err, in)
		}
	}
}
