package softwire

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The oracle of these tests writes addresses as texts of 0 and 1 and cuts them up as the RFCs draw them. It shares no
// code with the package, and knows no limits: it is asked about valid rules only.

func bitText(a netip.Addr) string {
	var b strings.Builder
	for _, octet := range a.AsSlice() {
		fmt.Fprintf(&b, "%08b", octet)
	}
	return b.String()
}

func addrOfBits(text string) netip.Addr {
	var octets []byte
	for ; text != ""; text = text[8:] {
		n, err := strconv.ParseUint(text[:8], 2, 8)
		if err != nil {
			panic(err)
		}
		octets = append(octets, byte(n))
	}
	a, _ := netip.AddrFromSlice(octets)
	return a
}

func pad(text string, n int) string { return text + strings.Repeat("0", n-len(text)) }

func right(n, width int) string { return fmt.Sprintf("%0*b", width, n) }

// slowCE is what a CE has.
type slowCE struct {
	rule    int
	prefix  string // rule6 and EA bits
	ipv4    string // rule4 and suffix: 32 bits, or fewer
	psid    string // k bits, "" where nothing is shared
	a       int
	address netip.Addr
	ce      CE // what Forward says, once it was compared
}

// slowRule returns the CE of a rule with these EA bits.
func slowRule(s RuleSpec, number int, ea string) slowCE {
	ce := slowCE{rule: number, a: 6}
	if s.PSIDOffset != nil {
		ce.a = *s.PSIDOffset
	}
	p := min(len(ea), 32-s.IPv4.Bits())
	ce.prefix = bitText(s.IPv6.Addr())[:s.IPv6.Bits()] + ea
	ce.ipv4 = bitText(s.IPv4.Addr())[:s.IPv4.Bits()] + ea[:p]
	ce.psid = ea[p:]
	if s.PSID != nil && *s.PSIDLength > 0 {
		ce.psid = right(*s.PSID, *s.PSIDLength)
	}
	psid16 := strings.Repeat("0", 16-len(ce.psid)) + ce.psid
	iid := strings.Repeat("0", 16) + pad(ce.ipv4, 32) + psid16
	if s.IID == IIDDraft {
		iid = strings.Repeat("0", 8) + pad(ce.ipv4, 32) + psid16 + strings.Repeat("0", 8)
	}
	whole := pad(ce.prefix, max(64, len(ce.prefix)))
	ce.address = addrOfBits(whole + iid[len(whole)-64:])
	return ce
}

// slowAll returns all CEs of some rules, without those whose prefix a longer rule6 takes away.
func slowAll(rules []RuleSpec) []slowCE {
	var all []slowCE
	for i, s := range rules {
		for ea := range 1 << s.EALen {
			text := ""
			if s.EALen > 0 {
				text = right(ea, s.EALen)
			}
			ce := slowRule(s, i, text)
			if slowLongest(rules, ce.prefix) == i {
				all = append(all, ce)
			}
		}
	}
	return all
}

// slowLongest returns the rule with the longest rule6 that a text begins with, or -1.
func slowLongest(rules []RuleSpec, prefix string) int {
	best, bits := -1, -1
	for i, s := range rules {
		if n := s.IPv6.Bits(); n > bits && strings.HasPrefix(prefix, bitText(s.IPv6.Addr())[:n]) {
			best, bits = i, n
		}
	}
	return best
}

// portTexts are all ports as 16 bits.
var portTexts = func() (texts [1 << 16]string) {
	for p := range texts {
		texts[p] = right(p, 16)
	}
	return texts
}()

// hasPort reports whether a port is in the port set of a CE.
func (c slowCE) hasPort(port int) bool {
	if c.psid == "" {
		return true
	}
	text := portTexts[port]
	return text[c.a:c.a+len(c.psid)] == c.psid && (c.a == 0 || strings.Contains(text[:c.a], "1"))
}

// differs says how a CE differs from what the oracle has, or "".
func (c slowCE) differs(ce CE) string {
	ipv4 := netip.PrefixFrom(addrOfBits(pad(c.ipv4, 32)), len(c.ipv4))
	endUser := netip.PrefixFrom(addrOfBits(pad(c.prefix, 128)), len(c.prefix))
	psid, shared := ce.PSID()
	switch {
	case ce.Rule().Number() != c.rule:
		return fmt.Sprintf("rule %d, want %d", ce.Rule().Number(), c.rule)
	case ce.EndUser() != endUser:
		return fmt.Sprintf("end-user prefix %v, want %v", ce.EndUser(), endUser)
	case ce.IPv4() != ipv4:
		return fmt.Sprintf("IPv4 %v, want %v", ce.IPv4(), ipv4)
	case shared != (c.psid != ""):
		return fmt.Sprintf("shared is %v, PSID bits are %q", shared, c.psid)
	case shared && right(int(psid), len(c.psid)) != c.psid:
		return fmt.Sprintf("PSID %d, want bits %s", psid, c.psid)
	case ce.Address() != c.address:
		return fmt.Sprintf("address %v, want %v", ce.Address(), c.address)
	}
	return ""
}
