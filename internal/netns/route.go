//go:build linux

package netns

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Route says where packets for a prefix go: to a router, to a link or to nowhere.
type Route struct {
	// To is the destination. The zero value means the default route.
	To netip.Prefix
	// Via is the router. The zero value means that the destination is on the link itself.
	Via netip.Addr
	// Link is the name of the link. Empty: the kernel finds it from Via.
	Link string
	// Blackhole drops the packets silently. Via and Link stay empty.
	Blackhole bool
}

// String returns the route as ip-route(8) writes it: "192.0.2.0/24 via 203.0.113.254".
func (r Route) String() string {
	s := "default"
	if r.To.IsValid() {
		s = r.To.String()
	}
	if r.Blackhole {
		return "blackhole " + s
	}
	if r.Via.IsValid() {
		s += " via " + r.Via.String()
	}
	if r.Link != "" {
		s += " dev " + r.Link
	}
	return s
}

// AddRoute adds a route to the main table of the namespace.
func (n *NS) AddRoute(r Route) error {
	route := &netlink.Route{}
	if r.To.IsValid() {
		route.Dst = ipNet(r.To.Masked())
	}
	if r.Via.IsValid() {
		route.Gw = r.Via.AsSlice()
	}
	switch {
	case r.Blackhole:
		route.Type = unix.RTN_BLACKHOLE
	case !r.Via.IsValid():
		route.Scope = netlink.SCOPE_LINK
	}
	if r.Link != "" {
		link, err := n.link(r.Link)
		if err != nil {
			return err
		}
		route.LinkIndex = link.Attrs().Index
	}
	if err := n.request(func(h *netlink.Handle) error { return h.RouteAdd(route) }); err != nil {
		return fmt.Errorf("add route %v: %w", r, err)
	}
	return nil
}
