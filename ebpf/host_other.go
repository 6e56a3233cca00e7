//go:build !linux

package ebpf

import (
	"fmt"
	"net"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// bpffs is where Linux has the BPF filesystem.
const bpffs = "/sys/fs/bpf"

var errLinux = fmt.Errorf("%w: the XDP backend needs Linux", ErrKernel)

func namespaceCookie() (uint64, error) { return 0, errLinux }

func requireBPFFS(bool) error { return errLinux }

func lockFolder(string) (func(), error) { return nil, errLinux }

func exchange(string, string) error { return errLinux }

func cloneLink(link.Link) (link.Link, error) { return nil, errLinux }

func attachBehind(*ebpf.Program, int) (link.Link, error) { return nil, errLinux }

func attachDriver(*ebpf.Program, int) (link.Link, error) { return nil, errLinux }

func linkIndex(*link.Info) uint32 { return 0 }

func vlans() (map[int]lead, error) { return nil, errLinux }

func transmitters() (map[int]bool, error) { return nil, errLinux }

func macsAt(int) (net.HardwareAddr, []net.HardwareAddr, error) { return nil, nil, errLinux }

func leadOf(int) (lead, error) { return lead{}, errLinux }

func availableMemory() (uint64, bool) { return 0, false }

func missingCapabilities() []string { return nil }

func monotonic() time.Duration { return 0 } // there are no events

func mapMemory(int, int) ([]byte, error) { return nil, errLinux }

func unmapMemory([]byte) {}
