package nat44

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// encoded writes all elements of a map the way a bulk load does, one batch over the other, and returns how many there were.
func encoded(w *wire, m *shareMap) (n int) {
	size := m.kind.sizeOf(true)
	open := false
	m.each(func(e element) bool {
		if open && w.full(size) {
			w.endElements()
			open = false
			if len(w.buf)+maxElementList > batchBytes {
				w.reset()
			}
		}
		if !open {
			w.beginElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, "cgn", "shares")
			open = true
		}
		w.element(m.kind, e, true)
		n++
		return true
	})
	if open {
		w.endElements()
	}
	w.reset()
	return n
}

// encodePlans have n subscribers on /16s or less, in maps of one kind.
func encodePlans() map[string]*shareMap {
	return map[string]*shareMap{
		"contiguous": must(NewRuleset(plan(pool("a", "100.64.0.0-100.79.66.63", "198.18.0.0/15", ratio(32))), cgn)).maps[0],
		"ranged":     must(NewRuleset(plan(pool("a", "100.64.0.0-100.66.46.223", "198.18.0.0/15", mapped(3, 5))), cgn)).maps[0],
		"whole":      must(NewRuleset(plan(pool("a", "100.64.0.0/16", "198.18.0.0/16", ratio(1))), cgn)).maps[1],
	}
}

// TestEncodeDoesNotAllocate encodes whole maps into a buffer that has been used before: what is allocated does not grow with the
// elements.
func TestEncodeDoesNotAllocate(t *testing.T) {
	for name, m := range encodePlans() {
		var w wire
		want := encoded(&w, m) // grows the buffer
		if want < 60_000 || uint64(want) != m.elements {
			t.Fatalf("%s: %d elements of %d", name, want, m.elements)
		}
		if n := testing.AllocsPerRun(1, func() { encoded(&w, m) }); n > 10 {
			t.Errorf("%s: %v allocations for %d elements", name, n, want)
		}
	}
}

// TestBulkDoesNotAllocate does the same with the code that sends, but for sending: the start of one batch, filled by add as fillMap
// does it.
func TestBulkDoesNotAllocate(t *testing.T) {
	for name, m := range encodePlans() {
		b := unsent(batchBytes)
		size := m.kind.sizeOf(true)
		some := (batchBytes - 3*maxElementList) / size // which is one batch and not more
		fill := func() {
			n := 0
			m.each(func(e element) bool {
				if err := b.add(e.Inside(), size, func(w *wire) { w.element(m.kind, e, true) }); err != nil {
					t.Fatal(err)
				}
				n++
				return n < some
			})
			b.parts = b.parts[:0]
		}
		fill()
		if n := testing.AllocsPerRun(2, fill); n > 10 {
			t.Errorf("%s: %v allocations for %d elements", name, n, some)
		}
	}
}

// TestReadingDoesNotAllocate reads elements back.
func TestReadingDoesNotAllocate(t *testing.T) {
	for name, m := range encodePlans() {
		var w wire
		w.beginElements(unix.NFT_MSG_NEWSETELEM, 0, "cgn", m.name())
		m.each(func(e element) bool { w.element(m.kind, e, true); return !w.full(m.kind.sizeOf(true)) })
		w.endElements()
		seen := 0
		count := func(kernelElement) error { seen++; return nil }
		if n := testing.AllocsPerRun(10, func() {
			if err := elementsOf(w.buf[nlHeaderLen:], count); err != nil {
				t.Fatal(err)
			}
		}); n > float64(seen)/11/100 || seen < 11*1000 {
			t.Errorf("%s: %v allocations for %d elements", name, n, seen/11)
		}
	}
}

// BenchmarkEncode encodes a million elements into netlink messages. The bar is 150 ns and no allocation per element.
func BenchmarkEncode(b *testing.B) {
	for name, m := range encodePlans() {
		if name == "whole" {
			continue
		}
		b.Run(fmt.Sprintf("%s-%d", name, m.elements), func(b *testing.B) {
			var w wire
			encoded(&w, m)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += encoded(&w, m)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/element")
		})
	}
}
