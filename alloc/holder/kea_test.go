package holder

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const keaHeader = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"

// row writes one line of a lease file: a client, when it was given or renewed, for how long, and the state.
func row(client string, second int, valid int64, state int) string {
	return fmt.Sprintf("100.64.0.1,%s,,%d,%d,1,0,0,host,%d,,0\n", client, valid, at(second).Unix()+valid, state)
}

const (
	mac1 = "4c:5e:0c:00:00:01"
	mac2 = "4c:5e:0c:00:00:02"
)

func leasesOf(tb testing.TB, o Options, files ...string) *Book {
	tb.Helper()
	b := New(Limits{})
	for i, text := range files {
		if err := b.ReadLeases(strings.NewReader(keaHeader+text), fmt.Sprintf("kea-leases4.csv.%d", i), o); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

func TestLeases(t *testing.T) {
	const boundary = "a session begins or ends then"
	for _, c := range []struct {
		name string
		rows []string
		ask  []question
	}{
		{"one", []string{row(mac1, 0, 100, 0)}, []question{when(0, "one "+mac1), when(100, "one "+mac1), when(-1, "uncertain: before the first record"), when(101, "nobody"), when(301, "uncertain: the lease file ends before"),
			{98, 98, 5, "uncertain " + mac1 + "?: " + boundary}}},
		{"renewed", []string{row(mac1, 0, 100, 0), row(mac1, 50, 100, 0), row(mac1, 100, 100, 0)}, []question{when(150, "one "+mac1), {0, 200, 0, "one " + mac1}}},
		{"expired, then somebody else", []string{row(mac1, 0, 100, 0), row(mac1, 0, 100, 2), row(mac2, 200, 100, 0)}, []question{when(150, "nobody"), when(250, "one "+mac2), when(50, "one "+mac1)}},
		{"released and renewed before", []string{row(mac1, 0, 100, 0), row(mac1, 50, 100, 0), row(mac1, 50, 0, 0), row(mac2, 90, 100, 0)}, []question{
			when(50, "one "+mac1), when(51, "uncertain "+mac1+"?: released at an unknown time"), when(90, "several "+mac1+"? "+mac2+": released at an unknown time"), when(91, "one "+mac2)}},
		{"released with a time", []string{row(mac1, 0, 100, 0), row(mac1, 60, 0, 3), row(mac2, 90, 100, 0)}, []question{when(60, "one "+mac1), when(70, "nobody"), when(91, "one "+mac2)}},
		{"released and given again", []string{row(mac1, 0, 100, 0), row(mac1, 0, 0, 0), row(mac1, 60, 100, 0)}, []question{when(30, "uncertain "+mac1+"?: released at an unknown time"), when(70, "one "+mac1)}},
		{"released, the lease is lost", []string{row(mac1, 0, 0, 0), row(mac2, 90, 100, 0)}, []question{when(0, "one "+mac1), when(30, "uncertain "+mac1+"?: released at an unknown time"), when(91, "one "+mac2)}},
		{"declined", []string{row(mac1, 0, 100, 0), row("", 40, 100, 1), row(mac2, 200, 100, 0)}, []question{
			when(30, "one "+mac1), when(50, "uncertain: declined: in use by somebody unknown"), {35, 45, 0, "uncertain " + mac1 + "?: declined: in use by somebody unknown; " + boundary}, when(180, "nobody")}},
		{"at once", []string{row(mac1, 0, 100, 0), row(mac2, 50, 100, 0)}, []question{when(40, "one "+mac1), when(70, "several "+mac1+" "+mac2+": several had it at once"), when(120, "one "+mac2)}},
	} {
		o := Options{Until: at(300)}
		forward, six := leasesOf(t, o, strings.Join(c.rows, "")), leases6Of(t, o, asSix(t, c.rows)...)
		slices.Reverse(c.rows)
		backward := leasesOf(t, o, strings.Join(c.rows, ""), strings.Join(c.rows, "")+keaHeader+strings.Join(c.rows, ""))
		for _, q := range c.ask {
			if got := ask(forward, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
			if got := told6(six, prefix1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s, a prefix: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
			if got := ask(backward, inside1, q.from, q.to, q.skew); got != q.want {
				t.Errorf("%s, twice and out of order: from %d to %d with skew %d: %s\nwant %s", c.name, q.from, q.to, q.skew, got, q.want)
			}
		}
	}
}

func TestUntil(t *testing.T) {
	b := leasesOf(t, Options{Until: at(60)}, row(mac1, 0, 100, 0))
	for second, want := range map[int]string{50: "one " + mac1, 61: "uncertain " + mac1 + "?: the lease file ends before", 101: "uncertain: the lease file ends before"} {
		if got := ask(b, inside1, second, second, 0); got != want {
			t.Errorf("second %d: %s, want %s", second, got, want)
		}
	}
	forever := leasesOf(t, Options{Until: at(2e9)}, fmt.Sprintf("100.64.0.1,%s,,4294967295,%d,1,0,0,,0,,0\n", mac1, base.Unix()+4294967295))
	if p, ok := forever.At("", inside1, at(1e9), at(1e9), 0).Person(); !ok || !p.To.IsZero() {
		t.Errorf("a lease without end: %+v", p)
	}
}

// TestFileEnds has copies of a lease file, of which some were cleaned up.
func TestFileEnds(t *testing.T) {
	const ends = "the lease file ends before"
	other := func(second int, valid int64, state int) string {
		return strings.Replace(row(mac2, second, valid, state), "100.64.0.1", "100.64.0.9", 1)
	}
	copied := row(mac1, 0, 1000, 0) + other(100, 1000, 0)
	for _, c := range []struct {
		name  string
		files []string
		ask   []question
	}{
		{"a copy reaches to its latest line", []string{copied}, []question{when(100, "one "+mac1), when(101, "uncertain "+mac1+"?: "+ends), when(1001, "uncertain: "+ends)}},
		{"a lease that ran out, and was cleared away at once", []string{row(mac1, 0, 100, 0) + row(mac1, 0, 100, 2)}, []question{when(100, "one "+mac1), when(101, "uncertain: "+ends)}},
		{"a lease without end", []string{row(mac1, 0, 1<<32-1, 2)}, []question{when(0, "one "+mac1), when(1, "uncertain "+mac1+"?: "+ends)}},
		{"the file later, whole", []string{copied, copied + row(mac1, 0, 0, 0) + row(mac2, 300, 1000, 0)}, []question{
			when(0, "one "+mac1), when(150, "uncertain "+mac1+"?: released at an unknown time"), when(300, "several "+mac1+"? "+mac2+": released at an unknown time"), when(301, "uncertain "+mac2+"?: "+ends)}},
		{"the file later, cleaned up", []string{copied, row(mac1, 800, 1000, 0) + other(900, 1000, 0)}, []question{
			when(100, "one "+mac1), when(500, "uncertain "+mac1+"?: "+ends), when(800, "one "+mac1+"? "+mac1), when(900, "one "+mac1), when(901, "uncertain "+mac1+"?: "+ends)}},
		{"the same, put behind each other", []string{copied + keaHeader + row(mac1, 800, 1000, 0) + other(900, 1000, 0)}, []question{
			when(100, "one "+mac1), when(500, "uncertain "+mac1+"?: "+ends), when(850, "one "+mac1)}},
		{"somebody else later", []string{copied, row(mac2, 1800, 1000, 0) + other(1900, 1000, 0)}, []question{
			when(500, "uncertain "+mac1+"?: "+ends), when(1500, "uncertain: "+ends), when(1850, "one "+mac2)}},
		{"released later", []string{copied, row(mac1, 800, 0, 0) + other(900, 1000, 0)}, []question{
			when(500, "uncertain "+mac1+"?: "+ends), when(800, "one "+mac1+"? "+mac1)}},
		{"gone later", []string{copied, other(1900, 1000, 0)}, []question{when(100, "one "+mac1), when(500, "uncertain "+mac1+"?: "+ends), when(1500, "uncertain: "+ends)}},
	} {
		forward := leasesOf(t, Options{}, c.files...)
		slices.Reverse(c.files)
		backward := leasesOf(t, Options{}, c.files...)
		for _, q := range c.ask {
			for order, b := range map[string]*Book{"": forward, ", out of order": backward} {
				if got := ask(b, inside1, q.from, q.to, q.skew); got != q.want {
					t.Errorf("%s%s: second %d: %s\nwant %s", c.name, order, q.from, got, q.want)
				}
			}
		}
	}
	// Sessions fill what a lease file does not tell.
	b := leasesOf(t, Options{}, row(mac1, 0, 10, 0))
	if err := b.ReadRADIUS(strings.NewReader(block("Start", "a", 50, joao, ip1)+block("Stop", "a", 80, ip1)), "detail", Options{}); err != nil {
		t.Fatal(err)
	}
	for second, want := range map[int]string{60: "one joao@isp", 90: "uncertain: " + ends} {
		if got := ask(b, inside1, second, second, 0); got != want {
			t.Errorf("with sessions: second %d: %s, want %s", second, got, want)
		}
	}
}

func TestRelay(t *testing.T) {
	for context, want := range map[string]string{
		`{ "ISC": { "relay-agent-info": { "sub-options": "0x01056f6c7431410206aabbccddeeff" } } }`: "olt1A",
		`{"ISC":{"relay-agent-info":"0x0104000a0001"}}`:                                            "0x000a0001",
		`{ "ISC": { "relay-agent-info": { "sub-options": "0x020161" } } }`:                         "",
		`{ "a": "x, y", "ISC": { "relay-agent-info": { "sub-options": "0x010162" } } }`:            "b",
		``: "", `{}`: "",
	} {
		line := fmt.Sprintf("100.64.0.1,4C-5E-0C-00-00-01,01:4C,100,%d,1,0,0,my&#x2chost,0,%s,0\n", at(100).Unix(), strings.ReplaceAll(context, ",", "&#x2c"))
		b := leasesOf(t, Options{}, line)
		p, ok := b.At("", inside1, at(0), at(0), 0).Person()
		if !ok || p.Circuit != want || p.Host != "my,host" || p.MAC != mac1 || p.Client != "01:4c" || p.Source != "kea-leases4.csv.0:2" || len(b.Warnings()) > 0 {
			t.Errorf("%s: %+v %v", context, p, b.Warnings())
		}
	}
}

func TestJoin(t *testing.T) {
	b := leasesOf(t, Options{}, row(mac1, 0, 100, 0))
	if err := b.ReadRADIUS(strings.NewReader(block("Start", "a", 0, joao, ip1, `Calling-Station-Id = "4C5E.0C00.0001"`)+block("Stop", "a", 80, ip1)), "detail", Options{}); err != nil {
		t.Fatal(err)
	}
	if a := b.At("", inside1, at(50), at(50), 0); a.Status != One || len(a.Candidates) != 2 {
		t.Errorf("lease and session of one MAC address: %v", a)
	}
}

// TestMixed has a session, a lease that is told twice, and a client that found the address in use.
func TestMixed(t *testing.T) {
	b := leasesOf(t, Options{Until: at(200)}, row(mac1, 0, 100, 0)+row(mac1, 50, 100, 0)+row(mac1, 100, 100, 0), row(mac1, 50, 100, 0))
	if got, want := ask(b, inside1, 180, 180, 0), "one "+mac1; got != want {
		t.Errorf("a renewal that is told again: %s, want %s", got, want)
	}
	b = leasesOf(t, Options{Until: at(200)}, row("", 40, 100, 1))
	if err := b.ReadRADIUS(strings.NewReader(block("Start", "a", 0, joao, ip1)+block("Stop", "a", 80, ip1)), "detail", Options{}); err != nil {
		t.Fatal(err)
	}
	if got, want := ask(b, inside1, 50, 50, 0), "uncertain joao@isp: declined: in use by somebody unknown"; got != want {
		t.Errorf("a session, and somebody unknown: %s, want %s", got, want)
	}
}

func TestLeaseWarnings(t *testing.T) {
	good := row(mac1, 0, 100, 0)
	for _, c := range []struct{ line, want string }{
		{strings.Replace(good, "100.64.0.1", "100.64.0", 1), "none of IPv4"}, {strings.Replace(good, "100.64.0.1", "fe80::1", 1), "none of IPv4"},
		{strings.Replace(good, ",100,", ",x,", 1), "not the numbers"}, {"100.64.0.1," + mac1 + ",,100,5,1,0,0,,0,,0\n", "not the numbers"}, {"100.64.0.1\n", "not the numbers"},
		{strings.Replace(good, mac1, "", 1), "whose lease it is"},
		{strings.Replace(good, ",host,0,", ",host,0,{ \"ISC\": { \"relay-agent-info\": 1 } }", 1), "circuit id is left out"},
		{strings.Replace(good, "host", strings.Repeat("h", maxLine), 1), "longer than 65536"}, {strings.Replace(good, "host", strings.Repeat("h", 2000), 1), "hostname is longer"},
	} {
		b := leasesOf(t, Options{}, c.line+good)
		if w := b.Warnings(); len(w) != 1 || w[0].Line != 2 || !strings.Contains(w[0].Msg, c.want) {
			t.Errorf("%.60s: warnings %v, want %s", c.line, w, c.want)
		}
	}
	if n := leasesOf(t, Options{}, row(mac1, 0, 100, 4)).Counts(); n.Ignored != 1 || n.Leases != 0 {
		t.Errorf("a state of DHCPv6: %+v", n)
	}
	for _, text := range []string{"address,duid,valid_lifetime\n", "a,b,c\n", good} {
		if err := New(Limits{}).ReadLeases(strings.NewReader(text), "l", Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	var text strings.Builder
	text.WriteString(keaHeader)
	for i := range 1000 {
		text.WriteString(strings.Replace(good, "100.64.0.1", fmt.Sprintf("100.64.%d.%d", i/250, i%250), 1))
	}
	if err := New(Limits{Memory: 50000}).ReadLeases(strings.NewReader(text.String()), "l", Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many leases: %v", err)
	}
	if a := New(Limits{}).At("", inside1, time.Time{}, time.Time{}, time.Hour); a.Status != Uncertain || a.Why != NoRecord {
		t.Errorf("an empty book: %v", a)
	}
}
