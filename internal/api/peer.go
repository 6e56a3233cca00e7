package api

import (
	"context"
	"net"
	"os"
)

// A Peer is who asks, as the kernel says.
type Peer struct {
	Known bool
	UID   uint32
	PID   int32
}

// admin reports whether it is root, or whoever runs the daemon.
func (p Peer) admin() bool { return p.Known && (p.UID == 0 || int(p.UID) == os.Geteuid()) }

type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOn(c))
}

func peerOf(ctx context.Context) Peer {
	p, _ := ctx.Value(peerKey{}).(Peer) // nobody is the zero Peer
	return p
}
