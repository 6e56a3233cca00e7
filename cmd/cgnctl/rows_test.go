package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// naive returns the rows of a plan without any of the tricks of type rows.
func naive(plan *alloc.Plan) [][]string {
	var out [][]string
	for pool := range plan.AllPools() {
		for a := range pool.All() {
			outside := a.Outside().String()
			if p := a.OutsidePrefix(); p.Bits() < 32 {
				outside = p.String()
			}
			out = append(out, []string{pool.Name(), a.Subscriber().Text(), outside, a.Ports().String()})
		}
	}
	return out
}

// TestRowsOfEveryPlan compares what allocate prints, read back with a CSV and a JSON reader, with the naive rows, for every
// sample plan of up to 100,000 subscribers and for pools that end in the middle of everything.
func TestRowsOfEveryPlan(t *testing.T) {
	plans := map[string]*alloc.Plan{}
	files, err := filepath.Glob("../../testdata/plans/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d sample plans, %v; want at least 12", len(files), err)
	}
	key, err := alloc.ParseKey("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := planfile.Load(path, planfile.Options{Keys: []alloc.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		if f.Plan.AllSubscribers() <= 100_000 {
			plans[filepath.Base(path)] = f.Plan
		}
	}
	for _, scheme := range alloc.SchemeNames() {
		if scheme != alloc.Explicit.String() {
			plans["odd "+scheme] = oddPlan(t, scheme, key)
			plans["list of odd "+scheme] = listOf(t, plans["odd "+scheme])
		}
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			want := naive(plan)
			for format, read := range map[string]func(*testing.T, []byte) [][]string{"csv": readCSV, "ndjson": readNDJSON, "json": readJSON} {
				var out bytes.Buffer
				if err := (&env{stdout: &out, stderr: io.Discard}).allocate(plan, format); err != nil {
					t.Fatal(err)
				}
				if got := read(t, out.Bytes()); !slices.EqualFunc(want, got, slices.Equal) {
					t.Errorf("%s (-want +got):\n%s", format, cmp.Diff(want, got))
				}
			}
		})
	}
}

// oddPlan has pools with ranges of one address, ranges across /24 borders, names from short to too long for a piece, and
// more subscribers on an address than a buffer has room for rows.
func oddPlan(t *testing.T, scheme string, key alloc.Key) *alloc.Plan {
	t.Helper()
	text := "version: 1\npools:\n"
	for i, name := range []string{"x", strings.Repeat("long-name.", 6)} {
		text += fmt.Sprintf("  - name: %s\n    realm: r%d\n    scheme: %s\n", name, i, scheme)
		text += "    inside: [10.0.0.250-10.0.2.3, 10.9.0.1, 10.8.255.255, 10.7.0.0/26, 9.255.255.0/24, 11.0.0.0/23]\n"
		text += fmt.Sprintf("    outside: [198.18.%d.9, 203.0.%d.0/30, 192.0.%d.100]\n    reserve: 2000,5060-5061\n", i, i, i)
		switch scheme {
		case "step":
			text += "    step: 7\n"
		case "random":
			text += "    key-id: " + key.ID() + "\n"
		}
	}
	f, err := planfile.Parse("odd.yaml", []byte(text), planfile.Options{Keys: []alloc.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	return f.Plan
}

// listOf writes down the shares of a plan one by one.
func listOf(t *testing.T, plan *alloc.Plan) *alloc.Plan {
	t.Helper()
	var spec alloc.Spec
	for p := range plan.Pools() {
		s := alloc.PoolSpec{Name: p.Name(), Realm: p.Realm(), Scheme: alloc.Explicit}
		for a := range p.All() {
			s.Shares = append(s.Shares, alloc.ExplicitShare{Inside: a.Inside(), Outside: a.Outside(), Ports: a.Ports()})
		}
		spec.Pools = append(spec.Pools, s)
	}
	list, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func readCSV(t *testing.T, b []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rows[0], columns) {
		t.Fatalf("header %q", rows[0])
	}
	return rows[1:]
}

type jsonRow struct{ Pool, Subscriber, Outside, Ports string }

func (r jsonRow) fields() []string { return []string{r.Pool, r.Subscriber, r.Outside, r.Ports} }

func readNDJSON(t *testing.T, b []byte) (rows [][]string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var r jsonRow
		if err := d.Decode(&r); err == io.EOF {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.fields())
	}
}

func readJSON(t *testing.T, b []byte) (rows [][]string) {
	t.Helper()
	var doc struct {
		Plan        struct{ SHA256 string }
		Allocations []jsonRow
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Plan.SHA256) != 64 {
		t.Errorf("plan.sha256 %q", doc.Plan.SHA256)
	}
	for _, r := range doc.Allocations {
		rows = append(rows, r.fields())
	}
	return rows
}
