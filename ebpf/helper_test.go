package ebpf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile" //nolint:depguard // the sample plans are files; the package itself takes plans
	"github.com/cgnkit/cgnkit/portset"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// testKey is the key of plans with scheme random.
var testKey = must(alloc.ParseKey("000102030405060708090a0b0c0d0e0f"))

// spans reads address ranges separated by blanks.
func spans(text string) (out []alloc.AddrRange) {
	for f := range strings.FieldsSeq(text) {
		out = append(out, must(alloc.ParseAddrRange(f)))
	}
	return out
}

func portSet(text string) portset.Set { return must(portset.ParseSet(text)) }

func mustPlan(tb testing.TB, pools ...alloc.PoolSpec) *alloc.Plan {
	tb.Helper()
	for i := range pools {
		if pools[i].Name == "" {
			pools[i].Name = fmt.Sprintf("pool%d", i)
		}
	}
	plan, err := alloc.NewPlan(alloc.Spec{Pools: pools, Keys: []alloc.Key{testKey}})
	if err != nil {
		tb.Fatal(err)
	}
	return plan
}

// samples are the plans of testdata/plans by name.
func samples(tb testing.TB) map[string]*alloc.Plan {
	tb.Helper()
	key := must(alloc.ParseKey(string(must(os.ReadFile("../testdata/plans/keys/example.key")))))
	files := must(filepath.Glob("../testdata/plans/*.yaml"))
	if len(files) < 15 {
		tb.Fatalf("%d sample plans", len(files))
	}
	plans := make(map[string]*alloc.Plan)
	for _, file := range files {
		f, err := planfile.Load(file, planfile.Options{Keys: []alloc.Key{key}})
		if err != nil {
			tb.Fatal(err)
		}
		plans[strings.TrimSuffix(filepath.Base(file), ".yaml")] = f.Plan
	}
	return plans
}

// root skips the test unless it runs as root.
func root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: loads BPF programs")
	}
}
