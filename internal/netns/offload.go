//go:build linux

package netns

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// offloads are the ethtool commands that switch an offload. Checksums come last: they cannot go while segmentation needs
// them.
var offloads = []uint32{
	unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO, unix.ETHTOOL_SSG, unix.ETHTOOL_STXCSUM,
}

// DisableOffload makes the link carry what a real wire would: packets of at most the MTU, with complete checksums. Virtual
// links otherwise pass large segments with half a checksum from one end to the other, which no NAT in hardware or in XDP
// ever sees and which confuses every comparison of packets.
func (n *NS) DisableOffload(links ...string) error {
	return n.withSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error {
		for _, link := range links {
			for _, cmd := range offloads {
				_, err := ethtool(fd, link, cmd, 0)
				if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
					return fmt.Errorf("disable offload %#x of %s: %w", cmd, link, err)
				}
			}
		}
		return nil
	})
}

// EnableGRO makes the links merge what they receive, after a DisableOffload too. For one end of a virtual cable that is what
// makes it poll (NAPI), and unless it does, the kernel drops every packet that an XDP program redirects into the other end. A
// link that polls may pass on large segments; they are cut again at the next link without offloads.
func (n *NS) EnableGRO(links ...string) error {
	return n.withSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error {
		for _, link := range links {
			if _, err := ethtool(fd, link, unix.ETHTOOL_SGRO, 1); err != nil {
				return fmt.Errorf("enable GRO of %s: %w", link, err)
			}
		}
		return nil
	})
}

// ethtool calls SIOCETHTOOL with a struct ethtool_value, which x/sys/unix does not offer. It returns the data that the kernel
// left there, the answer of commands that ask.
func ethtool(fd int, link string, cmd, data uint32) (uint32, error) {
	value := struct{ cmd, data uint32 }{cmd, data}
	req := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // struct ifreq is larger than the part in use.
	}{data: unsafe.Pointer(&value)}
	if len(link) >= len(req.name) {
		return 0, unix.ENODEV
	}
	copy(req.name[:], link)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	if errno != 0 {
		return 0, errno
	}
	return value.data, nil
}
