package portset

import "testing"

func benchSets(b *testing.B) []struct {
	name string
	set  Set
} {
	b.Helper()
	return []struct {
		name string
		set  Set
	}{
		{"contiguous", mustSet(b, "1024-5055")},
		{"psid-a6-k8", mustPSID(b, 6, 8, 0x34)},
		{"list", mustSet(b, "1024-1899,1901-5003,5005-5059,5062-8079,8081-49151")},
	}
}

func BenchmarkSetContains(b *testing.B) {
	for _, bm := range benchSets(b) {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			port := uint16(0)
			for b.Loop() {
				sinkBool = bm.set.Contains(port)
				port += 257 // visits all ports, few of them in order
			}
		})
	}
}

func BenchmarkSetIndex(b *testing.B) {
	for _, bm := range benchSets(b) {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			port := uint16(0)
			for b.Loop() {
				sinkInt, sinkBool = bm.set.Index(port)
				port += 257
			}
		})
	}
}

func BenchmarkSetPort(b *testing.B) {
	for _, bm := range benchSets(b) {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			i, n := 0, bm.set.Len()
			for b.Loop() {
				sinkPort, sinkBool = bm.set.Port(i)
				if i += 61; i >= n {
					i -= n
				}
			}
		})
	}
}

func BenchmarkLayoutPSID(b *testing.B) {
	for _, bm := range []struct {
		name   string
		layout Layout
	}{
		{"a6-k8", mustLayout(b, 6, 8)},
		{"a0-k8", mustLayout(b, 0, 8)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			port := uint16(0)
			for b.Loop() {
				sinkPort, sinkBool = bm.layout.PSID(port)
				port += 257
			}
		})
	}
}

func BenchmarkPermutationSet(b *testing.B) {
	domain := mustSet(b, "1024-65535")
	p := mustPermutation(b, testKey, domain)
	for _, bm := range []struct {
		name string
		n    int
	}{{"64-ports", 64}, {"2048-ports", 2048}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				sinkSet = p.Set(i, bm.n)
				if i += bm.n; i+bm.n > domain.Len() {
					i = 0
				}
			}
		})
	}
}
