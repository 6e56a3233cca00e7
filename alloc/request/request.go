package request

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is the length of quoted input in characters.
const maxText = 200

// A Request is one question. Either Err is nil and Outside, From and To are set, or Err says why the question cannot be
// answered and everything below Text is zero.
type Request struct {
	Number int    // 1.. in the order of the input
	Part   string // of a mail: the name or type of the part that holds the question; else ""
	Line   int    // where the question begins, from 1; in a mail, in the gzipped or encoded part: of its decoded text
	Text   string // the input as it was, printable, at most 200 characters

	Outside netip.Addr // IPv4
	Port    uint16     // not 0 when HasPort; for ICMP the query identifier
	HasPort bool       // false when the input gives no port: there may be many candidates
	// Assumed says that nothing in the input names Port: that it is the subscriber's is what Options.Ports says of such ports.
	Assumed     bool
	Proto       string         // "tcp", "udp", "icmp", or "" when not given
	From, To    time.Time      // UTC; equal for an instant, else To is after From and no longer meant
	Destination netip.AddrPort // where the subscriber went; zero when not given, port 0 when only the address is
	// Packet says that Outside is the source of a packet or of a flow, and Destination its other end: nothing but the direction tells which of the
	// two is meant, and there are packets both ways.
	Packet bool

	Err error // wraps one of the errors of this package; its text is printable
}

// clip returns text on one line of at most limit characters that any terminal can show.
func clip(text string, limit int) string {
	if len(text) <= limit && isPlainASCII(text) {
		return strings.Clone(text)
	}
	text = strings.TrimSpace(text)
	var b strings.Builder
	n, blank := 0, false
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			blank = n > 0
			continue
		case r == utf8.RuneError || !unicode.IsPrint(r):
			r = '?'
		}
		if need := n + 1 + b2i(blank); need > limit || need == limit && i+utf8.RuneLen(r) < len(text) {
			b.WriteRune('…')
			break
		}
		if blank {
			b.WriteByte(' ')
			n, blank = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// isPlainASCII reports whether text is printable ASCII that begins and ends with no blank.
func isPlainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(text)-1) {
			return false
		}
	}
	return true
}
