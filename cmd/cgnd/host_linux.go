package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// onlyOne keeps two daemons from undoing each other's work: one for an instance, a backend and a network namespace. The lock
// goes with the process, however that ends.
func onlyOne(c *daemonfile.Config) (unlock func(), err error) {
	unix.Umask(0o077) // of everything that the daemon makes; what others may use gets its mode by name
	folder := lockFolder()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	var ns unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &ns); err != nil {
		return nil, fmt.Errorf("identify the network namespace: %w", err)
	}
	path := filepath.Join(folder, fmt.Sprintf("%s-%s-%d.lock", c.Backend, c.Instance, ns.Ino))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another cgnd looks after instance %s of backend %s in this network namespace: it holds %s", c.Instance, c.Backend, path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// notifier returns what tells systemd, which does nothing where there is none.
func notifier(log *slog.Logger) func(string) {
	return func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd cannot be told", "error", err)
		}
	}
}

// hangups returns what receives every SIGHUP from now on.
func hangups() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGHUP)
	return c
}
