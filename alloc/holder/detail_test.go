package holder

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// realDetail is what FreeRADIUS 3 writes for a PPPoE session on a RouterOS NAS: the Start, and a Stop that a proxy sent again.
const realDetail = "Sun Mar  1 11:02:10 2026\n" +
	"\tService-Type = Framed-User\n\tFramed-Protocol = PPP\n\tNAS-Port = 15728644\n\tNAS-Port-Type = Ethernet\n\tUser-Name = \"joao@isp\"\n" +
	"\tCalling-Station-Id = \"4C:5E:0C:11:22:33\"\n\tCalled-Station-Id = \"pppoe-in\"\n\tNAS-Port-Id = \"vlan100\"\n\tADSL-Agent-Circuit-Id = \"olt1 xpon 0/1/0/5:12.1.1\"\n" +
	"\tAcct-Session-Id = \"81a00004\"\n\tFramed-IP-Address = 100.64.0.2\n\tAcct-Authentic = RADIUS\n\tEvent-Timestamp = \"Mar  1 2026 11:02:10 UTC\"\n" +
	"\tAcct-Status-Type = Start\n\tNAS-Identifier = \"bng-1\"\n\tAcct-Delay-Time = 0\n\tNAS-IP-Address = 192.0.2.1\n\tTmp-String-9 = \"ai:\"\n\tAcct-Unique-Session-Id = \"4fd0c9c0a56b\"\n\tTimestamp = 1772362930\n\n"

const realStop = "Sun Mar  1 13:40:55 2026\n" +
	"\tUser-Name = \"joao@isp\"\n\tCalling-Station-Id = \"4C:5E:0C:11:22:33\"\n\tNAS-Port-Id = \"vlan100\"\n\tAcct-Session-Id = \"81a00004\"\n\tFramed-IP-Address = 100.64.0.2\n" +
	"\tEvent-Timestamp = \"Mar  1 2026 10:40:55 -03\"\n\tAcct-Session-Time = 9525\n\tAcct-Terminate-Cause = User-Request\n\tAcct-Status-Type = Stop\n\tNAS-IP-Address = 192.0.2.1\n\tTimestamp = 1772372456\n\n"

func TestRealDetail(t *testing.T) {
	for _, text := range []string{realDetail + realStop + realStop, strings.ReplaceAll(realStop+realDetail, "\n", "\r\n"), strings.TrimSpace(realDetail) + "\n\n\n" + strings.TrimSpace(realStop) + "\n\n"} {
		a := read(t, text).At("", inside2, time.Date(2026, 3, 1, 12, 34, 56, 0, time.UTC), time.Date(2026, 3, 1, 12, 34, 56, 0, time.UTC), 5*time.Second)
		p, ok := a.Person()
		want := Person{
			User: "joao@isp", Circuit: "olt1 xpon 0/1/0/5:12.1.1", Port: "vlan100", MAC: "4c:5e:0c:11:22:33", Session: "81a00004", NAS: "192.0.2.1", Source: p.Source,
			From: time.Date(2026, 3, 1, 11, 2, 10, 0, time.UTC), To: time.Date(2026, 3, 1, 13, 40, 55, 0, time.UTC),
		}
		want.SureFrom, want.SureTo = want.From, want.To
		if !ok || p != want || !strings.HasPrefix(p.Source, "detail0:") {
			t.Errorf("%v %+v\nwant %+v", a, p, want)
		}
	}
}

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{
		`"a\"b\\c"`: `a"b\c`, `"\n\r\t\q"`: "\n\r\tq", `"\303\251\000"`: "é\x00", `"\40"`: "40", `plain`: "plain", `'x'`: "x", `""`: "", `"\777"`: "777",
	} {
		if got, ok := unquote(nil, []byte(in)); !ok || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{`"`, `"a`, `"a"b`, `"\"`, `"` + strings.Repeat("x", 254) + `"`, strings.Repeat("x", 254)} {
		if got, ok := unquote(nil, []byte(in)); ok {
			t.Errorf("%.20s is read as %.20q", in, got)
		}
	}
}

func TestDetailWarnings(t *testing.T) {
	good := block("Start", "a", 0, joao, ip1)
	many := good[:len(good)-1] + strings.Repeat("\tClass = 0x00\n", maxAttributes) + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"no session", strings.Replace(good, "Acct-Session-Id", "X", 1), "there is no Acct-Session-Id"},
		{"no NAS", strings.Replace(good, "NAS-IP-Address", "X", 1), "nothing says which NAS it is from"},
		{"no time", strings.Replace(good, "Event-Timestamp", "X", 1), "no Event-Timestamp and no Timestamp"},
		{"bad time", strings.Replace(good, `"Mar`, `"Mrz`, 1), "is no time"},
		{"letters", strings.Replace(good, "UTC", "BRT", 1), "of which only letters are known"},
		{"bad delay", strings.Replace(good, "User-Name", "Acct-Delay-Time", 1), "Acct-Delay-Time is no number"},
		{"bad duration", good[:len(good)-1] + "\tAcct-Session-Time = -1\n\n", "Acct-Session-Time is no number"},
		{"no =", good[:len(good)-1] + "\tHello\n\n", "a line has no ="},
		{"no end", strings.Replace(good, `isp"`, "isp", 1), "the value of User-Name does not end"},
		{"two dates", "Sun Mar  1 12:00:00 2026\n" + good, "neither a date"},
		{"long line", good[:len(good)-1] + "\tX = " + strings.Repeat("x", maxLine) + "\n\n", "longer than 65536"},
		{"many attributes", many, "more than 512 attributes"},
		{"wrong clock", good[:len(good)-1] + "\tTimestamp = 1872366000\n\n", "the clock of the NAS is wrong"},
	} {
		b := read(t, good+"\n\n"+c.text+good)
		w := b.Warnings()
		if len(w) != 1 || w[0].Line != strings.Count(good, "\n")+3 || !strings.Contains(w[0].String(), c.want) {
			t.Errorf("%s: warnings %v, want one of line %d: %s", c.name, w, strings.Count(good, "\n")+3, c.want)
		}
		if n := b.Counts(); n.Records != 3 || n.Warnings != 1 || n.Sessions != 1 || n.Ignored != 0 {
			t.Errorf("%s: %+v", c.name, n)
		}
	}
	b := New(Limits{Warnings: 2})
	if err := b.ReadRADIUS(strings.NewReader(strings.Repeat("x\n\tAcct-Status-Type = Stop\n\n", 5)), "d", Options{}); err != nil || len(b.Warnings()) != 2 || b.Counts().Warnings != 5 {
		t.Errorf("%v, %v, %+v", err, b.Warnings(), b.Counts())
	}
	b = read(t, "Sun Mar  1 12:00:00 2026\n\tPacket-Type = Access-Request\n\tUser-Name = \"x\"\n\n")
	if n := b.Counts(); n.Ignored != 1 || n.Warnings != 0 {
		t.Errorf("an Access-Request: %+v", n)
	}
}

func TestStamps(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	const utc = 1772366400 // base
	for _, c := range []struct {
		event, received, wait string
		zone                  *time.Location
		want                  stamp
	}{
		{event: "Mar  1 2026 12:00:00 UTC", want: stamp{utc, utc}},
		{event: "Mar  1 2026 13:00:00 CET", zone: berlin, want: stamp{utc, utc}},
		{event: "Mar  1 2026 09:00:00 -03", want: stamp{utc, utc}},
		{event: "Mar  1 2026 17:30:00 +0530", want: stamp{utc, utc}},
		{event: "2026-03-01T12:00:00Z", want: stamp{utc, utc}},
		{event: "1772366400", want: stamp{utc, utc}},
		{event: "1772366400", wait: "7", want: stamp{utc - 7, utc}},
		{received: "1772366400", wait: "7", want: stamp{utc - 7, utc - 7}},
		{event: "1772366400", received: "1772366402", want: stamp{utc, utc}},
		{event: "1772366400", received: "1772366403", want: stamp{utc, utc + 3}},
		{event: "1772366400", received: "1772366500", wait: "100", want: stamp{utc, utc}},
		{event: "Mar  1 2026 13:00:00 CET", received: "1772366400", want: stamp{utc, utc}},
		{zone: berlin, want: stamp{utc - 3600, utc - 3600}},
	} {
		p := packet{date: []byte("Sun Mar  1 12:00:00 2026")}
		p.values[eventTime], p.values[receivedTime], p.values[delay] = []byte(c.event), []byte(c.received), []byte(c.wait)
		if got, _, bad := p.stamp(c.zone); got != c.want || bad != "" {
			t.Errorf("%+v: %+v, %s", c, got, bad)
		}
	}
}

// TestSummerTime reads clocks of a zone whose hours come twice and not at all.
func TestSummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]stamp{
		"Sun Oct 25 02:30:00 2026": {1792888200, 1792891800}, "Sun Oct 25 03:00:00 2026": {1792893600, 1792893600}, "Sun Oct 25 01:59:59 2026": {1792886399, 1792886399},
	} {
		if got, ok := wallClock(time.ANSIC, s, zone); !ok || got != want {
			t.Errorf("%s is %v, %v; want %v", s, got, ok, want)
		}
	}
	if got, ok := wallClock(time.ANSIC, "Sun Mar 29 02:30:00 2026", zone); ok {
		t.Errorf("an hour that does not exist is %v", got)
	}
	for name, want := range map[string]int64{"CEST": 1792888200, "CET": 1792891800} {
		if got, ok, _ := eventTimestamp("Oct 25 2026 02:30:00 "+name, zone); !ok || got != want {
			t.Errorf("half past two %s is %d, want %d", name, got, want)
		}
	}
	if _, ok, problem := eventTimestamp("Oct 25 2026 02:30:00 BRT", zone); ok || problem == "" {
		t.Error("letters of another zone are taken")
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	if err := New(Limits{}).ReadRADIUS(iotest.ErrReader(broken), "d", Options{}); !errors.Is(err, ErrRead) || !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := New(Limits{}).ReadRADIUS(strings.NewReader("BZh9"), "d", Options{}); !errors.Is(err, ErrFormat) {
		t.Errorf("a file in another compression: %v", err)
	}
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(block("Start", strings.Repeat("x", i%200)+string(rune('a'+i%7)), 0, joao, ip1))
	}
	if err := New(Limits{Memory: 10000}).ReadRADIUS(strings.NewReader(text.String()), "d", Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many sessions: %v", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 1 << 19 {
		if _, err := w.Write([]byte("\tClass = 0x000000000000000000000000000000000000000000\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New(Limits{}).ReadRADIUS(&packed, "d.gz", Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a bomb: %v", err)
	}
}
