package rulefile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// A dialect writes the rule of one subscriber for one protocol, and a rule that lets a subscriber pass.
type dialect struct {
	format, head, foot string
	rule               func(w wanted, proto, cond string) string
	pass               func(w wanted, cond string) string
	conds              [3]string // of the rules, another one, and a destination
}

var dialects = []dialect{
	{"iptables", "*nat", "COMMIT", func(w wanted, proto, cond string) string {
		r, _ := w.ports.Range()
		return fmt.Sprintf("-A POSTROUTING -s %s %s -p %s -j SNAT --to-source %s:%d-%d", w.inside, cond, proto, w.outside, r.First(), r.Last())
	}, func(w wanted, cond string) string {
		return fmt.Sprintf("-A POSTROUTING -s %s %s -j ACCEPT", w.inside, cond)
	}, [3]string{"-o eth0", "-o eth1", "-d 192.0.2.0/24"}},
	{"routeros", "/ip firewall nat", "", func(w wanted, proto, cond string) string {
		r, _ := w.ports.Range()
		return fmt.Sprintf("add action=src-nat chain=srcnat %s protocol=%s src-address=%s to-addresses=%s to-ports=%d-%d", cond, proto, w.inside, w.outside, r.First(), r.Last())
	}, func(w wanted, cond string) string {
		return fmt.Sprintf("add action=masquerade chain=srcnat %s src-address=%s", cond, w.inside)
	}, [3]string{"out-interface=a", "out-interface=b", "dst-address=192.0.2.0/24"}},
	{"nftables", "table ip n {\n chain p { type nat hook postrouting priority srcnat; policy accept;", "}\n}", func(w wanted, proto, cond string) string {
		r, _ := w.ports.Range()
		return fmt.Sprintf("%s meta l4proto %s ip saddr %s snat to %s:%d-%d", cond, proto, w.inside, w.outside, r.First(), r.Last())
	}, func(w wanted, cond string) string {
		return fmt.Sprintf("%s ip saddr %s return", cond, w.inside)
	}, [3]string{`oifname "a"`, `oifname "b"`, "ip daddr 192.0.2.0/24"}},
}

// TestOneLineChanged changes one line of a file: nothing of it may go unnoticed, by a share, by its protocols, or by a refusal.
func TestOneLineChanged(t *testing.T) {
	rng := seeded(t)
	for i := range 300 {
		_, plan := randomPlan(t, rng, alloc.Sequential)
		shares := sharesOf(plan)
		if len(shares) < 2 || shares[0].ports.RangeCount() > 1 {
			continue
		}
		d := dialects[i%len(dialects)]
		k := rng.IntN(len(shares))
		victim := shares[k]
		if victim.ports.RangeCount() > 1 {
			continue
		}
		var lines []string
		for _, w := range shares {
			if w.ports.RangeCount() == 1 {
				lines = append(lines, d.rule(w, "tcp", d.conds[0]), d.rule(w, "udp", d.conds[0]))
			}
		}
		at := 0
		for lines[at] != d.rule(victim, "tcp", d.conds[0]) {
			at++
		}
		before := parse(t, d.format, d.head+"\n"+strings.Join(lines, "\n")+"\n"+d.foot+"\n")
		what, changed := change(rng, d, lines, at, victim)
		text := d.head + "\n" + strings.Join(changed, "\n") + "\n" + d.foot + "\n"
		after, err := tryParse(t, d.format, text)
		if err != nil {
			if !errors.Is(err, rulefile.ErrConflict) && !errors.Is(err, rulefile.ErrShared) && !errors.Is(err, rulefile.ErrNothing) {
				t.Fatalf("%s, %s: %v", d.format, what, err)
			}
			continue
		}
		old, _ := before.Find(victim.inside)
		now, ok := after.Find(victim.inside)
		if ok && now.Outside == old.Outside && now.Ports.Equal(old.Ports) && now.Protocols == old.Protocols {
			t.Fatalf("%s, %s: nothing is noticed\n%s", d.format, what, head(text))
		}
		if after.Len()+1 < before.Len() {
			t.Fatalf("%s, %s: %d shares, had %d\n%s", d.format, what, after.Len(), before.Len(), head(text))
		}
	}
}

// change changes the rules of a subscriber, of which the first stands at at.
func change(rng *rand.Rand, d dialect, lines []string, at int, w wanted) (what string, out []string) {
	out = append(out, lines...)
	insert := func(line string) { out = append(out[:at], append([]string{line}, out[at:]...)...) }
	another := w
	another.outside = addr("203.0.113.77")
	which := at + rng.IntN(2)
	switch rng.IntN(8) {
	case 0:
		out = append(out[:which], out[which+1:]...)
		return "one of two lines is removed", out
	case 1:
		out[which] = d.rule(w, [2]string{"udp", "tcp"}[which-at], d.conds[0])
		return "a protocol is changed", out
	case 2:
		out[which] = d.rule(w, [2]string{"tcp", "udp"}[which-at], d.conds[1])
		return "a circumstance is changed", out
	case 3:
		out[which] = d.rule(w, [2]string{"tcp", "udp"}[which-at], "")
		return "a circumstance is removed", out
	case 4:
		insert(d.pass(w, d.conds[rng.IntN(3)/2*2]))
		return "an exception is inserted", out
	case 5:
		insert(d.pass(w, ""))
		return "an exception for everything is inserted", out
	case 6:
		insert(d.rule(another, "tcp", d.conds[rng.IntN(3)]))
		return "another rule comes first", out
	}
	// The order decides between two rules for one subscriber.
	insert(d.rule(another, "tcp", d.conds[0]))
	insert(d.rule(another, "udp", d.conds[0]))
	return "another share comes first", out
}
