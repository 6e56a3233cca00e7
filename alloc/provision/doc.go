// Package provision writes the pools of MAP-E, MAP-T and lightweight 4over6 of a plan as configuration: for the DHCP server that tells
// routers their share (Kea), for a router (OpenWrt), and for border relays (VPP, Jool, Snabb's lwAFTR).
//
// Everything is complete, commented, and the same bytes for the same plan. What a target cannot express exactly is refused with an
// error that wraps [ErrInexpressible] and names the pool, and nothing is written then. Pools of NAT44 are left to others.
package provision
