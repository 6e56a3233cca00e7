package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry returns a registry with the metrics of a Source, and those of the Go runtime and the process (go_..., process_...).
func NewRegistry(source Source, build Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(NewCollector(source, build), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
