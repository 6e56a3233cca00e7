package ebpf

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// featureStrings is ETH_SS_FEATURES, and featureName the length of one.
const (
	featureStrings = 4
	featureName    = 32
)

// offloads returns the names of the features of an interface that are on, such as "rx-lro".
func offloads(link string) (map[string]bool, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("look at the offloads of %s: %w", link, err)
	}
	defer func() { _ = unix.Close(fd) }()
	info := request(unix.ETHTOOL_GSSET_INFO, 20) // cmd, reserved, mask of sets, length of the set
	binary.NativeEndian.PutUint64(info[8:], 1<<featureStrings)
	if err := ethtool(fd, link, info); err != nil {
		return nil, err
	}
	n := int(binary.NativeEndian.Uint32(info[16:]))
	names := request(unix.ETHTOOL_GSTRINGS, 12+n*featureName) // cmd, set, length, names
	binary.NativeEndian.PutUint32(names[4:], featureStrings)
	if err := ethtool(fd, link, names); err != nil {
		return nil, err
	}
	words := (n + 31) / 32
	features := request(unix.ETHTOOL_GFEATURES, 8+words*16) // cmd, length, and four words each: available, requested, active, fixed
	binary.NativeEndian.PutUint32(features[4:], uint32(words))
	if err := ethtool(fd, link, features); err != nil {
		return nil, err
	}
	on := make(map[string]bool)
	for i := range n {
		active := binary.NativeEndian.Uint32(features[8+i/32*16+8:])
		name, _, _ := strings.Cut(string(names[12+i*featureName:][:featureName]), "\x00")
		if active&(1<<(i%32)) != 0 {
			on[name] = true
		}
	}
	return on, nil
}

func request(cmd uint32, size int) []byte {
	b := make([]byte, size)
	binary.NativeEndian.PutUint32(b, cmd)
	return b
}

// ethtool calls SIOCETHTOOL. The answer takes the place of the request.
func ethtool(fd int, link string, data []byte) error {
	req := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // struct ifreq is larger than the part in use
	}{data: unsafe.Pointer(unsafe.SliceData(data))}
	copy(req.name[:len(req.name)-1], link)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(data)
	if errno != 0 {
		return fmt.Errorf("look at the offloads of %s: %w", link, errno)
	}
	return nil
}
