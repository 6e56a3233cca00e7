package flowlog

import (
	"net/netip"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func second(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

func TestMatch(t *testing.T) {
	f := Flow{From: second(10), To: second(20), Protocol: 6, Source: netip.MustParseAddrPort("100.64.0.2:40000"), Destination: netip.MustParseAddrPort("203.0.113.9:443"), Outside: netip.MustParseAddrPort("198.18.0.0:6000")}
	with := func(change func(*Flow)) Flow {
		g := f
		change(&g)
		return g
	}
	fresh := with(func(g *Flow) { g.To, g.Later = g.From, true })
	ended := with(func(g *Flow) { g.From, g.Earlier = g.To, true })
	silent := with(func(g *Flow) { g.Outside = netip.AddrPort{} })
	vague := with(func(g *Flow) { g.Vague = true })
	coarse := with(func(g *Flow) { g.Before, g.After = time.Second, 2*time.Second })
	outside, other := netip.MustParseAddr("198.18.0.0"), netip.MustParseAddr("198.18.0.1")
	for _, c := range []struct {
		name string
		f    Flow
		q    Filter
		want Match
	}{
		{"everything", f, Filter{}, Yes},
		{"all of it", f, Filter{Outside: outside, From: second(20), To: second(30), Destination: netip.MustParseAddrPort("203.0.113.9:443"), Protocol: 6}, Yes},
		{"another protocol", f, Filter{Protocol: 17}, No},
		{"a protocol that is not told", with(func(g *Flow) { g.Protocol = 0 }), Filter{Protocol: 17}, Maybe},
		{"a protocol that is not told, another time", with(func(g *Flow) { g.Protocol = 0 }), Filter{Protocol: 17, To: second(9)}, No},
		{"another destination", f, Filter{Destination: netip.MustParseAddrPort("203.0.113.8:443")}, No},
		{"another port", f, Filter{Destination: netip.MustParseAddrPort("203.0.113.9:80")}, No},
		{"a port that is not told", with(func(g *Flow) { g.Destination = netip.MustParseAddrPort("203.0.113.9:0") }), Filter{Destination: netip.MustParseAddrPort("203.0.113.9:443")}, Maybe},
		{"a port that is not told, another time", with(func(g *Flow) { g.Destination = netip.MustParseAddrPort("203.0.113.9:0") }), Filter{Destination: netip.MustParseAddrPort("203.0.113.9:443"), To: second(9)}, No},
		{"no ports", with(func(g *Flow) { g.Destination, g.Protocol = netip.MustParseAddrPort("203.0.113.9:0"), 1 }), Filter{Destination: netip.MustParseAddrPort("203.0.113.9:443")}, No},
		{"any port", f, Filter{Destination: netip.MustParseAddrPort("203.0.113.9:0")}, Yes},
		{"written as IPv6", f, Filter{Destination: netip.MustParseAddrPort("[::ffff:203.0.113.9]:443"), Outside: netip.MustParseAddr("::ffff:198.18.0.0")}, Yes},
		{"another outside address", f, Filter{Outside: other}, No},
		{"no outside address", silent, Filter{Outside: outside}, Maybe},
		{"no outside address, another time", silent, Filter{Outside: outside, From: second(21)}, No},
		{"before", f, Filter{To: second(9)}, No},
		{"after", f, Filter{From: second(21)}, No},
		{"touches", f, Filter{From: second(0), To: second(10)}, Yes},
		{"inside", f, Filter{From: second(12), To: second(13)}, Yes},
		{"open behind", fresh, Filter{From: second(100), To: second(110)}, Maybe},
		{"open behind, too old", fresh, Filter{From: second(100), To: second(110), MaxAge: 89 * time.Second}, No},
		{"open behind, just young enough", fresh, Filter{From: second(100), To: second(110), MaxAge: 90 * time.Second}, Maybe},
		{"open behind is not open before", fresh, Filter{To: second(9)}, No},
		{"open before", ended, Filter{To: second(9)}, Maybe},
		{"open before, too old", ended, Filter{To: second(9), MaxAge: 10 * time.Second}, No},
		{"open before is not open behind", ended, Filter{From: second(21)}, No},
		{"open and another outside address", fresh, Filter{From: second(100), Outside: other}, No},
		{"all of a vague one", vague, Filter{From: second(10), To: second(20)}, Yes},
		{"more than a vague one", vague, Filter{From: second(9), To: second(21)}, Yes},
		{"a part of a vague one", vague, Filter{From: second(11), To: second(21)}, Maybe},
		{"perhaps before", coarse, Filter{To: second(9)}, Maybe},
		{"not before", coarse, Filter{To: second(8)}, No},
		{"perhaps after", coarse, Filter{From: second(22)}, Maybe},
		{"not after", coarse, Filter{From: second(23)}, No},
		{"an hour that comes twice", vague, Filter{From: second(15), To: second(15)}, Maybe},
	} {
		if got := c.f.Match(c.q); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { f.Match(Filter{Outside: outside, From: second(20)}) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
	if s := Match(0).String() + Match(9).String() + Maybe.String(); s != "invalid Matchinvalid Matchmaybe" {
		t.Error(s)
	}
}

// TestExtent compares with Match, second by second: a flow may have lived exactly where it matches, or perhaps does.
func TestExtent(t *testing.T) {
	for name, f := range map[string]Flow{
		"certain": {From: second(10), To: second(20)},
		"coarse":  {From: second(10), To: second(20), Before: time.Second, After: 2 * time.Second},
		"vague":   {From: second(10), To: second(20), Vague: true},
		"fresh":   {From: second(10), To: second(10), Before: time.Second, Later: true},
		"ended":   {From: second(20), To: second(20), After: time.Second, Earlier: true},
		"open":    {From: second(10), To: second(20), Vague: true, Earlier: true, Later: true},
	} {
		from, to := f.Extent()
		for n := range 40 {
			at := second(n)
			possible := !from.After(at) && (to.IsZero() || !to.Before(at))
			if got := f.Match(Filter{From: at, To: at}); possible != (got != No) {
				t.Errorf("%s: from %v to %v, and at %v it matches: %v", name, from, to, at, got)
			}
		}
	}
}
