package ebpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// diff returns how another outcome differs from this one, "" if it does not.
func (want outcome) diff(got outcome) string {
	var b strings.Builder
	if want.verdict != got.verdict || want.reply != got.reply || want.action != got.action {
		fmt.Fprintf(&b, "verdict %q, reply %t, action %d, want %q, %t, %d\n",
			got.verdict, got.reply, got.action, want.verdict, want.reply, want.action)
	}
	if want.frame != nil && !bytes.Equal(want.frame, got.frame) {
		fmt.Fprintf(&b, "frame (-want +got):\n%s", differing(lines(want.frame), lines(got.frame)))
	}
	return b.String()
}

// differing returns the lines that differ.
func differing(want, got []string) string {
	var b strings.Builder
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			fmt.Fprintf(&b, "- %s\n", want[i])
		case i >= len(want):
			fmt.Fprintf(&b, "+ %s\n", got[i])
		case want[i] != got[i]:
			fmt.Fprintf(&b, "- %s\n+ %s\n", want[i], got[i])
		}
	}
	return b.String()
}

// lines describes a frame, a line for what belongs together. All octets are in it.
func lines(frame []byte) (out []string) {
	if len(frame) < ethernet {
		return []string{fmt.Sprintf("%d octets: %x", len(frame), frame)}
	}
	out = append(out, fmt.Sprintf("%d octets, ethernet %x -> %x type %x", len(frame), frame[6:12], frame[:6], frame[12:14]))
	return append(out, linesIP(frame[ethernet:], "")...)
}

func linesIP(b []byte, indent string) (out []string) {
	header := 20
	if len(b) >= 20 {
		header = max(20, int(b[0]&15)*4)
	}
	if len(b) < header {
		return []string{fmt.Sprintf("%srest %x", indent, b)}
	}
	be := binary.BigEndian.Uint16
	out = append(out, fmt.Sprintf("%sip %x tos %x len %d id %x frag %x ttl %d proto %d sum %x", indent, b[0], b[1], be(b[2:]), be(b[4:]), be(b[6:]), b[8], b[9], b[10:12]),
		fmt.Sprintf("%s   %d.%d.%d.%d -> %d.%d.%d.%d options %x", indent, b[12], b[13], b[14], b[15], b[16], b[17], b[18], b[19], b[20:header]))
	return append(out, linesPayload(b[9], b[header:], indent)...)
}

func linesPayload(proto uint8, b []byte, indent string) []string {
	be := binary.BigEndian.Uint16
	switch {
	case len(b) < 8:
	case proto == protoICMP:
		head := fmt.Sprintf("%sicmp type %d code %d sum %x id %x rest %x", indent, b[0], b[1], b[2:4], b[4:6], b[6:8])
		if query, _ := isQuery(b[0]); query || len(b) < 28 {
			return []string{head, fmt.Sprintf("%sdata %x", indent, b[8:])}
		}
		return append([]string{head}, linesIP(b[8:], indent+"  ")...)
	case proto == protoTCP && len(b) >= 20:
		return []string{fmt.Sprintf("%stcp %d -> %d sum %x rest %x", indent, be(b), be(b[2:]), b[16:18], b[4:16]), fmt.Sprintf("%sdata %x", indent, b[18:])}
	default:
		return []string{fmt.Sprintf("%sports %d -> %d then %x", indent, be(b), be(b[2:]), b[4:8]), fmt.Sprintf("%sdata %x", indent, b[8:])}
	}
	return []string{fmt.Sprintf("%srest %x", indent, b)}
}
