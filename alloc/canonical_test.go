package alloc

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of the canonical form")

// canonicalSpecs has a plan of each family. The hashes are written down here, so that an -update alone cannot change them.
var canonicalSpecs = []struct {
	name, sum string
	spec      Spec
}{
	{"sequential", "c73c11144e69dcbd9f886e855bffbd3eaeaf2f85f94dd707c565ddc2357d4731", spec(
		pool("res-1", "100.64.9.0/24 100.64.0.0/26", "203.0.113.9 192.0.2.0/29", size(1000), reserve("1024,5004,5060"),
			func(s *PoolSpec) {
				s.ExcludeInside, s.ExcludeOutside = addrs("100.64.9.255"), addrs("192.0.2.0 192.0.2.7")
			}),
		pool("vip", "100.64.0.0/30", "198.51.100.0/30", func(s *PoolSpec) { s.Realm, s.SharingRatio = "vip", 1 }),
		pool("spread", "100.65.0.0-100.65.0.99", "198.51.100.128-198.51.100.130", scheme(Spread), dynShares(2)),
		pool("stripe", "100.66.0.0/24", "198.51.100.64/29", scheme(Stripe), dynPorts(1000), ratio(32)))},
	{"interleaved", "6cb5d15fd0e3d1c59fb2dfd8c0068d6b2f11a4d57dd72a64dee07f896009f553", Spec{Keys: []Key{testKey}, Pools: []PoolSpec{
		pool("staggered", "100.64.0.0/28", "192.0.2.1", scheme(Staggered), ratio(16), usable("2000-65534")),
		pool("step", "100.64.1.0/28", "192.0.2.2", step(4), size(512), usable("4000-65535")),
		pool("random", "100.64.2.0/28", "192.0.2.3", scheme(Random), func(s *PoolSpec) { s.KeyID = testKey.ID() })}}},
	{"psid", "89b9ae8c0e909c1b40f1efb66c263a4fcbd01126d56f1b61be20da00c367d4d8", spec(
		pool("map", "100.64.0.0/24", "192.0.2.0/30", psid(6, 6)),
		pool("lw4o6", "100.65.0.0/24", "192.0.2.4/31", psid(0, 8), dynShares(1)),
		pool("holes", "100.66.0.0/28", "192.0.2.6", scheme(PSID), reserve("5000-6000")))},
	{"explicit", "76e73574193ae68cdc88ae00a4e9eb20233ee5c886780bd2e9d4b897a915cc2d", spec(explicit("legacy", legacyShares, reserve("25")), pool("b", "100.66.0.0/28", "192.0.2.77"), explicit("other", "100.67.0.1 192.0.2.99 1-65535"))},
	{"exempt", "0e1e26e1820e351176b4fce7b291b2ee04a4ed257f2b1ccddbacc2409a685fc2", exempt(dests("203.0.113.0/24,203.0.113.53 udp/53,0.0.0.0/0 tcp/8000-8080,10.0.0.1-10.0.0.6")...)},
}

func TestCanonicalGolden(t *testing.T) {
	for _, tc := range canonicalSpecs {
		t.Run(tc.name, func(t *testing.T) {
			p := mustPlan(t, tc.spec)
			got := p.AppendCanonical(nil)
			file := filepath.Join("testdata", "canonical", tc.name+".json")
			if *update {
				if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSuffix(string(want), "\n"), string(got)); diff != "" {
				t.Errorf("the canonical form differs (-want +got):\n%s", diff)
			}
			if p.SHA256() != tc.sum {
				t.Errorf("SHA256 = %s, want %s", p.SHA256(), tc.sum)
			}
			if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != p.SHA256() {
				t.Errorf("SHA256 = %s, the bytes have %x", p.SHA256(), sum)
			}
			again, err := ParseCanonical(got, testKey)
			if err != nil {
				t.Fatal(err)
			}
			if d := Diff(p, again); !d.IsEmpty() || d.Kept != p.Subscribers() {
				t.Errorf("the plan that is read back differs: %+v", d)
			}
		})
	}
}

func TestCanonicalAppends(t *testing.T) {
	p := mustPlan(t, good())
	if got := string(p.AppendCanonical([]byte("plan "))); got != "plan "+string(p.AppendCanonical(nil)) {
		t.Errorf("AppendCanonical = %s", got)
	}
	var zero Plan
	if got, want := string(zero.AppendCanonical(nil)), `{"cgnkit_plan":1,"pools":[]}`; got != want {
		t.Errorf("the zero plan is %s, want %s", got, want)
	}
}

func TestCanonicalIsOneForTwoSpellings(t *testing.T) {
	in := func(text string) func(*PoolSpec) { return func(s *PoolSpec) { s.Inside = addrs(text) } }
	for _, tc := range []struct {
		name string
		a, b func(*PoolSpec)
	}{
		{"prefix and range", edit(), in("100.64.0.0-100.64.0.15")},
		{"ranges that continue each other", edit(), in("100.64.0.0/29 100.64.0.8-100.64.0.9 100.64.0.10 100.64.0.11-100.64.0.15")},
		{"default scheme", edit(), scheme(Sequential)},
		{"default realm", edit(), func(s *PoolSpec) { s.Realm = "default" }},
		{"default ports", edit(), usable("1024-65535")},
		{"system ports reserved", edit(), edit(usable("1-65535"), reserve("1-1023"))},
		{"reserved ports that are not usable", edit(), reserve("0-1023,7")},
		{"derived ratio", edit(), ratio(16)},
		{"derived ports", ratio(16), edit(ratio(16), size(4032))},
		{"dynamic shares and ports", edit(size(1000), ratio(60), dynShares(2)), edit(size(1000), ratio(60), dynPorts(4000))},
		{"edges and exclusions", func(s *PoolSpec) { s.SkipEdges = true }, func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.15 100.64.0.0") }},
		{"overlapping exclusions", func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.2/31") },
			func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.3 100.64.0.2-100.64.0.3 100.64.0.2") }},
		{"psid default offset", edit(scheme(PSID), ratio(16)), psid(6, 4)},
		{"psid dynamic", edit(psid(6, 5), dynShares(1)), edit(psid(6, 5), dynPorts(1))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := mustPlan(t, good(tc.a)), mustPlan(t, good(tc.b))
			if diff := cmp.Diff(string(a.AppendCanonical(nil)), string(b.AppendCanonical(nil))); diff != "" || a.SHA256() != b.SHA256() {
				t.Errorf("two spellings of one plan differ:\n%s", diff)
			}
		})
	}
}

func TestCanonicalChangesWithEveryField(t *testing.T) {
	base := edit(ratio(32), size(1000))
	forms := map[string]string{}
	exempted := map[string][]Destination{
		"destination":         dests("203.0.113.0/24"),
		"another destination": dests("203.0.113.0/25"),
		"destination ports":   dests("203.0.113.0/24 tcp/80"),
		"more ports":          dests("203.0.113.0/24 tcp/80-81"),
		"another protocol":    dests("203.0.113.0/24 udp/80"),
		"two destinations":    dests("203.0.113.0/24,198.51.100.1"),
		"another order":       dests("198.51.100.1,203.0.113.0/24"),
	}
	for name, change := range map[string]func(*PoolSpec){
		"nothing":           edit(),
		"name":              func(s *PoolSpec) { s.Name = "b" },
		"realm":             func(s *PoolSpec) { s.Realm = "r" },
		"one more inside":   func(s *PoolSpec) { s.Inside = append(s.Inside, addrs("100.64.0.16")...) },
		"inside order":      func(s *PoolSpec) { s.Inside = addrs("100.64.0.8/29 100.64.0.0/29") },
		"one more outside":  func(s *PoolSpec) { s.Outside = append(s.Outside, addrs("192.0.2.9")...) },
		"outside order":     func(s *PoolSpec) { s.Outside = addrs("192.0.2.9 192.0.2.1") },
		"inside exclusion":  func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.15") },
		"shorter inside":    func(s *PoolSpec) { s.Inside = addrs("100.64.0.0-100.64.0.14") },
		"outside exclusion": func(s *PoolSpec) { s.Outside, s.ExcludeOutside = addrs("192.0.2.1-192.0.2.2"), addrs("192.0.2.2") },
		"spread":            scheme(Spread),
		"stripe":            scheme(Stripe),
		"staggered":         scheme(Staggered),
		"step 2":            step(2),
		"step 4":            step(4),
		"psid":              func(s *PoolSpec) { *s = pool("a", "100.64.0.0/28", "192.0.2.1", psid(6, 5)) },
		"psid offset":       func(s *PoolSpec) { *s = pool("a", "100.64.0.0/28", "192.0.2.1", psid(4, 5)) },
		"psid length":       func(s *PoolSpec) { *s = pool("a", "100.64.0.0/28", "192.0.2.1", psid(6, 6)) },
		"psid dynamic":      func(s *PoolSpec) { *s = pool("a", "100.64.0.0/28", "192.0.2.1", psid(6, 5), dynShares(1)) },
		"random":            func(s *PoolSpec) { s.Scheme, s.KeyID = Random, testKey.ID() },
		"key":               func(s *PoolSpec) { s.Scheme, s.KeyID = Random, otherKey.ID() },
		"ratio":             ratio(33),
		"ports":             size(1001),
		"first port":        usable("1025-65535"),
		"last port":         usable("1024-65534"),
		"explicit": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.0 192.0.2.1 1024-2047\n100.64.0.1 192.0.2.1 2048-3071")
		},
		"explicit order": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.1 192.0.2.1 2048-3071\n100.64.0.0 192.0.2.1 1024-2047")
		},
		"explicit inside": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.0 192.0.2.1 1024-2047\n100.64.0.2 192.0.2.1 2048-3071")
		},
		"explicit outside": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.0 192.0.2.1 1024-2047\n100.64.0.1 192.0.2.2 2048-3071")
		},
		"explicit ports": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.0 192.0.2.1 1024-2047\n100.64.0.1 192.0.2.1 2048-3070")
		},
		"explicit usable": func(s *PoolSpec) {
			*s = explicit("a", "100.64.0.0 192.0.2.1 1024-2047\n100.64.0.1 192.0.2.1 2048-3071", usable("1024-65535"))
		},
		"reserved port": reserve("5060"),
		"dynamic":       dynPorts(1),
		"destination":   edit(), "another destination": edit(), "destination ports": edit(), "more ports": edit(), "another protocol": edit(), "two destinations": edit(), "another order": edit(),
	} {
		p := mustPlan(t, Spec{Pools: []PoolSpec{pool("a", "100.64.0.0/28", "192.0.2.1", base, change)}, Keys: []Key{testKey, otherKey}, NoTranslate: exempted[name]})
		if other, ok := forms[p.SHA256()]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		forms[p.SHA256()] = name
	}
}

func TestParseCanonicalRefuses(t *testing.T) {
	text := string(mustPlan(t, good(ratio(32))).AppendCanonical(nil))
	const notWritten = "invalid canonical plan: these bytes are not what AppendCanonical writes for this plan"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", "invalid canonical plan: EOF"},
		{"a space", strings.Replace(text, ":1,", ": 1,", 1), notWritten},
		{"a newline at the end", text + "\n", notWritten},
		{"trailing data", text + "{}", notWritten},
		{"keys in another order", strings.Replace(text, `"name":"a","realm":"default"`, `"realm":"default","name":"a"`, 1), notWritten},
		{"a key in capitals", strings.Replace(text, `"name"`, `"NAME"`, 1), notWritten},
		{"a key twice", strings.Replace(text, `"name":"a"`, `"name":"a","name":"a"`, 1), notWritten},
		{"a missing key", strings.Replace(text, `,"dynamic":false`, "", 1), notWritten},
		{"an unknown key", strings.Replace(text, `"name"`, `"nome"`, 1), `invalid canonical plan: json: unknown field "nome"`},
		{"a newer version", strings.Replace(text, ":1,", ":2,", 1), "invalid canonical plan: version 2; this program reads version 1"},
		{"no version", `{"pools":[]}`, "invalid canonical plan: version 0; this program reads version 1"},
		{"no pools", `{"cgnkit_plan":1,"pools":[]}`, "invalid canonical plan: the plan has no pools"},
		{"an escape", strings.Replace(text, `"a"`, `"\u0061"`, 1), notWritten},
		{"a prefix for a range", strings.Replace(text, "100.64.0.0-100.64.0.15", "100.64.0.0/28", 1), notWritten},
		{"ranges that could be joined", strings.Replace(text, `"100.64.0.0-100.64.0.15"`, `"100.64.0.0-100.64.0.7","100.64.0.8-100.64.0.15"`, 1), notWritten},
		{"an unknown scheme", strings.Replace(text, "sequential", "sequentiel", 1),
			`invalid canonical plan: pool "a": invalid scheme "sequentiel": want one of sequential, spread, stripe, staggered, step, psid, random, explicit`},
		{"no usable ports", strings.Replace(text, `"usable_ports":"1024-65535",`, "", 1), `invalid canonical plan: pool "a" has no usable_ports`},
		{"excluded, but never listed", strings.Replace(text, `"inside_excluded":[]`, `"inside_excluded":["100.64.0.3"]`, 1),
			`invalid canonical plan: pool "a": inside address 100.64.0.3 is listed twice: in 100.64.0.0-100.64.0.15 and in 100.64.0.3`},
		{"derived sizes", strings.Replace(text, `"sharing_ratio":32`, `"sharing_ratio":0`, 1), notWritten},
		{"sizes that do not fit", strings.Replace(text, `"ports_per_subscriber":2016`, `"ports_per_subscriber":2017`, 1),
			`invalid canonical plan: pool "a": 32 shares of 2017 ports do not fit into 64512 ports of an address`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := ParseCanonical([]byte(tc.text))
			if p != nil || !errors.Is(err, ErrCanonical) {
				t.Fatalf("ParseCanonical = %v, %v", p, err)
			}
			if err.Error() != tc.want {
				t.Errorf("error\n got %s\nwant %s", err, tc.want)
			}
		})
	}
}

func TestParseCanonicalNeedsTheKey(t *testing.T) {
	text := mustPlan(t, canonicalSpecs[1].spec).AppendCanonical(nil)
	if _, err := ParseCanonical(text); !errors.Is(err, ErrCanonical) || !errors.Is(err, ErrKey) {
		t.Errorf("without the key: %v, want %v", err, ErrKey)
	}
	if _, err := ParseCanonical(text, Key{}); !errors.Is(err, ErrKey) {
		t.Errorf("with another key: %v, want %v", err, ErrKey)
	}
}

// Whatever byte is changed, the result is refused or is the canonical form of another plan.
func TestParseCanonicalFlippedBytes(t *testing.T) {
	for _, tc := range canonicalSpecs {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			text := mustPlan(t, tc.spec).AppendCanonical(nil)
			accepted := 0
			for i := range text {
				for _, flip := range []byte{1, 2, 4, 8, 0x20, 0x80} {
					changed := bytes.Clone(text)
					changed[i] ^= flip
					p, err := ParseCanonical(changed, testKey)
					if err != nil {
						continue
					}
					accepted++
					if !bytes.Equal(p.AppendCanonical(nil), changed) {
						t.Fatalf("byte %d xor %#x is accepted as another form", i, flip)
					}
					if sum := sha256.Sum256(changed); p.SHA256() != hex.EncodeToString(sum[:]) {
						t.Fatalf("byte %d xor %#x: the hash is not that of the bytes", i, flip)
					}
				}
			}
			if accepted == 0 {
				t.Error("no changed byte gives a plan, not even one in a name")
			}
		})
	}
}
