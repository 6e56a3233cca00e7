//go:build linux

package netns

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// sysctlPath accepts both spellings of sysctl(8). The one with slashes is for names that contain dots, as those of VLANs do.
func sysctlPath(name string) string {
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, ".", "/")
	}
	return "/proc/sys/" + name
}

// SetSysctl writes a sysctl of the namespace, such as "net.ipv4.ip_forward" or "net/ipv4/conf/eth0.7/rp_filter".
func (n *NS) SetSysctl(name, value string) error {
	err := n.Do(func() error { return os.WriteFile(sysctlPath(name), []byte(value), 0) })
	if err != nil {
		return fmt.Errorf("set sysctl %s to %q: %w", name, value, err)
	}
	return nil
}

// Sysctl reads a sysctl of the namespace.
func (n *NS) Sysctl(name string) (string, error) {
	var value []byte
	err := n.Do(func() (err error) {
		value, err = os.ReadFile(sysctlPath(name))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", name, err)
	}
	return strings.TrimSpace(string(value)), nil
}

// DisableIPv6 keeps neighbour discovery, router solicitations and multicast reports off the links, those made later too. A
// kernel without IPv6 has nothing to disable.
func (n *NS) DisableIPv6() error {
	for _, scope := range []string{"all", "default"} {
		err := n.SetSysctl("net.ipv6.conf."+scope+".disable_ipv6", "1")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
