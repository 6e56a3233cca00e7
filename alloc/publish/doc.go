// Package publish writes what a plan tells others about its outside addresses: reverse zones for the DNS, a geofeed (RFC 8805),
// a list of how many subscribers share each prefix (RFC 9977), and routes for BIRD.
//
// Who blocks, limits or locates addresses shall know that many people are behind one. Nothing here names a subscriber.
//
// Each writer takes memory for the address ranges of the plan, not for its addresses, and writes the same bytes for the same
// plan. The package is pure: it touches no file and no network.
package publish
