package api

import (
	"context"
	"net"
	"os"
	"strconv"

	"github.com/cgnkit/cgnkit/internal/gate"
)

// A Peer is who asks, as the kernel says.
type Peer struct {
	Known bool
	UID   uint32
	PID   int32
}

// admin reports whether it is root, or whoever runs the daemon.
func (p Peer) admin() bool { return p.Known && (p.UID == 0 || int(p.UID) == os.Geteuid()) }

// A link is the connection that a request came on, and who is at its other end.
type link struct {
	conn net.Conn // nil in tests that have none
	peer Peer
}

// host returns where the other end is, "" where that is not known.
func (l link) host() string {
	if l.conn == nil {
		return ""
	}
	return gate.Owner(l.conn)
}

type linkKey struct{}

func withLink(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, linkKey{}, link{c, peerOn(c)})
}

func linkOf(ctx context.Context) link {
	l, _ := ctx.Value(linkKey{}).(link) // nobody is the zero link
	return l
}

// user returns whose a connection on a unix socket is, "" where the kernel does not say.
func user(c net.Conn) string {
	if p := peerOn(c); p.Known {
		return strconv.FormatUint(uint64(p.UID), 10)
	}
	return ""
}
