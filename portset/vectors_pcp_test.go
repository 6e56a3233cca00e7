package portset_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

// The examples of RFC 7753 that are conversations between a PCP client and server: what of them is on the wire are the
// options, and which internal ports an option names.

// reply is one PORT_SET reply of an example. Size 0 stands for a reply without the option.
type reply struct{ Internal, External, First, Size int }

// option sends a reply's option over the wire and returns the internal ports that it names.
func option(t *testing.T, first, size int) portset.Range {
	t.Helper()
	b, err := portset.PortSetOption{Size: uint16(size), FirstInternal: uint16(first)}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	o, rest, err := portset.ParsePortSetOption(b)
	if err != nil || len(rest) != 0 || int(o.Size) != size || int(o.FirstInternal) != first {
		t.Fatalf("the option comes back as %+v, %d octets left, %v", o, len(rest), err)
	}
	r, err := o.Internal()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func replies(t *testing.T, id string) (in object, out []reply) {
	t.Helper()
	_, byID := vectorFile(t, "rfc.json")
	v, ok := byID[id]
	if !ok {
		t.Fatalf("rfc.json has no vector %s", id)
	}
	b, err := json.Marshal(v["expected"])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return field[object](t, v, "inputs"), out
}

// TestVectorRFC7753Refresh is section 5.3: a request that covers two mappings has a reply for each. The second names exactly
// the ports of the set that exists; the first is a single port and has no option.
func TestVectorRFC7753Refresh(t *testing.T) {
	in, out := replies(t, "rfc7753-5.3")
	request := field[object](t, in, "request")
	asked := option(t, num(t, request, "internal"), num(t, request, "size"))
	if len(out) != 2 || out[0].Size != 0 || out[0].Internal != int(asked.First()) {
		t.Fatalf("replies %+v", out)
	}
	got := option(t, out[1].Internal, out[1].Size)
	same(t, "existing set", got.String()+"->"+strconv.Itoa(out[1].External)+"-"+strconv.Itoa(out[1].External+got.Len()-1),
		field[[]any](t, in, "existing")[1])
	if got.Last() != asked.Last() || out[0].Internal+1 != int(got.First()) {
		t.Errorf("the replies cover %d and %v, and the request asked for %v", out[0].Internal, got, asked)
	}
}

// TestVectorRFC7753Overlap is section 6.3: after A, a request B that overlaps it is answered with A's set.
func TestVectorRFC7753Overlap(t *testing.T) {
	in, out := replies(t, "rfc7753-6.3")
	a, b := parse(t, field[string](t, in, "A")), parse(t, field[string](t, in, "B"))
	if !a.Overlaps(b) || len(out) != 2 {
		t.Fatalf("A %v, B %v, replies %+v", a, b, out)
	}
	for i, r := range out {
		asked := []portset.Set{a, b}[i]
		if r.Internal != int(asked.First()) {
			t.Errorf("reply %d is for internal port %d, and %v was asked for", i, r.Internal, asked)
		}
		same(t, "set of reply", option(t, r.First, r.Size).String(), a.String())
	}
}
