package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestSocketTaken removes the socket of the API, and puts that of another process and a file in its place: each is noticed, the latter two are left and
// shown as a problem for as long as they are there, and then the API is back.
func TestSocketTaken(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "metrics: 127.0.0.1:9742\n")
	s.write("plan.yaml", plan(1000))
	s.start()
	sock := s.path("sock")
	for name, put := range map[string]func() (end func()){
		"removed": func() func() { return nil },
		"another": func() func() {
			l, err := net.Listen("unix", sock)
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = l.Close() }
		},
		"a file": func() func() {
			s.write("sock", "not a socket")
			return func() {
				if err := os.Remove(sock); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		s.await(name+": before", func(n daemon.Snapshot) bool { return healthy(n) && len(n.Problems) == 0 })
		if err := os.Remove(sock); err != nil {
			t.Fatal(err)
		}
		if end := put(); end != nil {
			s.metrics(`cgnkit_problem{code="listen"} 1` + "\n")
			if st, err := os.Lstat(sock); err != nil {
				t.Errorf("%s: what stood there is gone: %v, %v", name, st, err)
			}
			end()
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			var n daemon.Snapshot
			err := s.get("/v1/status", &n)
			if err == nil && n.Healthy && len(n.Problems) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v, %v", name, err, n.Problems)
			}
		}
	}
	if n := strings.Count(s.log.String(), "no longer listens"); n != 3 {
		t.Errorf("said %d times", n)
	}
}
