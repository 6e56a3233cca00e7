package flowlog

import (
	"math"
	"net/netip"
	"strconv"
)

// parseAddr reads an address; an IPv4 address without an allocation.
func parseAddr(s []byte) (netip.Addr, bool) {
	var octets [4]byte
	octet, digits, n := 0, 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9' && digits < 3 && (digits == 0 || octet != 0):
			octet, digits = octet*10+int(c-'0'), digits+1
		case c == '.' && digits > 0 && octet < 256 && n < 3:
			octets[n] = byte(octet)
			octet, digits, n = 0, 0, n+1
		default:
			return parseOther(s)
		}
	}
	if n != 3 || digits == 0 || octet > 255 {
		return netip.Addr{}, false
	}
	octets[3] = byte(octet)
	return netip.AddrFrom4(octets), true
}

// parseOther reads an IPv6 address. A zone such as %eth0 belongs to no flow record.
func parseOther(s []byte) (netip.Addr, bool) {
	if len(s) > 45 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(s))
	return a.Unmap(), err == nil && a.Zone() == ""
}

// parseNumber reads an unsigned number up to limit.
func parseNumber(s []byte, limit uint64) (uint64, bool) {
	if len(s) == 0 || len(s) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= limit
}

func parsePort(s []byte) (uint16, bool) {
	n, ok := parseNumber(s, math.MaxUint16)
	return uint16(n), ok
}

// protocols are the names that nfdump and conntrack use for protocols that a translator meets.
var protocols = map[string]uint8{
	"tcp": 6, "TCP": 6, "udp": 17, "UDP": 17, "icmp": 1, "ICMP": 1, "icmpv6": 58, "ICMP6": 58, "ICMPv6": 58, "sctp": 132, "SCTP": 132, "dccp": 33, "DCCP": 33,
	"udplite": 136, "UDPLite": 136, "UDPLITE": 136, "gre": 47, "GRE": 47, "ESP": 50, "esp": 50, "AH": 51, "ah": 51, "IGMP": 2, "igmp": 2, "IPIP": 4, "ipip": 4, "IPIPE": 4, "IPv6": 41,
}

// hasPorts reports whether a protocol has ports.
func hasPorts(protocol uint8) bool {
	switch protocol {
	case 6, 17, 33, 132, 136: // TCP, UDP, DCCP, SCTP, UDP-Lite
		return true
	}
	return false
}

// parseProtocol reads a name or a number.
func parseProtocol(s []byte) (uint8, bool) {
	if p, ok := protocols[string(s)]; ok {
		return p, true
	}
	n, err := strconv.ParseUint(string(s), 10, 8)
	return uint8(n), err == nil && n != 0
}
