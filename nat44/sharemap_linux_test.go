package nat44

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// ownPlans are the rulesets on which what is asked by address is compared with what is listed.
func ownPlans(tb testing.TB) map[string]*Ruleset {
	out := goldenRulesets()
	for _, name := range samplePlans(tb) {
		if _, refused := refusedSamples[name]; refused {
			continue
		}
		p := loadPlan(tb, name)
		if p.Subscribers() <= 10_000 {
			out[name] = must(NewRuleset(p, cgn))
		}
	}
	return out
}

// TestOwnAgreesWithEach checks that asking for a subscriber gives, in every map, the elements that the map lists for it.
func TestOwnAgreesWithEach(t *testing.T) {
	for name, rs := range ownPlans(t) {
		for _, m := range rs.maps {
			listed := map[alloc.Allocation][]portset.Range{}
			m.each(func(e element) bool {
				listed[e.Allocation] = append(listed[e.Allocation], e.ports)
				return true
			})
			for a := range rs.plan.All() {
				if got := m.own(a); !slices.Equal(got, listed[a]) {
					t.Fatalf("%s: map %s lists %v for %v, own says %v", name, m.name(), listed[a], a.Inside(), got)
				}
				if found, ok := rs.lookup(a.Inside()); !ok || found != a {
					t.Fatalf("%s: lookup of %v finds %v, %t", name, a.Inside(), found, ok)
				}
			}
		}
		for _, s := range []string{"0.0.0.0", "8.8.8.8", "255.255.255.255", "203.0.113.7"} {
			if _, ok := rs.lookup(ip(s)); ok {
				t.Errorf("%s: lookup finds %s", name, s)
			}
		}
	}
}

// TestExpects checks keys: those of every element are expected, their neighbours are only if they belong to another element.
func TestExpects(t *testing.T) {
	for name, rs := range ownPlans(t) {
		c := &comparer{rs: rs}
		for _, m := range rs.maps {
			wanted := map[string]bool{}
			m.each(func(e element) bool {
				wanted[string(keyOf(m.kind, e))] = true
				return true
			})
			if len(wanted) != int(m.elements) {
				t.Fatalf("%s: map %s has %d keys for %d elements", name, m.name(), len(wanted), m.elements)
			}
			for key := range wanted {
				near := []string{key, "\xff" + key[1:], key[:3] + string(key[3]^1) + key[4:], key[:3] + string(key[3]+1) + key[4:]}
				if m.kind == ranged {
					near = append(near, key[:4]+string(binary.NativeEndian.AppendUint32(nil, uint32(m.buckets))), key[:4]+"\xff\xff\xff\xff")
				}
				for _, k := range near {
					if len(k) == len(key) && c.expects(m, []byte(k)) != wanted[k] {
						t.Fatalf("%s: map %s expects the key %x: %t", name, strings.TrimSpace(m.name()), k, !wanted[k])
					}
				}
			}
		}
	}
}

// keyOf returns an element's key, written without the encoder.
func keyOf(kind mapKind, e element) []byte {
	key := e.Inside().AsSlice()
	if kind == ranged {
		key = binary.NativeEndian.AppendUint32(key, uint32(e.bucket))
	}
	return key
}
