package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many scrapes are answered at once; others are told to come again.
const maxScrapes = 4

// NewRegistry returns a registry with the metrics of a Source, and those of the Go runtime and the process (go_..., process_...).
func NewRegistry(source Source, build Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(NewCollector(source, build), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Handler returns what answers scrapes, by GET and HEAD, in the text and OpenMetrics formats, compressed where that is asked for. At
// most four are answered at once; the others get 503.
func Handler(source Source, build Build) http.Handler {
	h := promhttp.HandlerFor(NewRegistry(source, build), promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}
