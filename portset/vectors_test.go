package portset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/bits"
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

// field decodes one field of o. It fails the test when the field is missing.
func field[T any](t *testing.T, o object, name string) T {
	t.Helper()
	var v T
	raw, ok := o[name]
	if !ok {
		t.Fatalf("the vector has no field %q", name)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("field %q: %v", name, err)
	}
	return v
}

func num(t *testing.T, o object, name string) int { t.Helper(); return field[int](t, o, name) }

// vectorFile reads a file of vectors and returns it with its vectors by id.
func vectorFile(t *testing.T, name string) (file object, byID map[string]object) {
	t.Helper()
	b, err := os.ReadFile("../testdata/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	byID = map[string]object{}
	for _, v := range field[[]object](t, file, "vectors") {
		byID[field[string](t, v, "id")] = v
	}
	return file, byID
}

// driver checks one vector, given its inputs and what it expects of them.
type driver func(t *testing.T, in, want object)

// rfcDrivers names every vector of rfc.json that is about port sets.
var rfcDrivers = map[string]driver{
	"map-e-A1": driveMAP, "map-t-A1": driveMAP, "map-e-A5": driveMAP,
	"map-t-A5-psid20": driveMAP, "map-t-A5-psid34": driveMAP,
	"map-e-B2-1": driveB2, "map-e-B2-2": driveB2,
	"map-e-5.1-portprefix": drivePortPrefix, "map-e-5.1-a4": driveLowestPort, "map-e-5.1-counts": driveCounts,
	"map-partition-a6-k8": drivePartition, "map-partition-a4-k6": drivePartition, "map-partition-a0-k6": drivePartition,
	"map-partition-a6-k10": drivePartition, "map-partition-a15-k1": drivePartition,
	"map-reverse": driveReverse, "gma-nonpow2": driveGMA, "gma-a0-exclusion": driveLowestPSID,
	"map-neg-3": driveBadLayout, "map-neg-4": driveBadLayout, "map-neg-7": driveBadPSID, "map-neg-8": driveExcludedPort,
	"rfc7422-2.3": driveSequential, "rfc7422-sparse-R": driveSparse,
	"rfc7422-staggered-printed-overlap": driveStaggeredAsPrinted, "rfc7422-staggered-fixed": driveStaggered,
	"rfc6431-fig2": driveValueMask, "rfc6431-fig4": driveValueMask,
	"rfc6431-random": driveShuffle, "rfc6431-random-block": driveShuffledBlock,
	"rfc7753-wire": driveWire, "rfc7753-5.1": drivePCPGrant, "rfc7753-5.2": drivePCPWholeSet,
	"lw4o6-a0": driveLightweight, "rfc6056-num": driveEphemeral,
}

func TestRFCVectors(t *testing.T) {
	_, vectors := vectorFile(t, "rfc.json")
	for _, id := range slices.Sorted(maps.Keys(rfcDrivers)) {
		t.Run(id, func(t *testing.T) {
			v, ok := vectors[id]
			if !ok {
				t.Fatalf("rfc.json has no vector %q", id)
			}
			want := field[json.RawMessage](t, v, "expected")
			expected := object{"": want} // for vectors whose expectation is no object
			if bytes.HasPrefix(want, []byte("{")) {
				expected = field[object](t, v, "expected")
			}
			rfcDrivers[id](t, field[object](t, v, "inputs"), expected)
		})
	}
}

func layout(t *testing.T, a, k int) portset.Layout {
	t.Helper()
	l, err := portset.NewLayout(a, k)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func psidSet(t *testing.T, l portset.Layout, psid int) portset.Set {
	t.Helper()
	s, err := l.Set(uint16(psid))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, text string) portset.Set {
	t.Helper()
	s, err := portset.ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// span returns the ports first to last.
func span(t *testing.T, first, last int) portset.Set {
	t.Helper()
	r, err := portset.NewRange(first, last)
	if err != nil {
		t.Fatal(err)
	}
	s, err := portset.NewSet(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pairs returns the ranges of s as the vectors write them.
func pairs(s portset.Set) [][2]int {
	var p [][2]int
	for r := range s.Ranges() {
		p = append(p, [2]int{int(r.First()), int(r.Last())})
	}
	return p
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// samePorts compares s with the summary that the MAP vectors give of a set.
func samePorts(t *testing.T, s portset.Set, want object) {
	t.Helper()
	got := pairs(s)
	same(t, "range_count", s.RangeCount(), num(t, want, "range_count"))
	same(t, "port_count", s.Len(), num(t, want, "port_count"))
	first, last := field[[][2]int](t, want, "first"), field[[][2]int](t, want, "last")
	same(t, "first ranges", got[:len(first)], first)
	same(t, "last ranges", got[len(got)-len(last):], last)
}

func driveMAP(t *testing.T, in, want object) {
	from := in
	if _, ok := in["psid"]; !ok { // the PSID is computed from the address; take it as given here
		from = want
	}
	l := layout(t, num(t, in, "psid_offset"), num(t, from, "psid_len"))
	samePorts(t, psidSet(t, l, num(t, from, "psid")), field[object](t, want, "ports"))
}

func driveB2(t *testing.T, in, want object) {
	l := layout(t, num(t, in, "a"), num(t, in, "k"))
	same(t, "sharing ratio", l.SharingRatio(), num(t, in, "R"))
	samePorts(t, psidSet(t, l, num(t, in, "psid")), want)
}

func drivePortPrefix(t *testing.T, in, want object) {
	l := layout(t, num(t, in, "a"), num(t, in, "k"))
	for _, psid := range field[[]int](t, in, "psids") {
		same(t, fmt.Sprintf("PSID %d", psid), pairs(psidSet(t, l, psid)), field[[][2]int](t, want, strconv.Itoa(psid)))
	}
}

func driveLowestPort(t *testing.T, in, want object) {
	a := num(t, in, "a")
	for k := range 16 - a + 1 {
		s := psidSet(t, layout(t, a, k), 0)
		same(t, fmt.Sprintf("lowest port with k=%d", k), int(s.First()), num(t, want, "lowest_assignable_port"))
	}
}

func driveCounts(t *testing.T, _, want object) {
	rows := field[[]object](t, want, "")
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range rows {
		l := layout(t, num(t, row, "a"), num(t, row, "k"))
		ranges := num(t, row, "raw_ranges")
		same(t, l.String()+" contiguous bits", l.ContiguousBits(), num(t, row, "m"))
		same(t, l.String()+" sharing ratio", l.SharingRatio(), num(t, row, "ratio"))
		same(t, l.String()+" ports", l.SetLen(), num(t, row, "ports"))
		same(t, l.String()+" ranges", l.SetLen()>>l.ContiguousBits(), ranges)
		if l.Length() == 0 {
			ranges = 1 // the only subscriber's ranges touch
		}
		for psid := range l.SharingRatio() {
			s := psidSet(t, l, psid)
			if s.Len() != l.SetLen() || s.RangeCount() != ranges {
				t.Fatalf("%v PSID %d: %d ports in %d ranges, want %d in %d", l, psid, s.Len(), s.RangeCount(), l.SetLen(), ranges)
			}
		}
	}
}

func drivePartition(t *testing.T, in, want object) {
	l := layout(t, num(t, in, "a"), num(t, in, "k"))
	var owners [portset.PortCount]int
	for psid := range l.SharingRatio() {
		for p := range psidSet(t, l, psid).Ports() {
			owners[p]++
		}
	}
	unassigned := 0
	for _, n := range owners {
		if n == 0 {
			unassigned++
		}
	}
	same(t, "max_owners", slices.Max(owners[:]), num(t, want, "max_owners"))
	same(t, "unassigned_ports", unassigned, num(t, want, "unassigned_ports"))
}

func driveReverse(t *testing.T, in, want object) {
	k, m := bits.Len(uint(num(t, in, "R")))-1, bits.Len(uint(num(t, in, "M")))-1
	l := layout(t, 16-k-m, k)
	for _, port := range field[[]int](t, in, "ports") {
		psid, ok := l.PSID(uint16(port))
		owner := field[any](t, want, strconv.Itoa(port)) // a number, or a text that starts with "excluded"
		if text, excluded := owner.(string); excluded {
			if ok || !strings.HasPrefix(text, "excluded") {
				t.Errorf("port %d: PSID %d, %v; want %q", port, psid, ok, text)
			}
			continue
		}
		if !ok || float64(psid) != owner {
			t.Errorf("port %d: PSID %d, %v; want %v", port, psid, ok, owner)
		}
	}
}

func driveGMA(t *testing.T, in, want object) {
	ratio, contiguous := num(t, in, "R"), num(t, in, "M")
	s, err := portset.GMA(ratio, contiguous, num(t, in, "N"), num(t, in, "psid"))
	if err != nil {
		t.Fatal(err)
	}
	got := pairs(s)
	same(t, "i_min", int(s.First())/(ratio*contiguous), num(t, want, "i_min"))
	same(t, "i_max", int(s.Last())/(ratio*contiguous), num(t, want, "i_max"))
	same(t, "ranges", s.RangeCount(), num(t, want, "ranges"))
	same(t, "ports", s.Len(), num(t, want, "ports"))
	same(t, "first", got[0], field[[2]int](t, want, "first"))
	same(t, "last", got[len(got)-1], field[[2]int](t, want, "last"))
}

// With a = 0 there is one block of ports, and low PSIDs are left out instead of a low block.
func driveLowestPSID(t *testing.T, in, want object) {
	k := bits.Len(uint(num(t, in, "R"))) - 1
	l := layout(t, num(t, in, "a"), k)
	same(t, "contiguous ports", 1<<l.ContiguousBits(), num(t, in, "M"))
	lowest := 0
	for int(psidSet(t, l, lowest).First()) < num(t, in, "N") {
		lowest++
	}
	same(t, "lowest_psid", lowest, num(t, want, "lowest_psid"))
}

func rejected(t *testing.T, want object) {
	t.Helper()
	if text := field[string](t, want, ""); !strings.HasPrefix(text, "reject") {
		t.Fatalf("the vector expects %q, not a rejection", text)
	}
}

func driveBadLayout(t *testing.T, in, want object) {
	rejected(t, want)
	k := 0 // when the vector is about a alone, with the PSID length that fits best
	if _, ok := in["k"]; ok {
		k = num(t, in, "k")
	}
	if l, err := portset.NewLayout(num(t, in, "a"), k); !errors.Is(err, portset.ErrLayout) {
		t.Errorf("NewLayout = %v, %v; want ErrLayout", l, err)
	}
}

func driveBadPSID(t *testing.T, in, want object) {
	rejected(t, want)
	k := num(t, in, "k")
	for a := range 16 - k + 1 {
		if s, err := layout(t, a, k).Set(uint16(num(t, in, "psid"))); !errors.Is(err, portset.ErrPSID) {
			t.Errorf("a=%d: Set = %v, %v; want ErrPSID", a, s, err)
		}
	}
}

func driveExcludedPort(t *testing.T, in, want object) {
	rejected(t, want)
	a, port := num(t, in, "a"), uint16(num(t, in, "port"))
	for k := range 16 - a + 1 {
		l := layout(t, a, k)
		if psid, ok := l.PSID(port); ok {
			t.Errorf("%v: port %d has PSID %d", l, port, psid)
		}
		for psid := range l.SharingRatio() {
			if psidSet(t, l, psid).Contains(port) {
				t.Errorf("%v: the set of PSID %d contains port %d", l, psid, port)
			}
		}
	}
}
