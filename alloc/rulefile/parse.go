package rulefile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Parse reads rules, and follows packets through them. name is for messages. The error is a *LineError that names the line. It
// reads to the end of r, in time linear in the rules but for hostile files; see the package documentation for the limits.
func Parse(r io.Reader, f Format, name string) (*Table, error) {
	if f != CSV {
		x, err := Read(r, f, name)
		if err != nil {
			return nil, err
		}
		return x.Table()
	}
	tables, err := ParseCSV(r, name, nil)
	if err != nil {
		return nil, err
	}
	if len(tables) > 1 {
		return nil, &LineError{File: name, Line: tables[1].share(0).Line, Err: ErrConflict,
			Msg: fmt.Sprintf("the table has rows of realm %s and of realm %s", tables[0].Realm(), tables[1].Realm()), Hint: "take the rows of one realm"}
	}
	return tables[0], nil
}

func newCollector(n *notes) *collector {
	return &collector{sets: newSetTable(), notes: n, pages: pages{}, conds: newProgram()}
}

// union sorts spans and merges those that overlap or touch.
func union(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out) - 1; n >= 0 && uint64(s.first) <= uint64(out[n].last)+1 {
			out[n].last = max(out[n].last, s.last)
			continue
		}
		out = append(out, s)
	}
	return out
}

// protoOf returns the protocols that a name stands for.
func protoOf(name []byte) (m protoMask, ok bool) {
	switch string(bytes.ToLower(name)) {
	case "tcp", "6":
		return tcp, true
	case "udp", "17":
		return udp, true
	case "icmp", "1":
		return icmp, true
	case "all", "any", "0", "ip":
		return allProto, true
	case "udplite", "136", "sctp", "132", "dccp", "33", "gre", "47", "esp", "50", "ipsec-esp", "ah", "51", "ipsec-ah", "ipip", "4", "ipencap", "igmp", "2", "ospf", "89", "l2tp", "115", "ipv6-icmp", "icmpv6", "58":
		return other, true
	case "tcp_udp":
		return tcp | udp, true
	}
	n, ok := parseNumber(name)
	return other, ok && n < 256
}

// invert returns what a negated protocol leaves. Not some other protocol still leaves others.
func (m protoMask) invert() protoMask { return allProto&^m | other }
