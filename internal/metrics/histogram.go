package metrics

import "slices"

// Bounds of the buckets: how many ports of one protocol, at most. 0 is a bucket of its own, so that who uses nothing can be told
// from who uses little.
var (
	subscriberBounds = []float64{0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768}
	addressBounds    = []float64{0, 1024, 2048, 4096, 8192, 16384, 24576, 32768, 40960, 49152, 57344, 61440}
)

// A Histogram counts how many use how many ports of the protocol that they use most. The zero Histogram is empty. Make one with Tally.
type Histogram struct {
	bounds []float64
	counts []uint64 // by bucket, not added up; the last is for more than the last bound
	sum    uint64
	total  uint64
}

func newHistogram(bounds []float64) Histogram {
	return Histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

// Count returns how many there are, and Sum how much they use together.
func (h *Histogram) Count() uint64 { return h.total }

// Sum returns the sum of all values.
func (h *Histogram) Sum() uint64 { return h.sum }

// add counts n times the value v.
func (h *Histogram) add(v, n uint64) {
	i, _ := slices.BinarySearch(h.bounds, float64(v))
	h.counts[i] += n
	h.sum += v * n
	h.total += n
}

// merge adds another histogram with the same bounds, or an empty one.
func (h *Histogram) merge(o Histogram) {
	if len(h.counts) == 0 {
		h.bounds, h.counts = o.bounds, make([]uint64, len(o.counts))
	}
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.sum += o.sum
	h.total += o.total
}

// buckets returns how many are at most at each bound, as Prometheus wants it.
func (h *Histogram) buckets() map[float64]uint64 {
	out, n := make(map[float64]uint64, len(h.bounds)), uint64(0)
	for i, bound := range h.bounds {
		n += h.counts[i]
		out[bound] = n
	}
	return out
}
