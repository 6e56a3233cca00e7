package daemon_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// A memory is a backend that has its plan in memory.
type memory struct{ sha atomic.Pointer[string] }

func (m *memory) InForce() (in daemon.InForce, err error) {
	if sha := m.sha.Load(); sha != nil {
		in.SHA256 = *sha
	}
	return in, nil
}

func (m *memory) Apply(plan *alloc.Plan, _ func() error) (daemon.Applied, error) {
	sha := plan.SHA256()
	m.sha.Store(&sha)
	return daemon.Applied{Way: "first load", Added: plan.Subscribers()}, nil
}

func (m *memory) Verify(*alloc.Plan, func(string)) (daemon.Verified, error) {
	return daemon.Verified{}, nil
}
func (m *memory) Leftover(*alloc.Plan, []*alloc.Plan, bool) (int, error) {
	return 0, nil
}
func (m *memory) Ahead() time.Duration  { return 0 }
func (m *memory) Reload() (bool, error) { return false, nil }
func (m *memory) Close() error          { return nil }

func Example() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "plan.yaml")
	text := "version: 1\npools:\n  - {name: home, inside: [100.64.0.0/24], outside: [198.18.0.0/28]}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	noKeys := func() ([]alloc.Key, error) { return nil, nil }
	d := daemon.New(daemon.Options{Source: daemon.FromPlan(path, noKeys), Backend: &memory{}, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go d.Run(ctx)
	for !d.Snapshot().Ready {
		time.Sleep(time.Millisecond)
	}
	s := d.Snapshot()
	fmt.Println(s.Healthy, s.Apply.Way, s.Apply.Added, s.InForce == d.Plan().SHA256())
	// Output: true first load 256 true
}
