package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An emitter sends metrics to the registry. What would make the whole scrape fail, labels twice or no UTF-8, it leaves out or
// mends: one odd name must not hide everything else.
type emitter struct {
	to   chan<- prometheus.Metric
	seen map[string]bool
}

// fresh mends labels and reports whether nobody has had them.
func (e *emitter) fresh(f *family, labels []string) bool {
	if len(labels) == 0 {
		return true
	}
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	key := f.name + "\xff" + strings.Join(labels, "\xff") // no byte of UTF-8
	if e.seen[key] {
		return false
	}
	e.seen[key] = true
	return true
}

// number sends a gauge or a counter.
func (e *emitter) number(f *family, v float64, labels ...string) {
	if !e.fresh(f, labels) {
		return
	}
	t := prometheus.GaugeValue
	if f.kind == counters {
		t = prometheus.CounterValue
	}
	e.to <- prometheus.MustNewConstMetric(f.desc, t, v, labels...)
}

func (e *emitter) count(f *family, v uint64, labels ...string) { e.number(f, float64(v), labels...) }

// maybe sends what is known.
func (e *emitter) maybe(f *family, v *uint64) {
	if v != nil {
		e.count(f, *v)
	}
}

// yes sends 1 or 0.
func (e *emitter) yes(f *family, ok bool, labels ...string) {
	if ok {
		e.number(f, 1, labels...)
	} else {
		e.number(f, 0, labels...)
	}
}

// instant sends a time, if there was one.
func (e *emitter) instant(f *family, t time.Time) {
	if !t.IsZero() {
		e.number(f, float64(t.UnixMilli())/1000)
	}
}

func (e *emitter) seconds(f *family, d time.Duration) { e.number(f, d.Seconds()) }

// protocols sends three numbers.
func (e *emitter) protocols(f *family, p Protocols, pool string) {
	e.count(f, p.TCP, pool, "tcp")
	e.count(f, p.UDP, pool, "udp")
	e.count(f, p.ICMP, pool, "icmp")
}

func (e *emitter) histogram(f *family, h *Histogram, labels ...string) {
	if len(h.counts) > 0 && e.fresh(f, labels) {
		e.to <- prometheus.MustNewConstHistogram(f.desc, h.total, float64(h.sum), h.buckets(), labels...)
	}
}
