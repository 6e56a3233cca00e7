package planfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
)

const plansFolder = "../../testdata/plans"

// planFiles returns the paths of all plans that the repository shows.
func planFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(plansFolder + "/*.yaml")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d plans in %s (%v), want at least 12", len(paths), plansFolder, err)
	}
	return paths
}

func nameOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".yaml") }

// loadPlan loads a plan of the repository, with the key that one of them needs.
func loadPlan(t testing.TB, path string) *File {
	t.Helper()
	text, err := os.ReadFile(plansFolder + "/keys/example.key")
	if err != nil {
		t.Fatal(err)
	}
	key, err := alloc.ParseKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, Options{Keys: []alloc.Key{key}})
	if err != nil {
		t.Fatalf("Load: %v\n%s", err, render(err))
	}
	return f
}

// describe writes the sizes of a pool, and its first and last record.
func describe(p *alloc.Pool) string {
	record := func(i uint64) string {
		a, ok := p.At(i)
		if !ok {
			return "nobody"
		}
		text := a.Ports().String()
		if len(text) > 40 {
			text = text[:40] + "..."
		}
		return fmt.Sprintf("%v %v %s", a.Inside(), a.Outside(), text)
	}
	return fmt.Sprintf("%s: %v, %d subscribers on %d addresses, ratio %d, %d ports, %s to %s",
		p.Name(), p.Scheme(), p.Subscribers(), p.Addresses(), p.SharingRatio(), p.PortsPerSubscriber(), record(0), record(p.Subscribers()-1))
}

// describeSoftwire writes the sizes of a pool of MAP or lw4o6, and its first record.
func describeSoftwire(p *alloc.Pool) string {
	for a := range p.All() {
		text := a.Ports().String()
		if len(text) > 40 {
			text = text[:40] + "..."
		}
		return fmt.Sprintf("%s: %v, %d subscribers on %d addresses, ratio %d, %d ports, %v %v %s",
			p.Name(), p.Kind(), p.Subscribers(), p.Addresses(), p.SharingRatio(), p.PortsPerSubscriber(), a.Subscriber(), a.OutsidePrefix(), text)
	}
	return "nobody"
}

var planGolden = map[string][]string{
	"br-1to32": {
		`fttx: sequential, 1024 subscribers on 32 addresses, ratio 32, 2016 ports, 100.64.0.0 198.18.0.0 1024-3039 to 100.64.3.255 198.18.0.31 63520-65535`,
	},
	"business": {
		`business: sequential, 32 subscribers on 32 addresses, ratio 1, 64512 ports, 100.127.255.0 198.51.100.0 1024-65535 to 100.127.255.31 198.51.100.31 1024-65535`,
		`households: sequential, 4096 subscribers on 64 addresses, ratio 64, 976 ports, 100.64.0.0 203.0.113.0 1024-1999 to 100.64.15.255 203.0.113.63 62512-63487`,
	},
	"cisco-step": {
		`bpa: step, 1024 subscribers on 16 addresses, ratio 120, 512 ports, 100.64.0.0 198.51.100.0 4000,4004,4008,4012,4016,4020,4024,4028,... to 100.64.3.255 198.51.100.8 34723,34727,34731,34735,34739,34743,3474...`,
	},
	"exempt": {
		`homes: sequential, 256 subscribers on 8 addresses, ratio 32, 2016 ports, 100.64.32.0 198.51.100.16 1024-3039 to 100.64.32.255 198.51.100.23 63520-65535`,
	},
	"explicit-list": {
		`billing: sequential, 32 subscribers on 2 addresses, ratio 16, 4032 ports, 100.70.165.205 198.51.100.10 1024-5055 to 100.72.0.7 198.51.100.3 61504-65535`,
	},
	"juniper-spread": {
		`detnat: spread, 65534 subscribers on 254 addresses, ratio 259, 249 ports, 10.1.0.1 32.32.32.1 1024-1272 to 10.1.255.254 32.32.32.254 2518-2766`,
	},
	"legacy-rules": {
		`old-nat: explicit, 32 subscribers on 4 addresses, ratio 15, 512 ports, 100.72.233.77 203.0.113.77 25600-29695 to 100.74.0.10 198.51.100.200 1024-65535`,
	},
	"metro": {
		`north: sequential, 24576 subscribers on 768 addresses, ratio 64, 1000 ports, 100.64.0.0 198.18.0.0 1024-2023 to 100.68.31.255 198.18.1.127 64024-65023`,
		`south: sequential, 32768 subscribers on 1152 addresses, ratio 48, 1344 ports, 100.65.0.0 198.18.8.0 1024-2367 to 100.65.127.255 198.18.10.170 42688-44031`,
		`campus: spread, 2048 subscribers on 64 addresses, ratio 32, 2016 ports, 100.66.0.0 203.0.113.128 1024-3039 to 100.66.7.255 203.0.113.191 63520-65535`,
		`lte: sequential, 262144 subscribers on 2048 addresses, ratio 128, 336 ports, 100.96.0.0 198.18.128.0 1024-1359 to 100.99.255.255 198.18.135.255 43696-44031`,
	},
	"psid-lw4o6": {
		`lw4o6: psid, 2048 subscribers on 16 addresses, ratio 252, 256 ports, 100.64.0.0 192.0.2.0 1024-1279 to 100.64.7.255 192.0.2.8 8960-9215`,
	},
	"psid-map": {
		`map: psid, 65536 subscribers on 256 addresses, ratio 256, 252 ports, 100.64.0.0 192.0.2.0 1024-1027,2048-2051,3072-3075,4096-4099,... to 100.64.255.255 192.0.2.255 2044-2047,3068-3071,4092-4095,5116-5119,...`,
	},
	"random": {
		`random: random, 64 subscribers on 2 addresses, ratio 32, 2016 ports, 100.64.0.0 192.0.2.4 1058,1065,1075,1105,1242,1346,1400,1507,... to 100.64.0.63 192.0.2.5 1026,1039,1063,1106,1135,1141,1153,1204,...`,
	},
	"rfc7422-example": {
		`example: sequential, 14 subscribers on 1 addresses, ratio 14, 4032 ports, 198.51.100.1 192.0.2.1 1024-5055 to 198.51.100.14 192.0.2.1 53440-57471`,
	},
	"routeros-stripe": {
		`stripes: stripe, 8192 subscribers on 256 addresses, ratio 32, 2000 ports, 100.64.0.0 198.18.4.0 1536-3535 to 100.64.31.255 198.18.4.255 63536-65535`,
	},
	"shared-space": {
		`shared-space: sequential, 4194304 subscribers on 131072 addresses, ratio 32, 2016 ports, 100.64.0.0 198.18.0.0 1024-3039 to 100.127.255.255 198.19.255.255 63520-65535`,
	},
	"softwires": {
		`homes-cgn: sequential, 1024 subscribers on 32 addresses, ratio 32, 2016 ports, 100.64.0.0 198.51.100.0 1024-3039 to 100.64.3.255 198.51.100.31 63520-65535`,
		`homes-mape: map-e, 65536 subscribers on 256 addresses, ratio 256, 252 ports, 2001:db8::/56 192.0.2.0/32 1024-1027,2048-2051,3072-3075,4096-4099,...`,
		`homes-mapt: map-t, 1040 subscribers on 128 addresses, ratio 16, 3840 ports, 2001:db8:100::/54 198.18.0.0/32 4096-4351,8192-8447,12288-12543,16384-16...`,
		`cable-lw: lw4o6, 4 subscribers on 2 addresses, ratio 256, 256 ports, 2001:db8:400::/56 203.0.113.1/32 1024-1279`,
	},
	"staggered": {
		`staggered: staggered, 128 subscribers on 2 addresses, ratio 64, 1007 ports, 100.64.0.0 192.0.2.32 1024,1088,1152,1216,1280,1344,1408,1472,... to 100.64.0.127 192.0.2.33 1087,1151,1215,1279,1343,1407,1471,1535,...`,
	},
	"tiny": {
		`flats: sequential, 4 subscribers on 1 addresses, ratio 4, 16128 ports, 192.168.7.10 203.0.113.7 1024-17151 to 192.168.7.13 203.0.113.7 49408-65535`,
	},
	"two-realms": {
		`retail-a: sequential, 512 subscribers on 16 addresses, ratio 32, 2000 ports, 10.0.0.0 192.0.2.0 1024-3023 to 10.0.1.255 192.0.2.15 63024-65023`,
		`retail-b: sequential, 512 subscribers on 16 addresses, ratio 32, 2000 ports, 10.0.0.0 192.0.2.16 1024-3023 to 10.0.1.255 192.0.2.31 63024-65023`,
	},
	"village": {
		`village: sequential, 959 subscribers on 14 addresses, ratio 71, 900 ports, 100.64.8.0 203.0.113.17 1024-1899,1901-1924 to 100.64.17.255 203.0.113.9 32528-33427`,
	},
}

func TestPlans(t *testing.T) {
	s := planSchema(t)
	for _, path := range planFiles(t) {
		t.Run(nameOf(path), func(t *testing.T) {
			f := loadPlan(t, path)
			var got []string
			for p := range f.Plan.Pools() {
				got = append(got, describe(p))
				checkPool(t, f.Plan, p)
			}
			for p := range f.Plan.Softwires() {
				got = append(got, describeSoftwire(p))
			}
			if diff := cmp.Diff(planGolden[nameOf(path)], got); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
			checkCanonical(t, f.Plan, f.Spec.Keys)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(s, text); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		})
	}
	if len(planGolden) != len(planFiles(t)) {
		t.Errorf("%d plans are described here and %d are there", len(planGolden), len(planFiles(t)))
	}
}

// checkPool asks a sample of subscribers for their shares, and the first, middle and last port of each share for its owner.
func checkPool(t *testing.T, plan *alloc.Plan, p *alloc.Pool) {
	t.Helper()
	step := max(p.Subscribers()/97, 1)
	for i := uint64(0); i < p.Subscribers(); i += step {
		a, ok := p.At(i)
		if !ok {
			t.Fatalf("pool %s has nobody at position %d", p.Name(), i)
		}
		found, err := plan.Lookup(alloc.SubscriberFrom(p.Realm(), a.Inside()))
		if err != nil || found != a {
			t.Fatalf("Lookup(%v) = %+v, %v; position %d has %+v", a.Inside(), found, err, i, a)
		}
		share := a.Ports()
		if share.Len() < p.PortsPerSubscriber() {
			t.Errorf("%v has %d ports, fewer than %d", a.Inside(), share.Len(), p.PortsPerSubscriber())
		}
		for _, k := range []int{0, share.Len() / 2, share.Len() - 1} {
			port, ok := share.Port(k)
			if !ok {
				t.Fatalf("%v has no port %d of %d", a.Inside(), k, share.Len())
			}
			owner, ok := plan.Trace(a.Outside(), port).Allocation()
			if !ok || owner != a {
				t.Errorf("port %d of %v belongs to %+v, want %v", port, a.Outside(), owner, a.Inside())
			}
		}
	}
}

func checkCanonical(t *testing.T, plan *alloc.Plan, keys []alloc.Key) {
	t.Helper()
	text := plan.AppendCanonical(nil)
	again, err := alloc.ParseCanonical(text, keys...)
	if err != nil {
		t.Fatalf("ParseCanonical(%s): %v", text, err)
	}
	if again.SHA256() != plan.SHA256() || again.Subscribers() != plan.Subscribers() {
		t.Errorf("read back, the plan has hash %s and %d subscribers; it had %s and %d", again.SHA256(), again.Subscribers(), plan.SHA256(), plan.Subscribers())
	}
	// The canonical form is a plan file, and can be written as one by hand could.
	for _, tail := range []string{"", "\n"} {
		f, err := Parse("plan.json", append(bytes.Clone(text), tail...), Options{Keys: keys})
		if err != nil {
			t.Fatalf("the canonical form as a plan file: %v", err)
		}
		var yaml bytes.Buffer
		if err := Write(&yaml, f.Spec, f.Plan); err != nil {
			t.Fatal(err)
		}
		g, err := Parse("plan.yaml", yaml.Bytes(), Options{Keys: keys})
		if err != nil || g.Plan.SHA256() != plan.SHA256() {
			t.Errorf("written by hand, the plan is another: %v\n%s", err, &yaml)
		}
	}
}

func TestBadPlans(t *testing.T) {
	folder := plansFolder + "/bad/"
	for name, c := range map[string]struct {
		is   error
		want string
	}{
		"does-not-fit": {alloc.ErrCapacity, `
does-not-fit.yaml:5:14: pool "small": 1024 subscribers do not fit on 16 addresses: 512 fit with 2016 ports each (32 on an address)
    5 |     outside: 198.18.0.0/28
      |              ^
hint: it fits with 32 addresses (16 more), or with at most 1008 ports per subscriber (sharing ratio 64)
`},
		"listed-twice": {alloc.ErrDuplicate, `
listed-twice.yaml:6:9: pool "twice": inside address 100.64.0.7 is listed twice: in 100.64.0.0/24 and in 100.64.0.7
    6 |       - 100.64.0.7
      |         ^
hint: list every address once
`},
		"loop": {alloc.ErrLoop, `
loop.yaml:5:14: pool "loop": outside address 100.64.0.128 is also an inside address of realm "default", in pool "loop"
    5 |     outside: 100.64.0.128/27
      |              ^
hint: an address cannot be on both sides: correct one of the lists, or use another realm
`},
		"overlap": {alloc.ErrOverlap, `
overlap.yaml:11:9: pool "b": outside addresses 198.18.0.4-198.18.0.7 (4) also belong to pool "a"
   11 |       - 198.18.0.4/30
      |         ^
hint: give every outside address to one pool
`},
		"shares-collide": {alloc.ErrOverlap, `
shares-collide.yaml:8:9: pool "old-nat": subscribers 100.64.0.1 and 100.64.0.3 both have ports 2000-2047 of outside address 198.18.0.1
    8 |       - 100.64.0.3 198.18.0.1 2000-2100,4000-4999
      |         ^
hint: give every port of an outside address to one subscriber
shares-collide.yaml:8:9: pool "old-nat": subscribers 100.64.0.2 and 100.64.0.3 both have ports 2048-2100 of outside address 198.18.0.1
    8 |       - 100.64.0.3 198.18.0.1 2000-2100,4000-4999
      |         ^
hint: give every port of an outside address to one subscriber
`},
		"typo": {ErrSyntax, `
typo.yaml:6:5: pools[0]: unknown key "sharing_ratio" in a pool
    6 |     sharing_ratio: 32
      |     ^
hint: did you mean sharing-ratio?
typo.yaml:7:5: pools[0]: duplicate key outside, first in line 5
    7 |     outside: 198.18.1.0/27
      |     ^
hint: leave one of them out
typo.yaml:8:27: pools[0].ports-per-subscriber: the value must be a number, and this is the text "many"
    8 |     ports-per-subscriber: many
      |                           ^
`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Load(folder+name+".yaml", Options{})
			if f != nil || !errors.Is(err, c.is) {
				t.Fatalf("Load = %v, %v; want %v", f, err, c.is)
			}
			wantDiagnostics(t, err, strings.ReplaceAll(c.want, name+".yaml:", folder+name+".yaml:"))
		})
	}
	paths, err := filepath.Glob(folder + "*.yaml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d bad plans (%v), want at least 5", len(paths), err)
	}
	for _, path := range paths {
		if f, err := Load(path, Options{Keys: []alloc.Key{exampleKey}}); f != nil || diagnosticsOf(err) == nil {
			t.Errorf("Load(%s) = %v, %v; want diagnostics", path, f, err)
		}
	}
}
