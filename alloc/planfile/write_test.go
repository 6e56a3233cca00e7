package planfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cgnkit/cgnkit/alloc"
)

// written returns what Write makes of a spec, and the plan of the spec.
func written(t failer, spec alloc.Spec) (string, *alloc.Plan) {
	t.Helper()
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatalf("NewPlan: %v", err)
	}
	var b bytes.Buffer
	if err := Write(&b, spec, plan); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return b.String(), plan
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

func TestSavePlans(t *testing.T) {
	s := planSchema(t)
	for _, path := range planFiles(t) {
		t.Run(nameOf(path), func(t *testing.T) {
			f := loadPlan(t, path)
			saved := filepath.Join(t.TempDir(), "saved.yaml")
			if err := Save(saved, f.Spec, f.Plan); err != nil {
				t.Fatalf("Save: %v", err)
			}
			again := loadPlan(t, saved)
			if again.Plan.SHA256() != f.Plan.SHA256() {
				t.Errorf("saved and loaded, the plan is\n%s\nand was\n%s", again.Plan.AppendCanonical(nil), f.Plan.AppendCanonical(nil))
			}
			first, err := os.ReadFile(saved)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(s, first); err != nil {
				t.Errorf("the schema refuses what Save writes: %v", err)
			}
			if second, _ := written(t, again.Spec); second != string(first) {
				t.Errorf("written again, the file differs:\n%s", cmp.Diff(string(first), second))
			}
		})
	}
}

func TestWriteText(t *testing.T) {
	text, _ := written(t, alloc.Spec{Keys: []alloc.Key{exampleKey}, NoTranslate: dests("203.0.113.0/24,203.0.113.53 udp/53,10.0.0.1-10.0.0.6,0.0.0.0/0 tcp/8000-8080"), Pools: []alloc.PoolSpec{
		{Name: "a", Inside: addrs("100.64.0.0/24 100.64.1.1-100.64.1.9"), ExcludeInside: addrs("100.64.0.1"), Outside: addrs("198.18.0.0/27"),
			ExcludeOutside: addrs("198.18.0.2-198.18.0.3"), SkipEdges: true, Ports: ports("2000-65535"), Reserve: reserve("5060-5061,8080"), DynamicPorts: 100},
		{Name: "2b", Realm: "no", Inside: addrs("100.64.0.0"), Outside: addrs("198.18.1.0"), Scheme: alloc.PSID, PSIDOffset: new(0), PSIDLength: new(8)},
		{Name: "c", Inside: addrs("100.65.0.0/26"), Outside: addrs("198.18.2.0/31"), Scheme: alloc.Random, Reserve: reserve("5060"), KeyID: exampleKey.ID()},
		{Name: "d", Inside: addrs("100.66.0.0/26"), Outside: addrs("198.18.3.0/31"), Scheme: alloc.Step, StepSize: 4, PortsPerSubscriber: 512, DynamicShares: 2},
	}})
	want := `# cgnkit plan, see docs/plan-format.md
version: 1
no-translate:
  - 203.0.113.0/24
  - 203.0.113.53 udp/53
  - 10.0.0.1-10.0.0.6
  - 0.0.0.0/0 tcp/8000-8080
pools:
  - name: a
    inside:
      - 100.64.0.0/24
      - 100.64.1.1-100.64.1.9
    exclude-inside:
      - 100.64.0.1
    outside:
      - 198.18.0.0/27
    exclude-outside:
      - 198.18.0.2-198.18.0.3
    skip-edge-addresses: true
    scheme: sequential
    ports: 2000-65535
    reserve: 5060-5061,8080
    sharing-ratio: 10
    ports-per-subscriber: 6343
    dynamic-ports: 100
  - name: "2b"
    realm: "no"
    inside:
      - 100.64.0.0
    outside:
      - 198.18.1.0
    scheme: psid
    psid-offset: 0
    psid-length: 8
  - name: c
    inside:
      - 100.65.0.0/26
    outside:
      - 198.18.2.0/31
    scheme: random
    reserve: "5060"
    sharing-ratio: 32
    ports-per-subscriber: 2015
    key-id: "70cdcdcdbfe1ad0e"
  - name: d
    inside:
      - 100.66.0.0/26
    outside:
      - 198.18.3.0/31
    scheme: step
    sharing-ratio: 122
    ports-per-subscriber: 512
    dynamic-shares: 2
    step: 4
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("Write (-want +got):\n%s", diff)
	}
}

// TestWriteNames gives pools names that YAML takes for something else.
func TestWriteNames(t *testing.T) {
	valid := strings.FieldsSeq(`1e3 null yes 0x1f 0X1F 1_000 0b11 0o17 017 1 1.5 1e-3 1.e5 true FALSE No on OFF y N Null 2026-11-22 2026-1-2 20261122
		12 1-2 685230.15 nan inf NaN a 0xdeadbeef 0.0 1_0.5 9223372036854775808 e5 E 7x x_y.z- 3-`)
	for name := range valid {
		spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: name, Realm: name, Inside: addrs("100.64.0.0/24"), Outside: addrs("198.18.0.0/27")}}}
		text, plan := written(t, spec)
		f, err := Parse("p.yaml", []byte(text), Options{})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if got := f.Spec.Pools[0]; got.Name != name || got.Realm != name || f.Plan.SHA256() != plan.SHA256() {
			t.Errorf("%s comes back as pool %s in realm %s", name, got.Name, got.Realm)
		}
		if err := validate(planSchema(t), []byte(text)); err != nil {
			t.Errorf("%s: the schema refuses what Write writes: %v", name, err)
		}
	}
	for _, name := range []string{"~", "12:30:45", "<<", "=", "a: b", "a #b", "é", "-", ".inf", strings.Repeat("a", 65)} {
		spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: name, Inside: addrs("100.64.0.0/24"), Outside: addrs("198.18.0.0/27")}}}
		if _, err := alloc.NewPlan(spec); !errors.Is(err, alloc.ErrName) {
			t.Errorf("NewPlan takes the pool name %q (%v): Write must be able to quote it", name, err)
		}
	}
}

func TestWriteProperty(t *testing.T) {
	drawn, accepted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawn++
		if _, err := alloc.NewPlan(spec); err != nil {
			return
		}
		accepted++
		text, plan := written(t, spec)
		f, err := Parse("p.yaml", []byte(text), Options{Keys: spec.Keys})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if f.Plan.SHA256() != plan.SHA256() || !slices.Equal(f.Plan.NoTranslate(), spec.NoTranslate) {
			t.Fatalf("the plan comes back as\n%s\nand was\n%s\n%s", f.Plan.AppendCanonical(nil), plan.AppendCanonical(nil), text)
		}
	})
	if accepted*3 < drawn { // of fewer with -short
		t.Errorf("%d of %d specs were valid: the generator is useless", accepted, drawn)
	}
}

// drawSpec draws a spec that is valid more often than not.
func drawSpec(t *rapid.T) alloc.Spec {
	spec := alloc.Spec{Keys: []alloc.Key{exampleKey}}
	some := dests("203.0.113.0/24,203.0.113.53 udp/53,10.0.0.1-10.0.0.6,0.0.0.0/0 tcp/8000-8080,0.0.0.0/0 udp/0,192.0.2.1,192.0.2.1 tcp/1-65535")
	if rapid.Bool().Draw(t, "exempt") {
		spec.NoTranslate = rapid.SliceOfNDistinct(rapid.SampledFrom(some), 1, len(some), rapid.ID).Draw(t, "no-translate")
	}
	number := func(label string, values ...int) int { return rapid.SampledFrom(values).Draw(t, label) }
	for n := range rapid.IntRange(1, 3).Draw(t, "pools") {
		inside := rapid.SampledFrom([]string{"100.64.N.0/27", "100.64.N.9 100.64.N.1-100.64.N.7", "100.64.N.128/30 100.64.N.0/26"}).Draw(t, "inside")
		outside := rapid.SampledFrom([]string{"198.18.N.0/30", "198.18.N.9 198.18.N.1-198.18.N.7", "198.18.N.16/29"}).Draw(t, "outside")
		s := alloc.PoolSpec{
			Name:          fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"p", "0x", "1e", "2026-11-2", "no"}).Draw(t, "name"), n),
			Realm:         rapid.SampledFrom([]string{"", "default", "null", "7"}).Draw(t, "realm"),
			Inside:        addrs(strings.ReplaceAll(inside, "N", fmt.Sprint(n))),
			Outside:       addrs(strings.ReplaceAll(outside, "N", fmt.Sprint(n))),
			SkipEdges:     rapid.Bool().Draw(t, "edges"),
			Scheme:        alloc.Scheme(rapid.IntRange(0, 8).Draw(t, "scheme")),
			SharingRatio:  number("ratio", 0, 0, 32, 64),
			DynamicShares: number("dynamic shares", 0, 0, 0, 1, 5),
		}
		if s.DynamicShares == 0 {
			s.DynamicPorts = number("dynamic ports", 0, 0, 1, 999)
		}
		if rapid.Bool().Draw(t, "exclude") {
			s.ExcludeInside = s.Inside[len(s.Inside)-1:]
			s.Inside = append(slices.Clone(s.Inside), addrs(fmt.Sprintf("100.64.%d.200/31", n))...)
			s.ExcludeOutside = addrs(fmt.Sprintf("198.18.%d.2-198.18.%[1]d.3", n))
		}
		if rapid.Bool().Draw(t, "ports") {
			s.Ports = ports(rapid.SampledFrom([]string{"1-65535", "4000-65535", "20000-60000"}).Draw(t, "ports"))
			s.Reserve = reserve(rapid.SampledFrom([]string{"5060", "0-1023,8080", "30000-30009,40000"}).Draw(t, "reserve"))
		}
		switch s.Scheme {
		case alloc.Step:
			s.StepSize = number("step", 1, 2, 4)
		case alloc.PSID:
			s.PSIDOffset, s.SharingRatio, s.DynamicShares, s.DynamicPorts = new(number("offset", 0, 1, 6)), 64, 0, 0
		case alloc.Random:
			s.KeyID = exampleKey.ID()
		case alloc.Explicit:
			s = alloc.PoolSpec{Name: s.Name, Realm: s.Realm, Scheme: s.Scheme, Ports: ports("2000-65535"), Reserve: reserve("5060")}
			for i := range rapid.IntRange(1, 5).Draw(t, "shares") {
				s.Shares = append(s.Shares, shares(fmt.Sprintf("100.64.%d.%d 198.18.%d.%d %s", n, 9-i, n, i/2, []string{"2000-2999", "3000,3002-5059,5061"}[i%2]))...)
			}
		}
		spec.Pools = append(spec.Pools, s)
	}
	return spec
}

// many returns n addresses that do not join to ranges.
func many(n int) []alloc.AddrRange {
	out := make([]alloc.AddrRange, n)
	for i := range out {
		out[i] = addrs(fmt.Sprintf("100.%d.%d.%d", 64+i*2>>16, i*2>>8&255, i*2&255))[0]
	}
	return out
}

func TestSaveSidecar(t *testing.T) {
	for _, c := range []struct {
		ranges int
		files  []string
	}{
		{maxInline, []string{"plan.v2.yaml"}},
		{maxInline + 1, []string{"plan.v2.1e3.subscribers", "plan.v2.yaml"}},
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "plan.v2.yaml")
		spec := alloc.Spec{Pools: []alloc.PoolSpec{
			{Name: "first", Inside: addrs("10.0.0.0/24"), Outside: addrs("198.18.1.0")},
			{Name: "1e3", Inside: many(c.ranges), Outside: addrs("198.18.0.0/27")},
		}}
		plan := must(alloc.NewPlan(spec))
		if err := Save(path, spec, plan); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.files, names(t, folder)); diff != "" {
			t.Errorf("%d ranges: files (-want +got):\n%s", c.ranges, diff)
		}
		f, err := Load(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Plan.SHA256() != plan.SHA256() || f.Plan.Subscribers() != uint64(256+c.ranges) {
			t.Errorf("%d ranges come back as a plan with %d subscribers", c.ranges, f.Plan.Subscribers())
		}
		if moved := filepath.Join(t.TempDir(), "moved"); os.Rename(folder, moved) != nil || second(Load(moved+"/plan.v2.yaml", Options{})) != nil {
			t.Error("the plan does not load from another folder")
		}
	}
}

// TestSaveFails saves where nothing can be written: that is an error, and nothing stays behind.
func TestSaveFails(t *testing.T) {
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: many(maxInline + 1), Outside: addrs("198.18.0.0/27")}}}
	small := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: many(3), Outside: addrs("198.18.0.0/27")}}}
	folder := put(t, map[string]string{"file": "mine", "taken/x": ""})
	for _, c := range []struct {
		name, path string
		is         error
	}{
		{"no such folder", folder + "/none/plan.yaml", fs.ErrNotExist},
		{"folder is a file", folder + "/file/plan.yaml", nil},
		{"no file can be made", "/proc/plan.yaml", nil},
	} {
		for _, s := range []alloc.Spec{small, spec} {
			err := Save(c.path, s, must(alloc.NewPlan(s)))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), "write "+filepath.Dir(c.path)+"/plan.") {
				t.Errorf("%s: error %v", c.name, err)
			}
		}
	}
	if err := Save(folder+"/taken", small, must(alloc.NewPlan(small))); err == nil {
		t.Error("Save replaces a folder")
	}
	if diff := cmp.Diff([]string{"file", "taken"}, names(t, folder)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	broken := errors.New("full")
	if err := Write(brokenWriter{broken}, small, must(alloc.NewPlan(small))); !errors.Is(err, broken) {
		t.Errorf("Write = %v, want %v", err, broken)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// TestSaveReplaces saves over a longer file, which another reader has open.
func TestSaveReplaces(t *testing.T) {
	long := "# " + strings.Repeat("x", 100_000)
	path := filepath.Join(put(t, map[string]string{"plan.yaml": long}), "plan.yaml")
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	f := must(Parse("p.yaml", []byte(good), Options{}))
	if err := Save(path, f.Spec, f.Plan); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want, _ := written(t, f.Spec); err != nil || string(got) != want {
		t.Errorf("the file is\n%s\nwant\n%s", got, want)
	}
	old := new(bytes.Buffer)
	if _, err := old.ReadFrom(reader); err != nil || old.String() != long {
		t.Errorf("a reader of the old file got %d bytes (%v), want all %d", old.Len(), err, len(long))
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o644 {
		t.Errorf("mode %v, %v; want 0644", st.Mode(), err)
	}
	if diff := cmp.Diff([]string{"plan.yaml"}, names(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
