package nat44

import (
	"net/netip"
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

// spans reads address ranges separated by blanks.
func spans(text string) (out []alloc.AddrRange) {
	for f := range strings.FieldsSeq(text) {
		out = append(out, must(alloc.ParseAddrRange(f)))
	}
	return out
}

func ip(text string) netip.Addr           { return netip.MustParseAddr(text) }
func portSet(text string) portset.Set     { return must(portset.ParseSet(text)) }
func portRange(text string) portset.Range { return must(portset.ParseRange(text)) }

// cgn is the default instance.
var cgn = must(ParseInstance(""))

// testKey is the key of plans with scheme random.
var testKey = must(alloc.ParseKey("000102030405060708090a0b0c0d0e0f"))

// A tweak changes a pool.
type tweak func(*alloc.PoolSpec)

func ratio(c int) tweak           { return func(p *alloc.PoolSpec) { p.SharingRatio = c } }
func share(s int) tweak           { return func(p *alloc.PoolSpec) { p.PortsPerSubscriber = s } }
func usable(r string) tweak       { return func(p *alloc.PoolSpec) { p.Ports = portRange(r) } }
func reserved(set string) tweak   { return func(p *alloc.PoolSpec) { p.Reserve = portSet(set) } }
func realm(name string) tweak     { return func(p *alloc.PoolSpec) { p.Realm = name } }
func scheme(s alloc.Scheme) tweak { return func(p *alloc.PoolSpec) { p.Scheme = s } }

func stepping(t int) tweak {
	return func(p *alloc.PoolSpec) { p.Scheme, p.StepSize = alloc.Step, t }
}

func shuffled() tweak {
	return func(p *alloc.PoolSpec) { p.Scheme, p.KeyID = alloc.Random, testKey.ID() }
}

// mapped gives a pool RFC 7597's a and k.
func mapped(a, k int) tweak {
	return func(p *alloc.PoolSpec) { p.Scheme, p.PSIDOffset, p.PSIDLength = alloc.PSID, &a, &k }
}

// pool describes a pool; inside and outside are address ranges separated by blanks.
func pool(name, inside, outside string, tweaks ...tweak) alloc.PoolSpec {
	p := alloc.PoolSpec{Name: name, Inside: spans(inside), Outside: spans(outside)}
	for _, change := range tweaks {
		change(&p)
	}
	return p
}

// plan makes a plan of pools.
// listedAs returns a pool of shares that are listed, each as text.
func listedAs(name string, shares ...string) alloc.PoolSpec {
	p := alloc.PoolSpec{Name: name, Scheme: alloc.Explicit}
	for _, s := range shares {
		p.Shares = append(p.Shares, must(alloc.ParseExplicitShare(s)))
	}
	return p
}

func plan(pools ...alloc.PoolSpec) *alloc.Plan { return planBut("", pools...) }

// planBut makes a plan with a comma-separated list of what is not translated.
func planBut(noTranslate string, pools ...alloc.PoolSpec) *alloc.Plan {
	spec := alloc.Spec{Pools: pools, Keys: []alloc.Key{testKey}}
	for d := range strings.SplitSeq(noTranslate, ",") {
		if d != "" {
			spec.NoTranslate = append(spec.NoTranslate, must(alloc.ParseDestination(strings.TrimSpace(d))))
		}
	}
	return must(alloc.NewPlan(spec))
}

// loadPlan loads one of the sample plans.
func loadPlan(tb testing.TB, name string) *alloc.Plan {
	tb.Helper()
	key, err := os.ReadFile("../testdata/plans/keys/example.key")
	if err != nil {
		tb.Fatal(err)
	}
	k, err := alloc.ParseKey(string(key))
	if err != nil {
		tb.Fatal(err)
	}
	f, err := planfile.Load(filepath.Join("../testdata/plans", name), planfile.Options{Keys: []alloc.Key{k}})
	if err != nil {
		tb.Fatal(err)
	}
	return f.Plan
}

// samplePlans returns the file names of all sample plans.
func samplePlans(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("../testdata/plans/*.yaml")
	if err != nil || len(files) < 10 {
		tb.Fatal(files, err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files
}

// refusedSamples are the sample plans that nftables cannot express, and what the refusal says.
var refusedSamples = map[string]string{
	"cisco-step.yaml": `nftables cannot express this plan: pool "bpa": scheme step gives a share of 512 ranges (4000,4004,4008,4012,4016,4020,4024,4028,…), ` +
		"and more than 256 are no use here: each is a map element for every subscriber, and a flow that finds its range full is dropped " +
		"though others are free; use scheme sequential, or psid with an offset of at most 8",
	"staggered.yaml": `scheme staggered gives a share of 1007 ranges (1024,1088,`,
	"random.yaml": `nftables cannot express this plan: pool "random": scheme random scatters the ports of every share one by one, otherwise on ` +
		`each address; use scheme sequential, or psid with an offset of at most 8`,
	"two-realms.yaml": "nftables cannot express this plan: inside 10.0.0.0-10.0.1.255 and 10.0.0.0-10.0.1.255 overlap in different realms, and one kernel table tells " +
		"subscribers apart by address alone; give each realm a plan, an instance and a network namespace of its own",
}
