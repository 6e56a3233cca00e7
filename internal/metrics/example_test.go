package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A daemon is a Source.
type daemon struct{}

func (daemon) Snapshot() *metrics.Snapshot {
	return &metrics.Snapshot{Backend: "nftables", Instance: "cgn", Epoch: &metrics.Epoch{InForce: 2, Due: 3}}
}

func ExampleHandler() {
	w := httptest.NewRecorder()
	metrics.Handler(daemon{}, metrics.Build{Version: "v1.0.0"}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "cgnkit_epoch") {
			fmt.Print(line)
		}
	}
	// Output:
	// cgnkit_epoch 2
	// cgnkit_epoch_due 3
}
