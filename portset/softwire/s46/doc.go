// Package s46 encodes and decodes the DHCP options by which MAP-E, MAP-T and lightweight 4over6 are provisioned: DHCPv6
// options 89 to 96 (RFC 7598), and DHCPv4 option 108 for networks that need no IPv4 (RFC 8925).
//
// An [Option] is one of [Rule], [BR], [DMR], [Bind] and [PortParams], or a container of these: [MAPE], [MAPT], [LW].
// [Append] writes one with its code and length, [Decode] reads one, and [Containers] reads a reply as a client must.
//
// # For whom
//
// A server says with [ContainerOf], [RuleOf] and [BindOf] what a plan has; cgnctl render kea does. A client, such as a router written in Go or a
// test of a server, reads a reply with [Containers] and asks [Rule.CE] what its own end-user prefix gets: address, PSID and ports. cgnctl is no client
// and does not decode options.
//
// # What bites
//
//   - The PSID is left-aligned on the wire and right-aligned everywhere else. The shift is made here, and only here.
//   - Decode refuses what RFC 7598 has a client discard, and says why; Containers discards it. Bits behind a prefix and
//     behind a PSID, which the RFC has a client ignore, are ignored by both, and options that are not of RFC 7598 skipped.
//   - An option of RFC 7598 that does not belong into its container, such as a container in a container, is an error.
//   - Whether a rule makes sense (EA bits against PSID length) is for softwire.NewRule to say, and whether it does for one router (EA bits
//     against PSID) for [Rule.CE], which a client should ask and not Spec alone: see [Rule.Spec].
package s46
