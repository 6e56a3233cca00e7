package gate

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// What the kernel is asked and answers, by linux/inet_diag.h, which package unix does not have.
const (
	byFamily   = 20 // SOCK_DIAG_BY_FAMILY
	idLength   = 48 // of struct inet_diag_sockid
	askLength  = 8 + idLength
	saidLength = 4 + idLength + 20
	stateAt    = 1
	uidAt      = 4 + idLength + 12

	tcpEstablished = 1
	tcpListen      = 10
)

// Owner returns the source of a connection on TCP. Where the other end is a process of this machine, that is its user: all addresses of the
// machine are his to choose from. Elsewhere it is the host; see Host.
func Owner(c net.Conn) string {
	near, ok1 := c.LocalAddr().(*net.TCPAddr)
	far, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return Host(c)
	}
	switch state, uid, ok := askSocket(far.AddrPort(), near.AddrPort()); {
	case !ok || state == tcpListen: // there is no such socket here; one that listens there is somebody else's
		return Host(c)
	case state != tcpEstablished:
		return "closed" // by the other end, and the kernel no longer knows whose it was
	default:
		return "uid " + strconv.FormatUint(uint64(uid), 10)
	}
}

// askSocket asks the kernel for the socket of this network namespace that has two addresses. It costs some µs, however many sockets there are.
func askSocket(near, far netip.AddrPort) (state byte, uid uint32, ok bool) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, 0, false
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendto(fd, socketQuestion(near, far), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, 0, false
	}
	b := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT) // the answer is there when the question was sent
	if err != nil || n < unix.NLMSG_HDRLEN+saidLength || binary.NativeEndian.Uint16(b[4:]) != byFamily {
		return 0, 0, false
	}
	said := b[unix.NLMSG_HDRLEN:]
	return said[stateAt], binary.NativeEndian.Uint32(said[uidAt:]), true
}

// socketQuestion is a netlink message with a struct inet_diag_req_v2.
func socketQuestion(near, far netip.AddrPort) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+askLength)
	binary.NativeEndian.PutUint32(b, unix.NLMSG_HDRLEN+askLength)
	binary.NativeEndian.PutUint16(b[4:], byFamily)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	family := byte(unix.AF_INET6)
	if near.Addr().Unmap().Is4() {
		family = unix.AF_INET
	}
	b = append(b, family, unix.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, 1<<32-1) // in any state
	b = binary.BigEndian.AppendUint16(b, near.Port())
	b = binary.BigEndian.AppendUint16(b, far.Port())
	for _, a := range []netip.Addr{near.Addr(), far.Addr()} {
		var room [16]byte
		copy(room[:], a.Unmap().AsSlice())
		b = append(b, room[:]...)
	}
	return append(b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // no interface, no cookie
}
