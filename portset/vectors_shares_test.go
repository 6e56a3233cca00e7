package portset_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

// usable returns all ports but the reserved ones.
func usable(t *testing.T, reserved portset.Set) portset.Set {
	t.Helper()
	left, ok := span(t, 0, portset.PortCount-1).Minus(reserved)
	if !ok {
		t.Fatal("every port is reserved")
	}
	return left
}

// driveSequential checks the table of RFC 7422 section 2.3: C static blocks and D blocks' worth of dynamic ports.
func driveSequential(t *testing.T, in, want object) {
	ports := usable(t, parse(t, field[string](t, in, "R")))
	static, ratio := num(t, in, "C"), num(t, in, "C")+num(t, in, "D")
	block := ports.Len() / ratio
	same(t, "total_ratio", ratio, num(t, want, "total_ratio"))
	same(t, "block", block, num(t, want, "block"))

	table := field[map[netip.Addr][2]int](t, want, "table")
	same(t, "rows", len(table), static)
	for j, inside := range slices.SortedFunc(maps.Keys(table), netip.Addr.Compare) {
		same(t, inside.String(), pairs(ports.Slice(j*block, block)), [][2]int{table[inside]})
	}
	dynamic := ports.Slice(static*block, ports.Len()-static*block)
	same(t, "dynamic", pairs(dynamic), [][2]int{field[[2]int](t, want, "dynamic")})
	same(t, "dynamic_size", dynamic.Len(), num(t, want, "dynamic_size"))
}

func driveSparse(t *testing.T, in, want object) {
	ports := usable(t, parse(t, field[string](t, in, "R")))
	static := num(t, in, "C")
	block := ports.Len() / (static + num(t, in, "D"))
	same(t, "candidates", ports.Len(), num(t, want, "candidates"))
	same(t, "block", block, num(t, want, "block"))
	same(t, "sub1", pairs(ports.Slice(0, block)), field[[][2]int](t, want, "sub1"))
	same(t, "sub2", pairs(ports.Slice(block, block)), field[[][2]int](t, want, "sub2"))
	same(t, "dynamic_size", ports.Len()-static*block, num(t, want, "dynamic_size"))
}

// driveStaggeredAsPrinted reads the formula of RFC 7422 as printed, (j+n)*C+R for subscriber j: C ports on for the next one.
func driveStaggeredAsPrinted(t *testing.T, in, want object) {
	static, reserved := num(t, in, "C"), num(t, in, "R")
	ports := span(t, reserved, portset.PortCount-1)
	n := ports.Len() / (static + num(t, in, "D"))
	one, two := ports.Every(0, static, n), ports.Every(static, static, n)
	common := one.Len()
	if left, ok := one.Minus(two); ok {
		common -= left.Len()
	}
	same(t, "common_ports", common, num(t, want, "common_ports"))
	same(t, "overlap", one.Overlaps(two), true)
}

func driveStaggered(t *testing.T, in, want object) {
	static, reserved := num(t, in, "C"), num(t, in, "R")
	ports := span(t, reserved, portset.PortCount-1)
	n := ports.Len() / (static + num(t, in, "D"))
	share := func(j int) portset.Set { return ports.Every(j, static, n) }

	disjoint := true
	var all []portset.Range
	for j := range static {
		same(t, fmt.Sprintf("size of subscriber %d", j), share(j).Len(), num(t, want, "size"))
		all = slices.AppendSeq(all, share(j).Ranges())
		for i := range j {
			disjoint = disjoint && !share(i).Overlaps(share(j))
		}
	}
	same(t, "disjoint", disjoint, field[bool](t, want, "disjoint"))
	cover, err := portset.NewSet(all...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "cover", pairs(cover), [][2]int{field[[2]int](t, want, "cover")})
	for j, name := range []string{"sub0", "sub1"} {
		first := field[[]uint16](t, want, name)
		same(t, name, slices.Collect(share(j).Slice(0, len(first)).Ports()), first)
	}
	last := fmt.Sprintf("sub%d_last", static-1)
	same(t, last, int(share(static-1).Last()), num(t, want, last))
}

func driveValueMask(t *testing.T, in, want object) {
	value, mask := num(t, in, "prv"), num(t, in, "prm")
	for name, v := range map[string]int{"prv_bin": value, "prm_bin": mask} {
		if _, ok := want[name]; ok {
			same(t, name, fmt.Sprintf("%016b", v), field[string](t, want, name))
		}
	}
	s := portset.ValueMask(uint16(value), uint16(mask))
	got := pairs(s)
	same(t, "ports", s.Len(), num(t, want, "ports"))
	same(t, "ranges", s.RangeCount(), num(t, want, "ranges"))
	same(t, "first", got[0], field[[2]int](t, want, "first"))
	same(t, "second", got[1], field[[2]int](t, want, "second"))
	if _, ok := want["last"]; ok {
		same(t, "last", got[len(got)-1], field[[2]int](t, want, "last"))
	}
}

// shuffle returns the permutation of the ports from lowest up, under the vector's key.
func shuffle(t *testing.T, in object, lowest int) *portset.Permutation {
	t.Helper()
	var key [16]byte
	if n, err := hex.Decode(key[:], []byte(field[string](t, in, "key"))); err != nil || n != len(key) {
		t.Fatalf("key: %d bytes, %v", n, err)
	}
	p, err := portset.NewPermutation(key, span(t, lowest, portset.PortCount-1))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func driveShuffle(t *testing.T, in, want object) {
	var first, last int
	if _, err := fmt.Sscanf(field[string](t, in, "x"), "%d..%d", &first, &last); err != nil {
		t.Fatal(err)
	}
	p, whole := shuffle(t, in, first), shuffle(t, in, 0) // whole never walks: each Port is one pass of the network
	var head []int
	var seen [portset.PortCount]bool
	hash, calls, bijective := sha256.New(), 0, true
	for x := range p.Domain().Ports() {
		y, ok := p.Port(x)
		if !ok {
			t.Fatalf("port %d has no image", x)
		}
		if int(x) <= last {
			head = append(head, int(y))
		}
		bijective = bijective && !seen[y] && p.Domain().Contains(y)
		seen[y] = true
		hash.Write(binary.BigEndian.AppendUint16(nil, y))
		for step, at := 0, x; step == 0 || at != y; step++ {
			at, _ = whole.Port(at)
			calls++
		}
	}
	same(t, "y", head, field[[]int](t, want, "y"))
	same(t, "bijective", bijective, field[bool](t, want, "bijective"))
	same(t, "sha256_all_be16", hex.EncodeToString(hash.Sum(nil)), field[string](t, want, "sha256_all_be16"))
	same(t, "total_feistel_calls", calls, num(t, want, "total_feistel_calls"))
}

func driveShuffledBlock(t *testing.T, in, want object) {
	start, count := num(t, in, "start"), num(t, in, "count")
	p := shuffle(t, in, start)
	images := make([]int, 0, count)
	for x := range p.Domain().Slice(0, count).Ports() {
		y, _ := p.Port(x)
		images = append(images, int(y))
	}
	first := field[[]int](t, want, "first4")
	same(t, "first images", images[:len(first)], first)
	same(t, "last image", images[count-1], num(t, want, "last"))
	back, _ := p.Inverse(uint16(images[0]))
	same(t, "inverse_of_first", int(back), num(t, want, "inverse_of_first"))

	s := p.Set(0, count)
	same(t, "min", int(s.First()), num(t, want, "min"))
	same(t, "max", int(s.Last()), num(t, want, "max"))
	slices.Sort(images)
	var ports []int
	for y := range s.Ports() {
		ports = append(ports, int(y))
	}
	same(t, "ports", ports, images)
}

func driveWire(t *testing.T, in, want object) {
	o := portset.PortSetOption{
		Size:          field[uint16](t, in, "size"),
		FirstInternal: field[uint16](t, in, "first_internal"),
		Parity:        num(t, in, "P") == 1,
	}
	b, err := o.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "wire", hex.EncodeToString(b), field[string](t, want, ""))
	back, rest, err := portset.ParsePortSetOption(b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "option", back, o)
	same(t, "octets behind", len(rest), 0)
}

// drivePCPGrant: the server grants fewer ports than the client asks for, and as many on both sides.
func drivePCPGrant(t *testing.T, in, want object) {
	asked, granted := field[uint16](t, in, "size"), field[uint16](t, want, "returned_size")
	same(t, "granted size", int(min(asked, granted)), num(t, in, "policy_ports_per_user"))
	o := portset.PortSetOption{Size: granted, FirstInternal: field[uint16](t, in, "internal"), Parity: num(t, in, "P") == 1}
	internal, err := o.Internal()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "first internal port", int(internal.First()), num(t, in, "internal"))
	same(t, "internal_last", int(internal.Last()), num(t, want, "internal_last"))
	external := span(t, num(t, want, "external_first"), num(t, want, "external_last"))
	same(t, "external ports", external.Len(), internal.Len())
}

// drivePCPWholeSet: the answer to a client that asks for everything is the set of one PSID with a = 0.
func drivePCPWholeSet(t *testing.T, in, want object) {
	asked := portset.PortSetOption{Size: field[uint16](t, in, "size"), FirstInternal: field[uint16](t, in, "internal")}
	internal, err := asked.Internal()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "ports asked for", internal.Len(), num(t, in, "size"))
	same(t, "last port asked for", int(internal.Last()), portset.PortCount-1)

	size, first := num(t, want, "size"), num(t, want, "external_first")
	l := layout(t, 0, 16-bits.Len(uint(size))+1)
	psid, ok := l.PSID(uint16(first))
	if !ok {
		t.Fatalf("%v: port %d has no PSID", l, first)
	}
	s := psidSet(t, l, int(psid))
	same(t, "size", s.Len(), size)
	same(t, "ports", pairs(s), [][2]int{{first, num(t, want, "external_last")}})
	granted := portset.PortSetOption{Size: uint16(size), FirstInternal: field[uint16](t, want, "first_internal")}
	same(t, "first_internal", int(granted.FirstInternal), first)
	if r, err := granted.Internal(); err != nil || !span(t, int(r.First()), int(r.Last())).Equal(s) {
		t.Errorf("granted internal ports %v, %v; want %v", r, err, s)
	}
}

func driveLightweight(t *testing.T, in, want object) {
	l := layout(t, num(t, in, "a"), num(t, in, "k"))
	same(t, "ports", pairs(psidSet(t, l, num(t, in, "psid"))), field[[][2]int](t, want, "ports"))
}

func driveEphemeral(t *testing.T, in, want object) {
	s := span(t, num(t, in, "min"), num(t, in, "max"))
	same(t, "num_ephemeral", s.Len(), num(t, want, "num_ephemeral"))
}

// Cisco's scattered port sets: a window of size*step ports holds step owners, one port apart.
func TestVendorScattered(t *testing.T) {
	_, vectors := vectorFile(t, "vendors.json")
	v, ok := vectors["cisco-bpa-scattered"]
	if !ok {
		t.Fatal("vendors.json has no vector cisco-bpa-scattered")
	}
	config := field[object](t, v, "config")
	start, step, size := num(t, config, "start"), num(t, config, "step"), num(t, config, "size")
	ports := span(t, start, portset.PortCount-1)
	owners := make([]portset.Set, step)
	for j := range owners {
		owners[j] = ports.Every(j, step, size)
	}
	seen := 0
	for _, c := range field[[]object](t, v, "cases") {
		if _, ok := c["owners"]; !ok {
			n := num(t, c, "n")
			port, _ := owners[0].Port(n)
			same(t, fmt.Sprintf("port %d", n), int(port), num(t, c, "port"))
			continue
		}
		for _, row := range field[[]object](t, c, "owners") {
			s := owners[num(t, row, "owner")]
			same(t, "first port", int(s.First()), num(t, row, "first"))
			same(t, "last port", int(s.Last()), num(t, row, "last"))
			for i := range seen {
				same(t, "owners overlap", s.Overlaps(owners[i]), false)
			}
			seen++
		}
	}
	same(t, "owners", seen, step)
	for _, n := range field[[]object](t, v, "negative") {
		port := uint16(num(t, n, "port"))
		same(t, fmt.Sprintf("owner 0 has port %d", port), owners[0].Contains(port), false)
		others := slices.ContainsFunc(owners[1:], func(s portset.Set) bool { return s.Contains(port) })
		wants := map[string]bool{"other subscriber": true, "outside set": false}
		other, ok := wants[field[string](t, n, "expect")]
		if !ok {
			t.Fatalf("unknown expectation %s", n["expect"])
		}
		same(t, fmt.Sprintf("another owner has port %d", port), others, other)
	}
}

// The ports per subscriber of an address whose ports 0-1023 are left out, and what remains.
func TestVendorCapacity(t *testing.T) {
	file, _ := vectorFile(t, "vendors.json")
	const source = "port arithmetic "
	rows := 0
	for _, c := range field[[]object](t, file, "capacity") {
		text, ok := strings.CutPrefix(field[string](t, c, "src"), source)
		if !ok {
			continue
		}
		ports := parse(t, text)
		same(t, "ports", ports.Len(), num(t, c, "ports"))
		for _, row := range field[[]object](t, c, "rows") {
			rows++
			subscribers, n, tail := num(t, row, "subs_per_ip"), num(t, row, "ports"), num(t, row, "tail")
			left, found := ports, true
			for j := range subscribers {
				share := ports.Slice(j*n, n)
				same(t, "share", share.Len(), n)
				left, found = left.Minus(share)
			}
			same(t, fmt.Sprintf("%d subscribers: tail", subscribers), left.Len(), tail)
			same(t, fmt.Sprintf("%d subscribers: something is left", subscribers), found, tail > 0)
			same(t, fmt.Sprintf("%d subscribers: one port more would not fit", subscribers), tail < subscribers, true)
		}
	}
	if rows == 0 {
		t.Fatalf("vendors.json has no capacity rows with the source %q", source)
	}
}
