package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

func ExampleNew() {
	d := daemon.New(daemon.Options{Instance: "cgn", Name: "nftables"}) // which has not begun
	server := api.New(api.Options{Daemon: d, Audit: api.NewAudit(os.DevNull), Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/pools", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 {"error":"the daemon has not applied a plan yet; GET /v1/status says why"}
}
