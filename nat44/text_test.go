package nat44

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
)

// goldenEnv is set to rewrite testdata: NAT44_UPDATE=1 go test ./nat44 -run Golden.
const goldenEnv = "NAT44_UPDATE"

// goldenRulesets are small rulesets that together have everything a text can have. Each is a file in testdata. A range of a single
// port is written 65530-65530 in a map: nft refuses the bare port there.
func goldenRulesets() map[string]*Ruleset {
	out := map[string]*Ruleset{}
	add := func(name, instance string, p *alloc.Plan) {
		out[name] = must(NewRuleset(p, must(ParseInstance(instance))))
	}
	add("contiguous", "", plan(pool("flats", "192.168.7.10-192.168.7.13", "203.0.113.7", ratio(4))))
	add("ranged", "", plan(pool("map", "100.64.0.0/30", "192.0.2.0/31", mapped(2, 1))))
	add("holes", "", plan(pool("holes", "100.64.0.0/30", "192.0.2.1", ratio(4), reserved("5056"))))
	add("one-to-one", "", plan(pool("business", "100.127.255.0/30", "198.51.100.0/30", ratio(1))))
	add("exempt", "", planBut("203.0.113.0/25, 203.0.113.192-203.0.113.200, 203.0.113.128/26, 10.0.0.0/8, 192.0.2.53 udp/53, 192.0.2.54 tcp/53,"+
		"192.0.2.64-192.0.2.70 tcp/443, 192.0.2.128/25 udp/1024-65535, 0.0.0.0/0 udp/5060-5061, 0.0.0.0/0 tcp/8291",
		pool("homes", "100.64.32.0/31", "198.51.100.16", ratio(32))))
	add("pools", "north-2", plan(
		pool("first", "100.64.1.4/31 100.64.0.9", "203.0.113.17 198.51.100.64/31", ratio(2)),
		pool("second", "100.64.0.0/31", "203.0.113.4", scheme(alloc.Spread)),
		pool("third", "100.64.2.0/31", "203.0.113.8/31", usable("65530-65535"), stepping(2), share(3)),
		pool("fourth", "100.64.3.0/31", "203.0.113.10/31", ratio(1)),
	))
	return out
}

// golden compares a text with a file, or writes that anew.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv(goldenEnv) != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" { // only Linux can say in the mark what the kernel makes of the rules
		want = regexp.MustCompile(`(comment "[0-9a-f]{64}) [0-9a-f]{16} [0-9a-f]{16}"`).ReplaceAll(want, []byte(`$1"`))
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s differs (-want +got); with %s=1 it is written anew:\n%s", path, goldenEnv, d)
	}
}

func TestGolden(t *testing.T) {
	for name, rs := range goldenRulesets() {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+".nft"), rs.String())
		})
	}
}

// TestGoldenFilesAreUsed finds files in testdata that no test compares.
func TestGoldenFilesAreUsed(t *testing.T) {
	files, err := filepath.Glob("testdata/*.nft")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	used := goldenRulesets()
	for _, f := range files {
		if used[strings.TrimSuffix(filepath.Base(f), ".nft")] == nil {
			t.Errorf("%s belongs to no ruleset", f)
		}
	}
}

// textPlans are rulesets with many elements, so that the text is longer than what is buffered.
func textPlans(tb testing.TB) map[string]*Ruleset {
	out := goldenRulesets()
	out["business sample"] = must(NewRuleset(loadPlan(tb, "business.yaml"), cgn))
	out["1000 subscribers of 7 ranges"] = must(NewRuleset(plan(pool("a", "100.64.0.0-100.64.3.231", "192.0.2.0/24", mapped(3, 5))), cgn))
	return out
}

// TestTextIsTheSameTwice writes each text twice, from one ruleset and from another one of the same plan, to different writers.
func TestTextIsTheSameTwice(t *testing.T) {
	again := textPlans(t)
	for name, rs := range textPlans(t) {
		var b bytes.Buffer
		n, err := rs.WriteTo(&b)
		if err != nil || n != int64(b.Len()) {
			t.Errorf("%s: WriteTo returned %d, %v after %d bytes", name, n, err, b.Len())
		}
		if b.String() != rs.String() || b.String() != again[name].String() {
			t.Errorf("%s: a second text differs", name)
		}
	}
}

// A brokenWriter takes some bytes and then fails.
type brokenWriter struct {
	left    int
	written int64
	failure error
}

func (w *brokenWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	w.written += int64(n)
	if n < len(b) {
		return n, w.failure
	}
	return n, nil
}

// TestWriteErrors has the writer fail at the start, in the middle of every piece that is written at once, at the edges of the
// buffer, and at the very end. WriteTo must return the error, and what the writer took (io.WriterTo).
func TestWriteErrors(t *testing.T) {
	failure := errors.New("disk full")
	for name, rs := range textPlans(t) {
		whole, err := rs.WriteTo(io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		size := int(whole)
		for _, at := range []int{0, 1, size / 3, 1<<16 - 1, 1 << 16, 1<<16 + 1, 2<<16 - 1, 2 << 16, size / 2, size - 1} {
			if at >= size {
				continue
			}
			w := &brokenWriter{left: at, failure: failure}
			n, err := rs.WriteTo(w)
			if !errors.Is(err, failure) {
				t.Errorf("%s: a writer that fails after %d of %d bytes gives the error %v", name, at, size, err)
			}
			if n != w.written {
				t.Errorf("%s: the writer took %d of %d bytes, WriteTo returned %d", name, w.written, size, n)
				break
			}
		}
		w := &brokenWriter{left: size, failure: failure}
		if n, err := rs.WriteTo(w); err != nil || n != whole {
			t.Errorf("%s: a writer with room for all %d bytes: %d, %v", name, size, n, err)
		}
	}
}

// A shortWriter takes less than it is given and says nothing.
type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) / 2, nil }

func TestShortWrite(t *testing.T) {
	for name, rs := range textPlans(t) {
		if _, err := rs.WriteTo(shortWriter{}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestWriteStopsEarly checks that a writer that fails is not asked again and again while millions of elements go by.
func TestWriteStopsEarly(t *testing.T) {
	rs := must(NewRuleset(loadPlan(t, "shared-space.yaml"), cgn))
	calls := 0
	_, err := rs.WriteTo(writerFunc(func([]byte) (int, error) { calls++; return 0, io.ErrClosedPipe }))
	if !errors.Is(err, io.ErrClosedPipe) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestTextSaysWhatItIs checks the head of the text, and that loading replaces the instance.
func TestTextSaysWhatItIs(t *testing.T) {
	for name, rs := range goldenRulesets() {
		text, table := rs.String(), rs.Instance().Table()
		for _, part := range []string{
			"#!/usr/sbin/nft -f\n# NAT44 rules of instance " + rs.Instance().String() + ", made by cgnkit.\n# plan sha256 " + rs.Plan().SHA256() + "\n",
			"\ntable ip " + table + "\ndelete table ip " + table + "\n\ntable ip " + table + " {\n",
			"elements = { 0x1 comment \"" + rs.mark() + "\" }",
		} {
			if strings.Count(text, part) != 1 {
				t.Errorf("%s: %q stands in the text %d times", name, part, strings.Count(text, part))
			}
		}
		if plan, _, _ := strings.Cut(rs.mark(), " "); plan != rs.Plan().SHA256() {
			t.Errorf("%s: the mark is %q", name, rs.mark())
		}
		if !strings.HasPrefix(text, "#!") || !strings.HasSuffix(text, "\t}\n}\n") || strings.Contains(text, "random") {
			t.Errorf("%s: the text has another head or tail, or says random", name)
		}
		for _, w := range rs.Warnings() {
			if !strings.Contains(text, "# warning: "+w+"\n") {
				t.Errorf("%s: the text does not have the warning %q", name, w)
			}
		}
	}
}
