package holder

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestCutDetail cuts a detail file off at every byte of its last block, as a copy of a file is that is being written, with its attributes in several orders. Of an
// address whose beginning may be what is left, whoever had it is never denied, and nobody else is named alone.
func TestCutDetail(t *testing.T) {
	before := block("Start", "z", -100, "User-Name = z", "Framed-IP-Address = 100.64.0.50") + block("Start", "a", 0, maria, ip2)
	attributes := []string{joao, "Acct-Session-Time = 200", "Framed-IP-Address = 100.64.0.23", "Acct-Delay-Time = 3", fmt.Sprintf("Timestamp = %d", at(303).Unix()), "Class = 0x00"}
	for turn := range attributes {
		order := append(slices.Clone(attributes[turn:]), attributes[:turn]...)
		for _, kind := range []string{"Start", "Interim-Update", "Stop"} {
			last := block(kind, "b", 300, order...)
			for n := range len(last) {
				b := read(t, before+last[:n])
				for second := range 40 {
					when := at(10 * second)
					for _, inside := range []string{"100.64.0.2", "100.64.0.23", "100.64.0.50"} {
						a := b.At("", netip.MustParseAddr(inside), when, when, 0)
						person, one := a.Person()
						if a.Status == Nobody || one && (inside != "100.64.0.2" || person.User != "maria@isp") {
							t.Fatalf("%s cut behind %q: %s at second %d is %v", kind, last[max(0, n-30):n], inside, 10*second, a)
						}
					}
				}
				a := b.At("", inside2, at(250), at(250), 0)
				if a.Status == One || len(a.Candidates) > 0 && a.Candidates[0].User == "joao@isp" {
					t.Fatalf("%s cut behind %q: .2 is %v %+v", kind, last[max(0, n-30):n], a, a.Candidates)
				}
				if c := b.Counts(); n > 0 && (c.Rejected != 1 || c.Ignored != 0) {
					t.Fatalf("%s cut behind %q: %+v", kind, last[max(0, n-30):n], c)
				}
			}
		}
	}
}

// TestCutAddress has a record whose address is cut off: it makes all addresses uncertain that begin so.
func TestCutAddress(t *testing.T) {
	const cut = "a record of the address could not be read"
	before := block("Start", "a", 0, maria, ip2) + block("Stop", "a", 100, maria, ip2) + block("Start", "c", 0, maria, ip1) + block("Stop", "c", 400, maria, ip1) +
		block("Start", "d", 0, maria, "Framed-IP-Address = 100.65.0.2") + block("Stop", "d", 400, maria, "Framed-IP-Address = 100.65.0.2") +
		block("Stop", "e", 400, maria, "Framed-IP-Address = 100.64.0.29", "Acct-Session-Time = 10")
	whole := block("Start", "b", 200, joao, "Framed-IP-Address = 100.64.0.23")
	end := strings.Index(whole, "100.64.0.23")
	b := read(t, before+whole[:end+len("100.64.0.2")])
	for _, c := range []struct {
		inside string
		second int
		want   string
	}{
		{"100.64.0.2", 50, "one maria@isp"}, {"100.64.0.2", 300, "uncertain joao@isp?: " + cut}, {"100.64.0.29", 300, "uncertain joao@isp?: " + cut}, {"100.64.0.29", 395, "one maria@isp"},
		{"100.64.0.1", 300, "one maria@isp"}, {"100.65.0.2", 300, "one maria@isp"}, {"100.64.0.23", 300, "uncertain: no record of the address"},
	} {
		for range 2 { // the second time after another file was read
			if got := ask(b, netip.MustParseAddr(c.inside), c.second, c.second, 0); got != c.want {
				t.Errorf("%s at second %d: %s, want %s", c.inside, c.second, got, c.want)
			}
			if err := b.ReadRADIUS(strings.NewReader(""), "more", Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if w := b.Warnings(); len(w) != 1 || !strings.Contains(w[0].Msg, "the file ends before the blank line behind it") {
		t.Errorf("warnings %v", w)
	}
	// In another copy, which is whole, it is as it was.
	if b := read(t, before+whole[:end+len("100.64.0.2")], before+whole+block("Stop", "b", 300, joao, "Framed-IP-Address = 100.64.0.23")); ask(b, netip.MustParseAddr("100.64.0.23"), 250, 250, 0) != "one joao@isp" {
		t.Errorf("with a copy that is whole: %s", ask(b, netip.MustParseAddr("100.64.0.23"), 250, 250, 0))
	}
	// The name is believed as far as it is whole, and so is the address.
	name := strings.Index(whole, "isp\"")
	for _, c := range []struct {
		text, want string
		unplaced   int
	}{
		{strings.TrimSuffix(whole, "\n"), "uncertain joao@isp?: " + cut, 0}, {strings.TrimSuffix(whole, "\n\n"), "uncertain: no record of the address", 1},
		{whole[:name+3], "uncertain: no record of the address", 1},
		{strings.Replace(whole, "\tUser-Name = \"joao@isp\"\n", "", 1)[:end-len("\tUser-Name = \"joao@isp\"\n")+len("100.64.0.23\n")] + "\tUser-Name = jo", "uncertain: " + cut, 0},
	} {
		b := read(t, before+c.text)
		if got := ask(b, netip.MustParseAddr("100.64.0.23"), 300, 300, 0); got != c.want || b.Counts().Unplaced != c.unplaced {
			t.Errorf("%q: %s, %+v; want %s", c.text[len(c.text)-20:], got, b.Counts(), c.want)
		}
	}
}
