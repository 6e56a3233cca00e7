package portset

import "testing"

// Results go here, so that the compiler cannot drop the calls that the tests and benchmarks count.
var (
	sinkSet  Set
	sinkPort uint16
	sinkInt  int
	sinkBool bool
	sinkErr  error
)

func TestNoAllocation(t *testing.T) {
	layout := mustLayout(t, 6, 8)
	contiguous, list := mustSet(t, "1024-65535"), mustSet(t, "1024-5003,5005-5059,5061-65535")
	cut := list.Slice(3000, 5000)
	psid := mustPSID(t, 6, 8, 0x34)
	permutation := mustPermutation(t, testKey, list)
	small := mustPermutation(t, testKey, mustSet(t, "7,4000,65535"))

	sets := map[string]Set{
		"one range": contiguous, "list": list, "PSID set": psid, "slice of a list": cut,
		"staggered": contiguous.Every(3, 16, 4032), "staggered list": list.Every(3, 16, 4031),
		"all ports": mustSet(t, "0-65535"), "modulus": mustGMA(t, 100, 4, 1024, 7), "value and mask": ValueMask(80, 496),
	}
	calls := map[string]func(){
		"Layout.Set":                   func() { sinkSet, sinkErr = layout.Set(0x34) },
		"Layout.Set, one range":        func() { sinkSet, sinkErr = Layout{1, 8}.Set(0x34) },
		"Layout.PSID":                  func() { sinkPort, sinkBool = layout.PSID(1232) },
		"Layout.PSID, excluded port":   func() { sinkPort, sinkBool = layout.PSID(80) },
		"GMA":                          func() { sinkSet, sinkErr = GMA(100, 4, 1024, 7) },
		"Slice of a range":             func() { sinkSet = contiguous.Slice(4032, 4032) },
		"Slice of a list":              func() { sinkSet = list.Slice(3000, 5000) },
		"Slice of a slice":             func() { sinkSet = cut.Slice(10, 1000) },
		"Every of a range":             func() { sinkSet = contiguous.Every(3, 16, 4032) },
		"Every of a list":              func() { sinkSet = list.Every(3, 16, 4031) },
		"Every of a slice":             func() { sinkSet = cut.Every(3, 16, 300) },
		"Permutation.Port":             func() { sinkPort, sinkBool = permutation.Port(1024) },
		"Permutation.Port, long walk":  func() { sinkPort, sinkBool = small.Port(4000) },
		"Permutation.Port, outside":    func() { sinkPort, sinkBool = permutation.Port(5004) },
		"Permutation.Inverse":          func() { sinkPort, sinkBool = permutation.Inverse(1024) },
		"Range.Contains":               func() { sinkBool = mustRange(t, 1, 5).Contains(3) },
		"Equal of two PSID sets":       func() { sinkBool = sets["PSID set"].Equal(psid) },
		"Equal of two slices of a set": func() { sinkBool = cut.Equal(list.Slice(3000, 5000)) },
	}
	for name, s := range sets {
		first, last := s.First(), s.Last()
		calls["Contains: "+name] = func() { sinkBool = s.Contains(first) && s.Contains(last) || s.Contains(0) }
		calls["Index: "+name] = func() { sinkInt, sinkBool = s.Index(last) }
		calls["Port: "+name] = func() { sinkPort, sinkBool = s.Port(s.Len() - 1) }
		calls["Ranges: "+name] = func() {
			for r := range s.Ranges() {
				sinkPort = r.Last()
			}
		}
		calls["Ranges, stopped: "+name] = func() {
			for r := range s.Ranges() {
				sinkPort = r.Last()
				break
			}
		}
		calls["Range: "+name] = func() { _, sinkBool = s.Range() }
		calls["RangeCount: "+name] = func() { sinkInt = s.RangeCount() }
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(20, call); n != 0 {
				t.Errorf("%v allocations per call, want none", n)
			}
		})
	}
}
