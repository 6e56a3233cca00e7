package holder

import (
	"strings"
	"testing"
)

const unreadable = "a record of the address could not be read"

// without takes the line with an attribute out of a block.
func without(text, attribute string) string {
	from := strings.Index(text, "\t"+attribute+" ")
	return text[:from] + text[from+strings.IndexByte(text[from:], '\n')+1:]
}

// with adds lines to a block.
func with(text string, more ...string) string {
	return strings.TrimSuffix(text, "\n") + strings.Join(more, "\n") + "\n\n"
}

// TestUnread has records that are rejected and still make their address uncertain.
func TestUnread(t *testing.T) {
	alice := block("Start", "a", 0, maria, ip1) + block("Stop", "a", 100, maria, ip1)
	later := block("Start", "c", 200, maria, ip1) + block("Stop", "c", 300, maria, ip1)
	bob := func(kind string, second int, more ...string) string {
		return block(kind, "b", second, append(more, joao, ip1)...)
	}
	noTime := func(text string) string { return strings.Replace(text, `"Mar`, `"Mrz`, 1) }
	const boundary = "a session begins or ends then; "
	for _, c := range []struct {
		name, detail string
		rejected     int
		unplaced     int
		ask          []question
	}{
		{"a Start without a session", alice + later + without(bob("Start", 150), "Acct-Session-Id"), 1, 0, []question{
			when(50, "one maria@isp"), when(149, "nobody"), when(150, "uncertain joao@isp?: "+unreadable), when(199, "uncertain joao@isp?: "+unreadable),
			when(200, "several joao@isp? maria@isp: "+unreadable), when(201, "one maria@isp"), {140, 160, 0, "uncertain joao@isp?: " + boundary + unreadable}}},
		{"a Start within a session", alice + later + without(bob("Start", 50), "NAS-IP-Address"), 1, 0, []question{
			when(49, "one maria@isp"), when(50, "several maria@isp joao@isp?: "+unreadable), when(150, "uncertain joao@isp?: "+unreadable), when(250, "one maria@isp")}},
		{"a Start at the same second", alice + later + without(bob("Start", 0), "NAS-IP-Address"), 1, 0, []question{when(50, "several maria@isp joao@isp?: "+unreadable)}},
		{"a Start without a time", alice + later + noTime(bob("Start", 50)), 1, 0, []question{
			when(50, "several joao@isp? maria@isp: "+unreadable), when(150, "uncertain joao@isp?: "+unreadable), when(250, "several joao@isp? maria@isp: "+unreadable), when(-1e6, "uncertain joao@isp?: "+unreadable)}},
		{"an Interim-Update without a session", alice + later + without(bob("Interim-Update", 150), "Acct-Session-Id"), 1, 0, []question{
			when(99, "one maria@isp"), when(101, "uncertain joao@isp?: "+unreadable), when(199, "uncertain joao@isp?: "+unreadable), when(201, "one maria@isp")}},
		{"a Stop that says how long", alice + later + without(bob("Stop", 150, "Acct-Session-Time = 20"), "Acct-Session-Id"), 1, 0, []question{
			when(129, "nobody"), when(130, "uncertain joao@isp?: "+unreadable), when(199, "uncertain joao@isp?: "+unreadable)}},
		{"a duration that is no number", alice + later + bob("Stop", 150, "Acct-Session-Time = x"), 1, 0, []question{when(101, "uncertain joao@isp?: "+unreadable)}},
		{"the same person", alice + without(block("Interim-Update", "a", 50, maria, ip1), "Acct-Session-Id"), 1, 0, []question{when(50, "one maria@isp"), when(101, "uncertain maria@isp?: "+unreadable)}},
		{"nobody named", alice + later + without(block("Start", "b", 50, ip1), "Acct-Session-Id"), 1, 0, []question{
			when(49, "one maria@isp"), when(50, "uncertain maria@isp: "+unreadable), when(150, "uncertain: "+unreadable)}},
		{"a line that is torn", alice + later + with(bob("Start", 150), "\tHello"), 1, 1, []question{
			when(101, "uncertain joao@isp?: "+unreadable), when(199, "uncertain joao@isp?: "+unreadable), when(201, "one maria@isp")}},
		{"a name that is torn", alice + later + strings.Replace(bob("Start", 150), `o@isp"`, "o@isp", 1), 1, 1, []question{when(150, "uncertain: "+unreadable)}},
		{"an address that is torn", alice + strings.Replace(bob("Start", 50), "100.64.0.1", `"100.64.0.1`, 1), 1, 1, []question{when(50, "one maria@isp")}},
		{"an address that is none", alice + strings.Replace(bob("Start", 50), "100.64.0.1", "100.64.0.1x", 1), 1, 1, []question{when(50, "one maria@isp")}},
		{"no address", alice + without(block("Start", "b", 50, joao), "Acct-Session-Id"), 1, 1, []question{when(50, "one maria@isp")}},
		{"two addresses", alice + bob("Start", 50, ip2), 1, 0, []question{when(50, "several joao@isp? maria@isp: "+unreadable)}},
		{"two addresses of two people", alice + bob("Start", 50, ip2, "User-Name = x"), 1, 0, []question{when(50, "uncertain maria@isp: "+unreadable)}},
		{"a second address that is torn", alice + bob("Start", 50, "Framed-IP-Address = 100.64.0.2") + with(bob("Start", 50), "\tFramed-IP-Address = \"100.64.0.3"), 2, 1, []question{when(50, "several joao@isp? maria@isp: "+unreadable)}},
		{"a second address that is none", alice + bob("Start", 50, "Framed-IP-Address = 100.64.0.x"), 1, 1, []question{when(50, "several joao@isp? maria@isp: "+unreadable)}},
		{"two times", alice + without(bob("Start", 50, "Event-Timestamp = 1772366490"), "Acct-Session-Id"), 1, 0, []question{when(20, "several joao@isp? maria@isp: "+unreadable)}},
		{"two records in one", alice + strings.TrimSuffix(block("Start", "x", 10, maria, ip2), "\n") + bob("Start", 50), 1, 1, []question{when(50, "uncertain maria@isp: "+unreadable)}},
		{"a kind that nobody knows", alice + bob("Begin", 50), 1, 0, []question{when(50, "several joao@isp? maria@isp: "+unreadable)}},
		{"no kind", alice + without(bob("Start", 50), "Acct-Status-Type"), 1, 0, []question{when(50, "several joao@isp? maria@isp: "+unreadable)}},
		{"another packet", alice + without(bob("Start", 50, "Packet-Type = Access-Request"), "Acct-Status-Type") + bob("Tunnel-Link-Start", 50), 0, 0, []question{when(50, "one maria@isp")}},
		{"only that", without(bob("Start", 50), "Acct-Session-Id"), 1, 0, []question{when(50, "uncertain joao@isp?: "+unreadable), when(49, "uncertain: no record of the address; before the first record")}},
		{"a restart of nobody", alice + without(block("Accounting-On", "x", 50), "NAS-IP-Address"), 1, 0, []question{when(50, "one maria@isp")}},
	} {
		b := read(t, c.detail)
		for _, q := range c.ask {
			if got := ask(b, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
		}
		if n := b.Counts(); n.Rejected != c.rejected || n.Unplaced != c.unplaced {
			t.Errorf("%s: %+v, want %d rejected, %d of them without an address; %v", c.name, n, c.rejected, c.unplaced, b.Warnings())
		}
	}
}

// TestUnreadPerson says which record and whom a candidate is from.
func TestUnreadPerson(t *testing.T) {
	detail := block("Start", "a", 0, maria, ip1) + block("Stop", "a", 100, maria, ip1)
	for range 3 { // the same record again is the same candidate
		detail += without(block("Start", "b", 50, joao, ip1), "Acct-Session-Id")
	}
	a := read(t, detail).At("", inside1, at(60), at(60), 0)
	if len(a.Candidates) != 2 {
		t.Fatalf("candidates %+v", a.Candidates)
	}
	c := a.Candidates[1]
	if c.User != "joao@isp" || c.Source != "detail0:17" || !c.From.Equal(at(50)) || !c.To.IsZero() || !c.SureFrom.IsZero() || c.Sure || c.Why != Unread {
		t.Errorf("candidate %+v", c)
	}
	a = read(t, detail, without(block("Stop", "a", 60, maria, ip1), "Acct-Session-Id")).At("", inside1, at(20), at(20), 0)
	if p, ok := a.Person(); !ok || p.Session != "a" || len(a.Candidates) != 1 {
		t.Errorf("a record of the same person hides the session: %+v", a)
	}
}

func TestUnreadCounts(t *testing.T) {
	b := New(Limits{Warnings: 2})
	text := strings.Repeat(without(block("Start", "b", 0, joao), "Acct-Session-Id")+without(block("Start", "b", 0, joao, ip1), "Acct-Session-Id"), 50)
	if err := b.ReadRADIUS(strings.NewReader(text), "d", Options{}); err != nil {
		t.Fatal(err)
	}
	if n := b.Counts(); n.Rejected != 100 || n.Unplaced != 50 || n.Warnings != 100 || len(b.Warnings()) != 2 {
		t.Errorf("%+v and %d warnings", n, len(b.Warnings()))
	}
	b = New(Limits{Memory: 10000})
	if err := b.ReadRADIUS(strings.NewReader(strings.Repeat(text, 10)), "d", Options{}); err == nil {
		t.Error("records that are rejected need no memory")
	}
}

func TestUnreadLeases(t *testing.T) {
	good := row(mac1, 0, 100, 0)
	bad := func(second int, from, to string) string {
		return strings.Replace(row(mac2, second, 100, 0), from, to, 1)
	}
	for _, c := range []struct {
		name, line string
		unplaced   int
		ask        []question
	}{
		{"nobody named", bad(50, mac2, ""), 0, []question{when(49, "one "+mac1), when(50, "uncertain "+mac1+": "+unreadable), when(199, "uncertain: "+unreadable), when(201, "one "+mac1)}},
		{"no state", bad(50, ",host,0,", ",host,x,"), 0, []question{when(49, "one "+mac1), when(50, "several "+mac1+" "+mac2+"?: "+unreadable), when(201, "one "+mac1)}},
		{"another state", bad(50, ",host,0,", ",host,9,"), 0, []question{when(50, "several "+mac1+" "+mac2+"?: "+unreadable)}},
		{"no lifetime", bad(50, ",100,", ",x,"), 0, []question{when(49, "several "+mac2+"? "+mac1+": "+unreadable), when(201, "several "+mac2+"? "+mac1+": "+unreadable)}},
		{"too long", bad(50, "host", strings.Repeat("h", maxLine)), 0, []question{when(49, "several "+mac2+"? "+mac1+": "+unreadable)}},
		{"a torn line", "100.64.0.1\n", 1, []question{when(50, "one "+mac1)}},
		{"two lines in one", strings.TrimSuffix(bad(50, ",1,0,0,host,0,,0", ",1"), "\n") + row(mac2, 60, 100, 0), 1, []question{when(10, "uncertain "+mac1+": "+unreadable), when(201, "uncertain "+mac1+": "+unreadable)}},
		{"no address", bad(50, "100.64.0.1", "x"), 1, []question{when(50, "one "+mac1)}},
	} {
		b := leasesOf(t, Options{Until: at(300)}, good+c.line+row(mac1, 200, 100, 0))
		for _, q := range c.ask {
			if got := ask(b, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s: second %d: %s\nwant %s", c.name, q.from, got, q.want)
			}
		}
		if n := b.Counts(); n.Rejected != 1 || n.Unplaced != c.unplaced {
			t.Errorf("%s: %+v, want 1 rejected, %d of them without an address", c.name, n, c.unplaced)
		}
	}
}
