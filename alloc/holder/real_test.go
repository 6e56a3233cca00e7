package holder

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestReal reads what FreeRADIUS 3.2.1 wrote about three sessions, what Kea 2.2.0 wrote about three leases (one released, one renewed and run out, one
// by a relay), what Kea's cleanup left of that, and what Kea wrote about prefixes and an address of DHCPv6 (some renewed and released, one by a relay).
func TestReal(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  time.Time
		addrs []string
		read  func(*Book, *os.File, string) error
	}{
		{"detail", time.Date(2026, 11, 22, 20, 19, 56, 0, time.UTC), []string{"100.64.0.2", "100.64.0.3"}, func(b *Book, f *os.File, name string) error { return b.ReadRADIUS(f, name, Options{}) }},
		{"kea-leases4.csv", time.Date(2026, 11, 22, 20, 19, 42, 0, time.UTC), []string{"100.64.0.100", "100.64.0.101", "100.64.0.102"}, func(b *Book, f *os.File, name string) error { return b.ReadLeases(f, name, Options{}) }},
		{"kea-leases4.csv.2", time.Date(2026, 11, 22, 20, 19, 42, 0, time.UTC), []string{"100.64.0.100", "100.64.0.101", "100.64.0.102"}, func(b *Book, f *os.File, name string) error { return b.ReadLeases(f, name, Options{}) }},
		{"kea-leases6.csv", time.Unix(1795423160, 0).UTC(), []string{"2001:db8:0:100::/56", "2001:db8:500:200::/56", "2001:db8:500:100::1", "2001:db8:500::/56", "2001:db8:612:3400::/56", "2001:db8:500:100::/56"},
			func(b *Book, f *os.File, name string) error { return b.ReadLeases(f, name, Options{}) }},
	} {
		path := filepath.Join("testdata", c.name)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b := New(Limits{})
		err = c.read(b, f, c.name)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		fmt.Fprintf(&out, "%+v\n", b.Counts())
		for _, w := range b.Warnings() {
			fmt.Fprintln(&out, w)
		}
		for _, a := range c.addrs {
			was := ""
			for second := range 120 {
				at := c.from.Add(time.Duration(second) * time.Second)
				if now := told(b.AtPrefix("", prefixOf(a), at, at, 0)); now != was {
					fmt.Fprintf(&out, "%s %s %s\n", a, at.Format("15:04:05"), now)
					was = now
				}
			}
		}
		if *update {
			if err := os.WriteFile(path+".golden", []byte(out.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// prefixOf reads an address or a prefix.
func prefixOf(text string) netip.Prefix {
	if strings.Contains(text, "/") {
		return netip.MustParsePrefix(text)
	}
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

// told writes an answer in one line.
func told(a Answer) string {
	out := a.Status.String()
	if a.Why != 0 {
		out += " (" + a.Why.String() + ")"
	}
	for _, c := range a.Candidates {
		out += fmt.Sprintf(" %t user %q circuit %q port %q mac %q host %q client %q from %s %s", c.Sure, c.User, c.Circuit, c.Port, c.MAC, c.Host, c.Client, c.From.Format("15:04:05"), c.Source)
	}
	return out
}

// TestOctets reads circuit ids as servers with either dictionary write them.
func TestOctets(t *testing.T) {
	long := strings.Repeat("x", maxValue)
	for in, want := range map[string]string{
		`0x6f6c7431`: "olt1", `0x6F6C7431`: "olt1", `"olt1"`: "olt1", `"0x6f"`: "0x6f", `0x226f`: `"o`, `0x00ff`: "0x00ff", `0x6f6`: "0x6f6", `0x`: "", fmt.Sprintf("0x%x", long): long,
	} {
		b := read(t, block("Start", "a", 0, joao, ip1, "ADSL-Agent-Circuit-Id = "+in)+block("Stop", "a", 60, joao, ip1, "ADSL-Agent-Circuit-Id = "+in))
		if p, ok := b.At("", inside1, at(5), at(5), 0).Person(); !ok || p.Circuit != want {
			t.Errorf("%.20s: %q, want %.20q; %v", in, p.Circuit, want, b.Warnings())
		}
	}
}
