package ebpf

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sampleKey = Key{1, 2, 3}

// someMappings returns n mappings of two realms.
func someMappings(n int) (out []Mapping) {
	for i := range n {
		realm := "default"
		if i > n/2 {
			realm = "east"
		}
		out = append(out, Mapping{
			Protocol: Protocol(i % protocols), Realm: realm,
			Inside:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}), uint16(i+1)),
			Outside: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), uint16(65535-i)),
			Age:     time.Duration(i) * time.Millisecond, state: uint32(i) << 8,
		})
	}
	return out
}

func writeCheckpoint(tb testing.TB, mappings []Mapping) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := newCheckpointWriter(&b, sampleKey)
	for _, m := range mappings {
		if err := w.add(m); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func readCheckpoint(b []byte) (out []Mapping, err error) {
	r, err := newCheckpointReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for m, err := range r.mappings() {
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
	return out, nil
}

var compareMappings = cmp.Options{
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmp.AllowUnexported(Mapping{}),
}

// What is written is read, whatever the number of chunks.
func TestCheckpointRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, chunkRecords, chunkRecords + 1, 3 * chunkRecords} {
		want := someMappings(n)
		got, err := readCheckpoint(writeCheckpoint(t, want))
		if err != nil {
			t.Fatalf("%d mappings: %v", n, err)
		}
		if diff := cmp.Diff(want, got, compareMappings); diff != "" {
			t.Errorf("%d mappings (-want +got):\n%s", n, diff)
		}
	}
}

// Whatever byte is changed or missing, it is noticed, and nothing wrong was read before.
func TestCheckpointDamage(t *testing.T) {
	want := someMappings(6)
	whole := writeCheckpoint(t, want)
	check := func(what string, at int, b []byte) {
		t.Helper()
		got, err := readCheckpoint(b)
		if !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s at %d: %v", what, at, err)
		}
		if len(got) > len(want) || (len(got) > 0 && cmp.Diff(want[:len(got)], got, compareMappings) != "") {
			t.Errorf("%s at %d: read %v", what, at, got)
		}
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		check("a bit", i, damaged)
		check("the end", i, whole[:i])
	}
}

// A reader that fails is not taken for a damaged checkpoint.
func TestCheckpointReaderFails(t *testing.T) {
	broken := errors.New("the disk is on fire")
	_, err := newCheckpointReader(io.MultiReader(bytes.NewReader([]byte("cgn")), errorReader{broken}))
	if !errors.Is(err, broken) || errors.Is(err, ErrCheckpoint) {
		t.Errorf("error %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// Without the key, digests of remote endpoints mean nothing.
func TestForeignState(t *testing.T) {
	for state, want := range map[uint32]uint32{0: 0, 0xabcdef00: 0, 0xabcdef02: 0x0a, 0x1a: 0x1a, 0xabcdef10: 0x10} {
		if got := foreignState(state); got != want {
			t.Errorf("state %#x becomes %#x, want %#x", state, got, want)
		}
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	f.Add(writeCheckpoint(f, nil))
	f.Add(writeCheckpoint(f, someMappings(3)))
	f.Add(writeCheckpoint(f, someMappings(3))[:40])
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readCheckpoint(b)
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := readCheckpoint(writeCheckpoint(t, got))
		if err != nil || cmp.Diff(got, again, compareMappings) != "" {
			t.Fatalf("%v is read as %v, %v", got, again, err)
		}
	})
}
