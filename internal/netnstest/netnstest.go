//go:build linux

package netnstest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
)

// systemDirs are where tools for root are when PATH does not say so.
var systemDirs = []string{"/usr/sbin", "/sbin", "/usr/local/sbin"}

// Root skips the test unless it runs as root. As root it fails the test if the kernel refuses to make a namespace.
func Root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: makes network namespaces")
	}
	if err := canMake(); err != nil {
		tb.Fatalf("root, but without the right to make network namespaces (in a container without CAP_SYS_ADMIN?): %v", err)
	}
}

// canMake tries it once per process.
var canMake = sync.OnceValue(func() error {
	ns, err := netns.New()
	if err != nil {
		return err
	}
	return ns.Close()
})

// New returns a new namespace, with the loopback link up and IPv6 off. It is closed when the test ends.
func New(tb testing.TB) *netns.NS {
	tb.Helper()
	Root(tb)
	ns, err := netns.New()
	if err != nil {
		tb.Fatal(err)
	}
	closeAtEnd(tb, ns)
	if err := ns.DisableIPv6(); err != nil {
		tb.Fatal(err)
	}
	if err := ns.SetUp("lo"); err != nil {
		tb.Fatal(err)
	}
	return ns
}

// NewTopology returns a new topology. It is closed when the test ends.
func NewTopology(tb testing.TB, opts netns.Options) *netns.Topology {
	tb.Helper()
	Root(tb)
	t, err := netns.NewTopology(opts)
	if err != nil {
		tb.Fatal(err)
	}
	closeAtEnd(tb, t)
	return t
}

func closeAtEnd(tb testing.TB, c io.Closer) {
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("clean up: %v", err)
		}
	})
}

// Tool returns the path of a program such as "nft". A program that is missing fails the test: skipping would hide that
// nothing was tested.
func Tool(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range systemDirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	tb.Fatalf("find tool %s (make tools installs it): %v", name, err)
	return ""
}

// Run runs a program inside the namespace and returns its standard output. If the program fails, so does the test, showing
// all that the program wrote.
func Run(tb testing.TB, ns *netns.NS, name string, args ...string) string {
	tb.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(Tool(tb, name), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Start is what needs the namespace; waiting inside would only hold its thread.
	err := ns.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		tb.Fatalf("run %s %s: %v\nstdout: %s\nstderr: %s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}
