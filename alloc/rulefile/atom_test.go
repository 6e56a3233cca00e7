package rulefile

import "testing"

// TestImplies asks what one match says of another.
func TestImplies(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want relation
	}{
		{"-o eth0", "-o eth0", holds}, {"-o eth0", "! -o eth0", never}, {"-o eth0", "-o eth1", never}, {"-o eth0", "! -o eth1", holds},
		{"! -o eth0", "-o eth0", never}, {"! -o eth0", "-o eth1", open}, {"-o eth0", "-o eth+", open}, {"-o eth0", "--out-interface eth1", never},
		{"-o eth0", "-i eth0", open}, {"--mark 0x1", "--mark 1", holds}, {"--mark 0x1", "--mark 0x2", never}, {"--mark 0x1", "--mark 0x1/0xff", open},
		{"--mark 0x1", "-m connmark --mark 0x2", open}, {"-m connmark --mark 0x1", "-m connmark --mark 0x2", never},
		{"oifname eth0", "meta oifname eth1", never}, {"oifname eth0", "oifname != eth0", never}, {"oifname eth0", "oifname { eth0 , eth1 }", open}, {"ct zone 1", "ct zone 2", never},
		{"out-interface=a", "out-interface=b", never}, {"out-interface=a", "out-interface=!a", never}, {"in-interface-list=a", "in-interface-list=b", open},
		{"routing-mark=a", "routing-mark=b", never}, {"-d 192.0.2.1", "-d 192.0.2.2", open}, {"tcp dport 80", "tcp dport 81", open},
	} {
		a, b := newAtom(c.a), newAtom(c.b)
		if got := a.implies(&b); got != c.want {
			t.Errorf("%s, %s: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
