package rulefile

import (
	"math/bits"
	"slices"
	"strings"
)

// A marking is what the rules of a chain do to the mark, and which of them may ask a map for it, in order.
type marking struct {
	events []markEvent
	asks   []ask
}

// A markEvent is a statement that sets the mark, or a jump to a chain that may have some.
type markEvent struct {
	buckets uint32 // 0 = something else is put into it
	mask    protoMask
	some    bool // not for all packets
	echo    bool // for echo requests of icmp
	jump    bool // to the chain target
	target  int32
}

// An ask is a rule that asks a map, behind so many events.
type ask struct {
	rule, behind int
}

// marks returns what the rules of a chain do to the mark.
func (x *nftReader) marks(c int32) *marking {
	m := x.marked[c]
	if m == nil {
		m = &marking{}
		x.marked[c] = m
	}
	return m
}

// setMark reads what follows "meta mark": "set jhash ip saddr . th sport mod 8 seed 0x1" is a bucket.
func (x *nftReader) setMark(r *nftRule) {
	some := r.src != everything || r.list >= 0 || r.set != "" || r.strange != "" || r.protos != "" || r.pairs != nil || len(r.masked) > 0
	e := markEvent{mask: r.mask, some: some || len(r.conds) > 0}
	e.echo = len(r.conds) == 1 && isEcho(r.conds[0]) && !some
	words := x.set(r)
	if e.buckets = bucketsOf(words); e.buckets > 0 {
		e.hashes(words)
	}
	r.mark(e)
}

// mark keeps what a rule does to the mark of IPv4 packets.
func (r *nftRule) mark(e markEvent) {
	if !r.ipv6 {
		r.marks = append(r.marks, e)
	}
}

// hashes narrows a bucket to the packets that have what it is made of.
func (e *markEvent) hashes(words []string) {
	for i, w := range words[:len(words)-1] {
		if m, ok := protoOf([]byte(w)); ok && w[0] > '9' && w != "ip" {
			e.mask &= m
			if w == "icmp" && !e.some { // nft asks for the type of what has an identifier
				e.some, e.echo = true, words[i+1] == "id"
			}
		}
	}
}

// isEcho reports whether a match is true of all echo requests.
func isEcho(cond string) bool {
	types, ok := strings.CutPrefix(cond, "icmp type ")
	if !ok {
		return false
	}
	for one := range strings.FieldsFuncSeq(types, func(c rune) bool { return strings.ContainsRune(" {},", c) }) {
		switch one {
		case "echo-request", "8":
			ok = false
		case "==", "echo-reply", "0", "timestamp-request", "13", "info-request", "15", "address-mask-request", "17":
		default:
			return false
		}
	}
	return !ok
}

// bucketsOf returns how many buckets there are, of what is put into a mark; 0 where it is something else.
func bucketsOf(words []string) uint32 {
	at := slices.Index(words, "mod")
	if at < 1 || at+1 >= len(words) {
		return 0
	}
	switch tail := words[at+2:]; {
	case words[0] == "jhash" && !isHashed(words[1:at]):
		return 0
	case words[0] != "jhash" && words[0] != "symhash" && words[0] != "numgen":
		return 0
	case len(tail) != 0 && (len(tail) != 2 || tail[0] != "seed"):
		return 0
	}
	n, _ := parseNumber([]byte(words[at+1]))
	return n
}

// isHashed reports whether a hash is of fields that each packet has, or each of a protocol that is their first word: "ip saddr . th sport".
func isHashed(words []string) bool {
	for i := 0; i+1 < len(words); i += 3 {
		switch words[i] + " " + words[i+1] {
		case "ip saddr", "ip daddr", "ip protocol", "meta l4proto", "th sport", "th dport", "tcp sport", "tcp dport", "udp sport", "udp dport", "icmp id":
		default:
			return false
		}
		if i+2 == len(words) {
			return true
		}
		if words[i+2] != "." {
			return false
		}
	}
	return false
}

// set reads what follows "meta mark" and the like: "set 5", "set meta mark or 0x10". It returns what is behind set. What is longer
// is not told from the matches behind it.
func (x *nftReader) set(r *nftRule) []string {
	x.advance()
	var words []string
	for depth := x.depth; x.tok.kind != tokEnd && (x.depth > depth || !x.isEnd() && !x.isVerdict()); x.advance() {
		if isValue(words) && !x.isCompound() && !isValueOperator(string(x.tok.text)) {
			return words
		}
		if len(words) == maxValueWords {
			words[0] = "too long"
			x.keep(r, string(x.tok.text))
			continue
		}
		words = append(words, string(x.tok.text))
	}
	if !isValue(words) && bucketsOf(words) == 0 {
		x.keep(r, "set")
		for _, w := range words {
			x.keep(r, w)
		}
	}
	return words
}

// isValue reports whether words are "5", "ct mark", "meta mark or 0x10" and the like.
func isValue(words []string) bool {
	for i := 0; i < len(words); i += 2 {
		switch words[i] {
		case "jhash", "symhash", "numgen", "too long":
			return false
		case "ct", "meta":
			if i++; i == len(words) || words[i] != "mark" {
				return false
			}
		}
		if i+1 == len(words) {
			return true
		}
		if !isValueOperator(words[i+1]) {
			return false
		}
	}
	return false
}

func isValueOperator(w string) bool {
	switch w {
	case "and", "or", "xor", "&", "|", "^", ":", ",":
		return true
	}
	return false
}

// maxValueWords is more than the expression of a bucket has.
const maxValueWords = 32

// parseMark reads a mark in any way that nft writes it.
func parseMark(b []byte) (n uint32, ok bool) {
	hex, isHex := cutHex(b)
	if !isHex {
		return parseNumber(b)
	}
	for _, c := range hex {
		d := uint32(16)
		switch {
		case '0' <= c && c <= '9':
			d = uint32(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			d = uint32(c|0x20-'a') + 10
		}
		if d == 16 || bits.Len32(n) > 28 {
			return 0, false
		}
		n = n<<4 | d
	}
	return n, len(hex) > 0
}

func cutHex(b []byte) (digits []byte, ok bool) {
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		return b[2:], true
	}
	return b, false
}
