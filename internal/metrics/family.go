package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// A kind is what a family is. The zero kind is invalid.
type kind uint8

const (
	gauges kind = iota + 1
	counters
	histograms
)

func (k kind) String() string {
	return [...]string{gauges: "gauge", counters: "counter", histograms: "histogram"}[k]
}

// A family is all metrics of one name. It does not change.
type family struct {
	name, help string
	kind       kind
	labels     []string
	desc       *prometheus.Desc
}

func newFamily(k kind, name, help string, labels []string) *family {
	return &family{name: name, help: help, kind: k, labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
}

func gauge(name, help string, labels ...string) *family {
	return newFamily(gauges, name, help, labels)
}

func counter(name, help string, labels ...string) *family {
	return newFamily(counters, name, help, labels)
}

func histogram(name, help string, labels ...string) *family {
	return newFamily(histograms, name, help, labels)
}

// A section is a group of families.
type section struct {
	title, text string
	families    []*family
}

// Families returns the names of all metrics, with the labels of each. A histogram has "_bucket" (and the label le), "_sum" and
// "_count" behind its name when it is queried.
func Families() map[string][]string {
	out := map[string][]string{}
	for _, s := range sections {
		for _, f := range s.families {
			out[f.name] = slices.Clone(f.labels)
		}
	}
	return out
}
