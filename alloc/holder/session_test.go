package holder

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

type question struct {
	from, to, skew int
	want           string
}

func when(second int, want string) question { return question{second, second, 0, want} }

func TestSessions(t *testing.T) {
	const noStop, noStart, boundary = "no Stop seen", "no Start seen", "a session begins or ends then"
	two := block("Start", "a", 0, joao, ip1) + block("Stop", "a", 100, joao, ip1) + block("Start", "b", 200, maria, ip1) + block("Stop", "b", 300, maria, ip1)
	for _, c := range []struct {
		name, detail string
		ask          []question
	}{
		{"two sessions", two, []question{
			when(0, "one joao@isp"), when(50, "one joao@isp"), when(100, "one joao@isp"), when(150, "nobody"), when(250, "one maria@isp"),
			when(-1, "uncertain: before the first record"), when(301, "uncertain: after the last record"),
			{95, 95, 5, "one joao@isp"}, {96, 96, 5, "uncertain joao@isp?: " + boundary}, {101, 101, 5, "uncertain joao@isp?: " + boundary},
			{150, 150, 60, "several joao@isp? maria@isp?: " + boundary}, {50, 250, 0, "several joao@isp? maria@isp?: " + boundary}, {250, 50, 0, "several joao@isp? maria@isp?: " + boundary},
			{106, 194, 5, "nobody"}, {50, 60, -9, "one joao@isp"},
		}},
		{"no Stop, then somebody else", block("Start", "a", 0, joao, ip1) + block("Interim-Update", "a", 60, joao, ip1) + block("Start", "b", 200, maria, ip1), []question{
			when(60, "one joao@isp"), when(61, "uncertain joao@isp?: "+noStop), when(199, "uncertain joao@isp?: "+noStop),
			when(200, "several joao@isp? maria@isp: "+noStop), when(201, "uncertain maria@isp?: "+noStop), {195, 195, 10, "several joao@isp? maria@isp?: no Stop seen; " + boundary},
		}},
		{"no Stop and nobody after", block("Start", "a", 0, joao, ip1), []question{when(0, "one joao@isp"), when(1, "uncertain joao@isp?: "+noStop), when(1e6, "uncertain joao@isp?: "+noStop)}},
		{"Stop alone", block("Stop", "a", 100, joao, ip1, "Acct-Session-Time = 40"), []question{when(60, "one joao@isp"), when(59, "uncertain: before the first record"), when(100, "one joao@isp")}},
		{"Stop alone without a time", block("Stop", "a", 100, joao, ip1), []question{when(100, "one joao@isp"), when(99, "uncertain joao@isp?: "+noStart)}},
		{"Interim alone", block("Interim-Update", "a", 100, joao, ip1, "Acct-Session-Time = 40"), []question{when(60, "one joao@isp"), when(100, "one joao@isp"), when(101, "uncertain joao@isp?: "+noStop)}},
		{"no Stop, no Start", block("Start", "a", 0, joao, ip1) + block("Stop", "b", 100, maria, ip1), []question{
			when(0, "several joao@isp maria@isp?: no Start seen"), when(50, "several joao@isp? maria@isp?: no Stop seen; no Start seen"), when(100, "several joao@isp? maria@isp: no Stop seen")}},
		{"at once", block("Start", "a", 0, joao, ip1) + block("Start", "b", 50, maria, ip1) + block("Stop", "a", 100, joao, ip1) + block("Stop", "b", 150, maria, ip1), []question{
			when(40, "one joao@isp"), when(70, "several joao@isp maria@isp: several had it at once"), when(120, "one maria@isp")}},
		{"another address", block("Start", "a", 0, joao, ip1) + block("Interim-Update", "a", 50, joao, ip2) + block("Stop", "a", 100, joao, ip2), []question{
			when(0, "one joao@isp"), when(20, "uncertain joao@isp?: the address changed in between"), when(51, "nobody")}},
		{"the address comes late", block("Start", "a", 0, joao) + block("Interim-Update", "a", 50, joao, ip1) + block("Stop", "a", 100), []question{
			when(20, "uncertain joao@isp?: the address was not named yet"), when(50, "one joao@isp"), when(100, "one joao@isp")}},
		{"the same again", block("Start", "a", 0, joao, ip1) + block("Stop", "a", 100, joao, ip1) + block("Start", "b", 100, joao, ip1) + block("Stop", "b", 200, joao, ip1), []question{
			{50, 150, 0, "one joao@isp? joao@isp?"}, {100, 100, 9, "one joao@isp? joao@isp?"}}},
		{"the NAS restarts", block("Start", "a", 0, joao, ip1) + block("Accounting-On", "x", 100) + block("Start", "b", 150, maria, ip1) + block("Stop", "b", 160, maria, ip1), []question{
			when(0, "one joao@isp"), when(100, "uncertain joao@isp?: no Stop seen; the NAS restarted"), when(101, "nobody"), when(155, "one maria@isp")}},
		{"the NAS restarts inside of what looks like one session", block("Start", "1", 0, joao, ip1) + block("Accounting-On", "x", 100) + block("Interim-Update", "1", 400, joao, ip1) + block("Stop", "1", 500, joao, ip1), []question{
			when(0, "one joao@isp"), when(50, "uncertain joao@isp?: no Stop seen; the NAS restarted"), when(300, "uncertain joao@isp?: no Start seen"), when(500, "one joao@isp")}},
		{"the NAS goes down, and the next session says when it began", block("Start", "1", 0, joao, ip1) + block("Interim-Update", "1", 50, joao, ip1) + block("Accounting-Off", "x", 100) + block("Interim-Update", "1", 400, joao, ip1, "Acct-Session-Time = 100"), []question{
			when(50, "one joao@isp"), when(60, "uncertain joao@isp?: no Stop seen; the NAS restarted"), when(200, "nobody"), when(299, "nobody"), when(300, "one joao@isp")}},
		{"a session that outlived Accounting-On says so", block("Start", "1", 0, joao, ip1) + block("Accounting-On", "x", 100) + block("Interim-Update", "1", 400, joao, ip1, "Acct-Session-Time = 399"), []question{
			when(200, "one joao@isp"), when(400, "one joao@isp")}},
		{"another NAS restarts", block("Start", "1", 0, joao, ip1) + strings.Replace(block("Accounting-On", "x", 100), "192.0.2.1", "192.0.2.2", 1) + block("Stop", "1", 400, joao, ip1), []question{when(200, "one joao@isp")}},
		{"Acct-Session-Time contradicts the Start", block("Start", "1", 0, joao, ip1) + block("Interim-Update", "1", 800, joao, ip1, "Acct-Session-Time = 800") +
			block("Interim-Update", "1", 1600, joao, ip1, "Acct-Session-Time = 300") + block("Stop", "1", 1700, joao, ip1, "Acct-Session-Time = 400"), []question{
			when(0, "one joao@isp"), when(800, "one joao@isp"), when(1000, "uncertain joao@isp?: no Stop seen"), when(1300, "one joao@isp? joao@isp"), when(1700, "one joao@isp")}},
		{"Acct-Session-Time lags a little", block("Start", "1", 0, joao, ip1) + block("Interim-Update", "1", 800, joao, ip1, "Acct-Session-Time = 700") + block("Stop", "1", 1700, joao, ip1, "Acct-Session-Time = 1650"), []question{
			when(400, "one joao@isp"), when(1000, "one joao@isp")}},
		{"the id comes again", block("Start", "1", 0, joao, ip1) + block("Stop", "1", 100, joao, ip1) + block("Start", "1", 500, maria, ip1) + block("Stop", "1", 600, maria, ip1), []question{
			when(50, "one joao@isp"), when(300, "nobody"), when(550, "one maria@isp")}},
		{"the id comes again without a Start", block("Start", "1", 0, joao, ip1) + block("Interim-Update", "1", 500, maria, ip1), []question{when(0, "several joao@isp maria@isp?: no Start seen"), when(500, "several joao@isp? maria@isp: no Stop seen")}},
		{"the id comes again later without a Start", block("Start", "1", 0, joao, ip1) + block("Stop", "1", 100, joao, ip1) + block("Interim-Update", "1", 1000, joao, ip1) +
			block("Interim-Update", "1", 1100, joao, ip1) + block("Interim-Update", "1", 1200, joao, ip1), []question{
			when(50, "one joao@isp"), when(100, "one joao@isp joao@isp?"), when(550, "uncertain joao@isp?: "+noStart), when(1050, "one joao@isp")}},
		{"a record behind the Stop", block("Start", "1", 0, joao, ip1) + block("Stop", "1", 100, joao, ip1) + block("Interim-Update", "1", 110, joao, ip1), []question{
			when(100, "one joao@isp"), when(105, "uncertain joao@isp?: no Stop seen; the stamps contradict each other"), when(2000, "uncertain joao@isp?: no Stop seen; the stamps contradict each other")}},
		{"records behind the Stop", block("Start", "1", 0, joao, ip1) + block("Stop", "1", 100, joao, ip1) + block("Interim-Update", "1", 110, joao, ip1) + block("Interim-Update", "1", 1000, joao, ip1), []question{
			when(100, "one joao@isp"), when(1000, "one joao@isp? joao@isp"), when(1001, "uncertain joao@isp?: "+noStop)}},
		{"one id for all", block("Start", "0", 0, joao, ip1) + block("Start", "0", 10, maria, ip2) + block("Interim-Update", "0", 100, joao, ip1) + block("Interim-Update", "0", 110, maria, ip2), []question{
			when(0, "one joao@isp joao@isp?"), when(50, "uncertain joao@isp? joao@isp?: no Stop seen; no Start seen"), when(200, "uncertain joao@isp?: no Stop seen")}},
		{"one after the other", block("Start", "a", 0, joao, ip1) + block("Stop", "a", 100, joao, ip1) + block("Start", "b", 100, maria, ip1) + block("Stop", "b", 200, maria, ip1), []question{
			when(99, "one joao@isp"), when(100, "several joao@isp maria@isp: a session begins or ends then"), when(101, "one maria@isp")}},
		{"two Stops", block("Start", "1", 0, joao, ip1) + block("Stop", "1", 100, joao, ip1) + block("Stop", "1", 103, joao, ip1), []question{
			when(100, "one joao@isp"), when(102, "uncertain joao@isp?: the stamps contradict each other"), when(104, "uncertain: after the last record")}},
		{"the id starts again", block("Start", "1", 0, joao, ip1) + block("Interim-Update", "1", 50, joao, ip1) + block("Interim-Update", "1", 100, joao, ip1) + block("Start", "1", 500, joao, ip1), []question{
			when(100, "one joao@isp"), when(300, "uncertain joao@isp?: "+noStop), when(500, "one joao@isp? joao@isp")}},
		{"the id was elsewhere before", block("Start", "1", 0, joao, ip2) + block("Stop", "1", 100, joao, ip2) + block("Interim-Update", "1", 1000, joao, ip1), []question{
			when(50, "uncertain: before the first record"), when(550, "uncertain joao@isp?: "+noStart)}},
		{"the NAS restarted before", block("Start", "a", 0, maria, ip2) + block("Accounting-On", "x", 100) + block("Interim-Update", "b", 200, joao, ip1), []question{
			when(50, "uncertain: before the first record"), when(150, "uncertain joao@isp?: "+noStart)}},
		{"the address came in between", block("Start", "a", 0, joao, ip2) + block("Interim-Update", "a", 50, joao, ip1) + block("Stop", "a", 100, joao, ip1), []question{
			when(20, "uncertain joao@isp?: the address changed in between"), when(50, "one joao@isp")}},
		{"long and short", block("Start", "a", 0, joao, ip1) + block("Stop", "a", 1000, joao, ip1) + block("Start", "b", 10, maria, ip1) + block("Stop", "b", 20, maria, ip1), []question{
			when(15, "several joao@isp maria@isp: several had it at once"), when(500, "one joao@isp")}},
		{"clocks", block("Start", "a", 0, joao, ip1, "Timestamp = 1772366430") + block("Stop", "a", 100, joao, ip1, "Timestamp = 1772366501"), []question{
			when(10, "uncertain joao@isp?: the stamps contradict each other"), when(30, "one joao@isp"), when(100, "one joao@isp")}},
		{"late delivery", block("Start", "a", 0, joao, ip1, "Timestamp = 1772366700", "Acct-Delay-Time = 300") + block("Stop", "a", 100, joao, ip1), []question{when(0, "one joao@isp")}},
		{"no address ever", block("Start", "a", 0, joao) + block("Start", "b", 0, maria, "Framed-IP-Address = 255.255.255.254"), []question{when(0, "uncertain: no record of the address")}},
	} {
		once := read(t, c.detail)
		blocks := strings.SplitAfter(c.detail, "\n\n")
		var reversed strings.Builder
		for _, one := range slices.Backward(blocks) { // out of order, and twice
			reversed.WriteString(one + one)
		}
		twice := read(t, reversed.String(), c.detail)
		for _, q := range c.ask {
			if got := ask(once, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
			if got := ask(twice, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s, twice and out of order: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
		}
		if w := once.Warnings(); len(w) > 0 {
			t.Errorf("%s: %v", c.name, w)
		}
	}
}

func TestRealms(t *testing.T) {
	b := New(Limits{})
	for realm, user := range map[string]string{"north": joao, "south": maria} {
		text := block("Start", "a", 0, user, ip1, "NAS-Identifier = "+realm) + block("Stop", "a", 100, user, ip1)
		if err := b.ReadRADIUS(strings.NewReader(text), realm, Options{Realm: realm}); err != nil {
			t.Fatal(err)
		}
	}
	for realm, user := range map[string]string{"north": "joao@isp", "south": "maria@isp"} {
		if p, ok := b.At(realm, netip.MustParseAddr("::ffff:100.64.0.1"), at(5), at(5), 0).Person(); !ok || p.User != user {
			t.Errorf("realm %s: %+v", realm, p)
		}
	}
	if a := b.At("", inside1, at(5), at(5), 0); a.Status != Uncertain || a.Why != NoRecord {
		t.Errorf("no realm: %v", a)
	}
	if a := b.At("north", netip.MustParseAddr("2001:db8::1"), at(5), at(5), 0); a.Status != Uncertain {
		t.Errorf("IPv6: %v", a)
	}
}

func TestGap(t *testing.T) {
	day := 86400
	b := read(t, block("Start", "a", 0, joao, ip1)+block("Stop", "a", 100, joao, ip1), block("Start", "b", day, maria, ip1)+block("Stop", "b", day+50, maria, ip1))
	if got, want := ask(b, inside1, day/2, day/2, 0), "uncertain: no record of any address around then"; got != want {
		t.Errorf("half a day between two files: %s, want %s", got, want)
	}
	if got := ask(b, inside2, 50, 50, 0); got != "uncertain: no record of the address" {
		t.Errorf("an address that is in no record: %s", got)
	}
}

func TestMany(t *testing.T) {
	var detail strings.Builder
	for i := range 1500 {
		detail.WriteString(block("Start", string(rune('a'+i%26))+strings.Repeat("x", i/26), 0, joao, ip1))
	}
	a := read(t, detail.String()).At("", inside1, at(0), at(9), 0)
	if a.Status != Uncertain || len(a.Candidates) != maxCandidates || a.More != 500 {
		t.Errorf("%v with %d candidates and %d more", a, len(a.Candidates), a.More)
	}
}

func TestFractions(t *testing.T) {
	b := read(t, block("Start", "a", 0, joao, ip1)+block("Stop", "a", 10, joao, ip1)+block("Start", "b", 20, maria, ip1)+block("Stop", "b", 30, maria, ip1))
	for offset, want := range map[time.Duration]Status{
		-1: Uncertain, 1: One, 10 * time.Second: One, 10*time.Second + 1: Nobody, 20*time.Second - 1: Nobody, 20*time.Second + 1: One, 30*time.Second - 1: One,
	} {
		if a := b.At("", inside1, base.Add(offset), base.Add(offset), 0); a.Status != want {
			t.Errorf("%v after the start: %v, want %v", offset, a, want)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b Person
		want bool
	}{
		{Person{User: "a"}, Person{User: "a"}, true},
		{Person{User: "a"}, Person{User: "b"}, false},
		{Person{User: "a"}, Person{MAC: "b"}, false},
		{Person{User: "a", MAC: "m"}, Person{MAC: "m", Circuit: "c"}, true},
		{Person{User: "a", MAC: "m"}, Person{User: "a", MAC: "n"}, false},
		{Person{User: "a", Port: "1"}, Person{User: "a", Port: "2"}, true},
		{Person{}, Person{}, false},
	} {
		if c.a.Same(c.b) != c.want || c.b.Same(c.a) != c.want {
			t.Errorf("%+v and %+v: same is not %v", c.a, c.b, c.want)
		}
	}
	// Of three sessions the first is the same as each of the others, which differ.
	b := read(t, block("Start", "a", 0, ip1, `Calling-Station-Id = "00-11-22-33-44-55"`)+block("Stop", "a", 100)+
		block("Start", "b", 0, ip1, joao, `Calling-Station-Id = "0011.2233.4455"`)+block("Stop", "b", 100)+
		block("Start", "c", 0, ip1, maria, `Calling-Station-Id = "00:11:22:33:44:55"`)+block("Stop", "c", 100))
	if a := b.At("", inside1, at(5), at(5), 0); a.Status != Several {
		t.Errorf("two users with one MAC address at once: %v", a)
	}
}

func TestMAC(t *testing.T) {
	for s, want := range map[string]string{
		"00-1A-2b-33-44-55": "00:1a:2b:33:44:55", "001a.2b33.4455": "00:1a:2b:33:44:55", "001A2B334455": "00:1a:2b:33:44:55",
		"00:1a:2b:33:44:55:66": "00:1a:2b:33:44:55:66", "+15678023561": "+15678023561", "100.64.123.2111": "100.64.123.2111", "": "", "00:1a": "00:1a",
	} {
		if got := macAddress(s); got != want {
			t.Errorf("MAC address %q becomes %q, want %q", s, got, want)
		}
	}
}
