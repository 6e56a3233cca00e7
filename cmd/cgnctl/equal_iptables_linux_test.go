package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestEqualIptablesBeforeTheKernel compares random rules of iptables with two plans, as TestEqualBeforeTheKernel does with those of nftables. The kernel is
// also asked about what iptables-save lists.
func TestEqualIptablesBeforeTheKernel(t *testing.T) {
	b := newJudge(t)
	netnstest.Run(t, b.CGN, "nft", "delete", "table", "ip", "n")
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 8))
	equal := 0
	for n := range judgedPrograms {
		text := randomIptables(rng)
		said := b.equalTo(text, "iptables")
		if len(said) == 0 {
			continue
		}
		equal++
		netnstest.Run(t, b.CGN, "iptables-restore", saveText(t, b.dir, "loaded.rules", text))
		seen := b.send(uint16(n))
		b.judge(text, said, seen)
		if equal%4 == 0 {
			listed := netnstest.Run(t, b.CGN, "iptables-save")
			b.judge(listed, b.equalTo(listed, "iptables"), seen)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, %d of them equal to a plan", judgedPrograms, equal)
	if equal < judgedPrograms/50 {
		t.Errorf("only %d of %d programs were equal to a plan: the test shows nothing", equal, judgedPrograms)
	}
}

// randomIptables returns rules that may do what a plan says: chains that are jumped to, exceptions and shares in some order.
func randomIptables(rng *rand.Rand) string {
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	var s strings.Builder
	s.WriteString("*raw\n:PREROUTING ACCEPT [0:0]\n")
	if rng.IntN(25) == 0 {
		s.WriteString("-A PREROUTING " + one("-s 100.64.0.1", "-s 10.0.0.1", "! -s 100.64.0.0/30", "-d 198.18.0.0/31") + " " + one("-j CT --notrack", "-j CT --zone 5") + "\n")
	}
	s.WriteString("COMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:S - [0:0]\n")
	match := func() string {
		return one("", "", "-d 203.0.113.53 ", "-d 203.0.113.53 ", "! -d 203.0.113.53 ", "-d 203.0.113.0/24 ", "-m iprange --dst-range 203.0.113.50-203.0.113.60 ", "-o outside ", "-o nowhere ", "! -o nowhere ",
			"-p udp --dport 7 ", "-p udp -m multiport --dports 8,9 ", "-m addrtype --dst-type LOCAL ") + one("", "", "", "", "-s 100.64.0.1 ", "-s 100.64.0.0/30 ", "! -s 100.64.0.0/30 ", "-s 10.0.0.0/8 ", "-m iprange --src-range 100.64.0.1-100.64.0.2 ")
	}
	rule := func(to ...string) string {
		switch n := rng.IntN(20); {
		case n < 7:
			return "-j S"
		case n < 14:
			return strings.Replace(match(), "-m iprange --dst-range 203.0.113.50-203.0.113.60 -m iprange ", "-m iprange ", 1) + one(append(to, "-j RETURN", "-j ACCEPT", "-j RETURN")...)
		case n < 16:
			return match() + "-j S"
		case n < 17:
			return match() + "-j MASQUERADE"
		case n < 18:
			return "-s 100.64.0.3 -p udp -j SNAT --to-source 198.18.9.9:7000-7999"
		}
		return match() + "-m comment --comment \"a -j ACCEPT\""
	}
	for _, c := range []struct {
		name string
		most int
		to   []string
	}{{"POSTROUTING", 4, []string{"-j A", "-g A", "-j B", "-g B"}}, {"A", 3, []string{"-j B", "-g B"}}, {"B", 3, nil}} {
		for range 1 + rng.IntN(c.most) {
			s.WriteString("-A " + c.name + " " + rule(c.to...) + "\n")
		}
	}
	var shares []string
	for i := range 4 {
		for _, proto := range []string{"tcp", "udp", "icmp"} {
			first := 1024 + 2000*(i%2)
			shares = append(shares, fmt.Sprintf("-A S -s 100.64.0.%d -p %s -j SNAT --to-source 198.18.0.%d:%d-%d\n", i, proto, i/2, first, first+1999))
		}
	}
	if rng.IntN(2) == 0 {
		rng.Shuffle(len(shares), func(i, j int) { shares[i], shares[j] = shares[j], shares[i] })
	}
	if rng.IntN(10) == 0 {
		shares = append([]string{"-A S " + match() + "-j " + one("RETURN", "ACCEPT") + "\n"}, shares...)
	}
	return s.String() + strings.Join(shares, "") + "COMMIT\n"
}
