package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// startFlood starts that as a user who may nothing, and returns when thousands of connections were made.
func (s *site) startFlood(to string) {
	s.Helper()
	binary := filepath.Join(s.TempDir(), "flood")                // where that user may go
	if err := os.WriteFile(binary, s.own(), 0o755); err != nil { //nolint:gosec // he runs it
		s.Fatal(err)
	}
	for dir := filepath.Dir(binary); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // likewise
			s.Fatal(err)
		}
	}
	cmd := exec.Command(binary)
	cmd.Env = []string{asFlood + "=" + to}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := s.do(cmd.Start); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if b := make([]byte, 8); func() bool {
		_, err := io.ReadFull(out, b)
		return err != nil || !strings.HasPrefix(string(b), "flooded")
	}() {
		s.Fatal("the flood has ended")
	}
}

// TestFloodOfAnUser has a user without rights flood /metrics and the API on loopback: others are answered as ever.
func TestFloodOfAnUser(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "metrics: 127.0.0.1:9742\n")
	s.write("plan.yaml", plan(1000))
	s.start()
	s.await("start", healthy)
	s.startFlood("127.0.0.1:9742")
	const crowded = `cgnkit_dropped_connections_total{listener="metrics",reason="crowded"}`
	dropped := false
	for range 20 {
		begun := time.Now()
		text, err := s.scrape()
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 5*time.Second { // which is what Prometheus may be told to wait
			t.Errorf("a scrape took %v", took)
		}
		dropped = dropped || strings.Contains(text, crowded) && !strings.Contains(text, crowded+" 0\n")
		time.Sleep(100 * time.Millisecond)
	}
	if !dropped {
		t.Error("it was no flood")
	}
}
