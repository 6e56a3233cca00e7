package flowlog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// show writes a flow in one line.
func show(f Flow) string {
	const layout = "15:04:05.999"
	slack := func(sign string, d time.Duration) string {
		if d == 0 {
			return ""
		}
		return fmt.Sprintf("(%s%.6g)", sign, d.Seconds())
	}
	s := fmt.Sprintf("%d: %s%s-%s%s %d %v > %v", f.Line, f.From.Format(layout), slack("-", f.Before), f.To.Format(layout), slack("+", f.After), f.Protocol, f.Source, f.Destination)
	if f.Outside.IsValid() {
		s += " as " + f.Outside.String()
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{{f.Earlier, " earlier"}, {f.Later, " later"}, {f.Vague, " vague"}} {
		if flag.on {
			s += flag.name
		}
	}
	return s
}

func readAll(tb testing.TB, text string, o Options) (*Reader, []string) {
	tb.Helper()
	d, err := NewReader(strings.NewReader(text), o)
	if err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	var out []string
	for f := range d.Flows() {
		out = append(out, show(f))
	}
	if d.Err() != nil {
		tb.Fatalf("%v\n%s", d.Err(), text)
	}
	return d, out
}

const nfdump16 = "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc,mpls1,mpls2,mpls3,mpls4,mpls5,mpls6,mpls7,mpls8,mpls9,mpls10,cl,sl,al,ra,eng,exid,tr\n"

func TestFormats(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	isInside := netip.MustParsePrefix("100.64.0.0/10").Contains
	utc := Options{Zone: time.UTC}
	for _, c := range []struct {
		name, text string
		opts       Options
		want       []string
	}{
		{"nfdump 1.6", nfdump16 + "2026-03-01 12:34:50,2026-03-01 12:34:56,6.123,100.64.0.2,203.0.113.9,40000,443,TCP,.AP.SF,0,0,10,1200,0,0,1,2,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:00:00:00:00:00,0,0,0,0-0-0,0-0-0,0,0,0,0,0,0,0,0, 0.000, 0.000, 0.000,0.0.0.0,0/0,1,1970-01-01 01:00:00.000\n" +
			"2026-03-01 12:34:50,2026-03-01 12:34:50,0.000,100.64.0.2,203.0.113.9,0,8.0,ICMP," + strings.Repeat("0,", 39) + "0\nSummary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,1284,11,0,0,0\n",
			utc, []string{"2: 12:34:50.877(-0.878)-12:34:56.122(+0.878) 6 100.64.0.2:40000 > 203.0.113.9:443", "3: 12:34:50-12:34:50.999 1 100.64.0.2:0 > 203.0.113.9:0 vague"}},
		{"nfdump 1.7", "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows\n2026-03-01 12:34:50.250,6.500,TCP,100.64.0.2,40000,203.0.113.9,443,10,1200,1,120,1\n2026-03-01 12:34:51.000,0.000,17,2001:db8::2,40000,2001:db8::9,53,1,60,0,60,1\n",
			utc, []string{"2: 12:34:50.25-12:34:56.75 6 100.64.0.2:40000 > 203.0.113.9:443", "3: 12:34:51-12:34:51 17 [2001:db8::2]:40000 > [2001:db8::9]:53"}},
		{"nfdump 1.7, another zone", "firstSeen,lastSeen,srcAddr,dstAddr\r\n2026-03-01 13:00:00.000,2026-03-01 13:00:01.000,100.64.0.2,203.0.113.9\r\n2026-10-25 02:30:00.000,2026-10-25 02:30:05.000,100.64.0.2,203.0.113.9\n", Options{Zone: berlin},
			[]string{"2: 12:00:00-12:00:01 0 100.64.0.2:0 > 203.0.113.9:0", "3: 00:30:00-01:30:05 0 100.64.0.2:0 > 203.0.113.9:0 vague"}},
		{"NAT columns", "firstSeen,lastSeen,event,proto,srcAddr,srcPort,dstAddr,dstPort,srcXIP,srcXPort,dstXIP,dstXPort\n" +
			"2026-03-01 12:00:00.000,2026-03-01 12:00:00.000,CREATE,UDP,100.64.0.2,40000,203.0.113.9,53,198.18.0.0,6000,203.0.113.9,53\n" +
			"2026-03-01 12:00:09.000,2026-03-01 12:00:09.000,DELETE,UDP,100.64.0.2,40000,203.0.113.9,53,198.18.0.0,6000,203.0.113.9,53\n" +
			"2026-03-01 12:00:00.000,2026-03-01 12:00:09.000,ADD,UDP,203.0.113.9,53,198.18.0.0,6000,203.0.113.9,53,100.64.0.2,40000\n" +
			"2026-03-01 12:00:00.000,2026-03-01 12:00:00.000,DENIED,UDP,100.64.0.3,1,203.0.113.9,53,0.0.0.0,0,0.0.0.0,0\n" +
			"2026-03-01 12:00:00.000,2026-03-01 12:00:01.000,,UDP,100.64.0.3,1,203.0.113.9,53,0.0.0.0,0,0.0.0.0,0\n", utc,
			[]string{"2: 12:00:00-12:00:00 17 100.64.0.2:40000 > 203.0.113.9:53 as 198.18.0.0:6000 later", "3: 12:00:09-12:00:09 17 100.64.0.2:40000 > 203.0.113.9:53 as 198.18.0.0:6000 earlier",
				"4: 12:00:00-12:00:09 17 100.64.0.2:40000 > 203.0.113.9:53 as 198.18.0.0:6000 later", "6: 12:00:00-12:00:01 17 100.64.0.3:1 > 203.0.113.9:53"}},
		{"NAT events without times of flows", "tevt,evt,pr,sa,sp,da,dp,nsa,nsp\n2026-03-01 12:00:00.500,ADD,TCP,100.64.0.2,40000,203.0.113.9,443,198.18.0.0,6000\n", utc, []string{"2: 12:00:00.5-12:00:00.5 6 100.64.0.2:40000 > 203.0.113.9:443 as 198.18.0.0:6000 later"}},
		{"csv-fast", "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes\n1,2,1772366400250,1772366401000,6,100.64.0.2,40000,203.0.113.9,443,0,0,1,2,...AP.SF,0,10,1200\n",
			Options{}, []string{"2: 12:00:00.25-12:00:01 6 100.64.0.2:40000 > 203.0.113.9:443"}},
		{"two files", "ts,te,sa,da\n2026-03-01 12:00:00,2026-03-01 12:00:01,100.64.0.2,203.0.113.9\nSummary\nflows\n1\nts,te,da,sa\n2026-03-01 12:00:00,2026-03-01 12:00:01,203.0.113.9,100.64.0.3\nNo matching flows\n", utc,
			[]string{"2: 12:00:00.999(-1)-12:00:01(+1) 0 100.64.0.2:0 > 203.0.113.9:0", "7: 12:00:00.999(-1)-12:00:01(+1) 0 100.64.0.3:0 > 203.0.113.9:0"}},
		{"the way back", "ts,te,sa,da,sp,dp,pr\n2026-03-01 12:00:00,2026-03-01 12:00:01,203.0.113.9,100.64.0.2,443,40000,TCP\n", Options{Zone: time.UTC, Inside: isInside}, []string{"2: 12:00:00.999(-1)-12:00:01(+1) 6 100.64.0.2:40000 > 203.0.113.9:443"}},
		{"conntrack -E", "[1772366400.123456]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000 id=1241275342\n" +
			"[1772366401.000000]\t [UPDATE] ipv4     2 tcp      6 60 SYN_RECV src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000\n" +
			"[1772366410.500000]\t[DESTROY] ipv4     2 tcp      6 120 CLOSE src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 packets=1 bytes=60 src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000 packets=1 bytes=40 [ASSURED] delta-time=10 id=1241275342 [USERSPACE] portid=2959006528\n" +
			"[1772366410.600000]\t[DESTROY] udp      17 src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=53 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 sport=53 dport=6001\n" +
			"[1772366411.000000]\t    [NEW] icmp     1 30 src=100.64.0.2 dst=203.0.113.9 type=8 code=0 id=77 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 type=0 code=0 id=6002 id=4000000000\n" +
			"[1772366412.000000]\t    [NEW] tcp      6 120 SYN_SENT src=203.0.113.9 dst=198.18.0.0 sport=5555 dport=8080 [UNREPLIED] src=100.64.0.2 dst=203.0.113.9 sport=80 dport=5555\n" +
			"[1772366413.000000]\t    [NEW] unknown  99 600 src=100.64.0.2 dst=203.0.113.9 [UNREPLIED] src=203.0.113.9 dst=100.64.0.2\nconntrack v1.4.7 (conntrack-tools): 7 flow events have been shown.\n", Options{},
			[]string{"1: 12:00:00.123(-1)-12:00:00.123 6 100.64.0.2:40000 > 203.0.113.9:443 as 198.18.0.0:6000 later", "2: 12:00:01-12:00:01 6 100.64.0.2:40000 > 203.0.113.9:443 as 198.18.0.0:6000 earlier later",
				"3: 11:57:59.5-12:00:10.5 6 100.64.0.2:40000 > 203.0.113.9:443 as 198.18.0.0:6000 vague", "4: 11:58:10.6-12:00:10.6 17 100.64.0.2:40000 > 203.0.113.9:53 as 198.18.0.0:6001 earlier vague",
				"5: 12:00:11(-1)-12:00:11 1 100.64.0.2:77 > 203.0.113.9:0 as 198.18.0.0:6002 later", "6: 12:00:12(-1)-12:00:12 6 100.64.0.2:80 > 203.0.113.9:5555 as 198.18.0.0:8080 later",
				"7: 12:00:13(-1)-12:00:13 99 100.64.0.2:0 > 203.0.113.9:0 as 100.64.0.2:0 later"}},
		{"conntrack -L", "conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.\nipv4     2 udp      17 28 src=100.64.0.2 dst=203.0.113.9 sport=58157 dport=53 packets=1 bytes=30 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 sport=53 dport=6047 packets=0 bytes=0 mark=0 delta-time=1 use=1\n" +
			"tcp      6 431999 ESTABLISHED src=100.64.0.2 dst=203.0.113.9 sport=1 dport=443 src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000 [ASSURED] mark=0 use=1\n", Options{Taken: noon},
			[]string{"2: 11:59:59(-1)-12:00:00 17 100.64.0.2:58157 > 203.0.113.9:53 as 198.18.0.0:6047 later", "3: 12:00:00-12:00:00 6 100.64.0.2:1 > 203.0.113.9:443 as 198.18.0.0:6000 earlier later"}},
		{"conntrack -L -o ktimestamp", "udp      17 28 src=100.64.0.2 dst=203.0.113.9 sport=1 dport=53 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 sport=53 dport=6047 mark=0 delta-time=1 [start=Sun Mar  1 12:56:10 2026] use=1\n", Options{Taken: noon, Zone: berlin},
			[]string{"1: 11:56:10.999(-1)-12:00:00 17 100.64.0.2:1 > 203.0.113.9:53 as 198.18.0.0:6047 later"}},
		{"empty", "\n \n", Options{}, nil},
	} {
		d, got := readAll(t, c.text, c.opts)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
		if bad, n := d.Bad(); n > 0 {
			t.Errorf("%s: %v", c.name, bad)
		}
		if flows, _ := d.Counts(); flows != len(c.want) {
			t.Errorf("%s: %d flows are counted", c.name, flows)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, got := readAll(t, packed.String(), c.opts); !slices.Equal(got, c.want) {
			t.Errorf("%s, compressed: %q", c.name, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{nfdump16, ErrNoZone}, {"firstSeen,srcAddr,dstAddr\n", ErrNoZone},
		{"tcp 6 431999 ESTABLISHED src=100.64.0.2 dst=203.0.113.9 sport=1 dport=2 src=203.0.113.9 dst=198.18.0.0 sport=2 dport=3\n", ErrNoTime},
		{"tcp 6 431999 ESTABLISHED src=100.64.0.2 dst=203.0.113.9 sport=1 dport=2 src=203.0.113.9 dst=198.18.0.0 sport=2 dport=3 [start=Sun Mar  1 12:56:10 2026]\n", ErrNoZone},
		{"hello\x1b[31m\n", ErrFormat}, {"a,b,c\n", ErrFormat}, {"\x0c\xa5\x01\x00", ErrFormat}, {"BZh9", ErrFormat}, {"\x1f\x8bxx", ErrRead},
	} {
		_, err := NewReader(strings.NewReader(c.text), Options{})
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%.20q: %v, want %v", c.text, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := NewReader(iotest.ErrReader(broken), Options{}); !errors.Is(err, ErrRead) || !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	d, err := NewReader(strings.NewReader(strings.Repeat(nfdump16, 3)), Options{Zone: time.UTC, Bytes: int64(2 * len(nfdump16))})
	if err != nil {
		t.Fatal(err)
	}
	for range d.Flows() {
		t.Error("a header is a flow")
	}
	if !errors.Is(d.Err(), ErrTooLarge) {
		t.Errorf("too much: %v", d.Err())
	}
}

func TestBad(t *testing.T) {
	const nf, good = "firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort\n", "2026-03-01 12:00:00,2026-03-01 12:00:01,TCP,100.64.0.2,1,203.0.113.9,2\n"
	const ct = "[1772366400.1]\t[NEW] tcp 6 120 SYN_SENT src=100.64.0.2 dst=203.0.113.9 sport=1 dport=2 src=203.0.113.9 dst=198.18.0.0 sport=2 dport=3\n"
	const nat, told = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,srcXIP,srcXPort\n", "2026-03-01 12:00:00.000,1.500,TCP,100.64.0.2,1,203.0.113.9,2,198.18.0.0,6000\n"
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ good, from, to, want string }{
		{nf + good, "TCP", "QUIC", "protocol"}, {nf + good, "100.64.0.2", "100.64.0.256", "source"}, {nf + good, "100.64.0.2", "100.64.0", "source"}, {nf + good, "100.64.0.2", "100.064.0.2", "source"}, {nf + good, "100.64.0.2", "fe80::1%eth0", "source"},
		{nf + good, ",2\n", ",65536\n", "destination"}, {nf + good, ",203", ",x203", "destination"}, {nf + good, "12:00:00", "12:60:00", "times"}, {nf + good, "12:00:00", "12:00:02", "times"}, {nf + good, "2026-03-01 12:00:00", "0000-00-00 00:00:00.000", "times"},
		{nf + good, "2026-03-01 12:00:00", "2026-03-29 02:30:00", "times"}, {nf + good, good, "2026\n", "columns"}, {nf + good, ",2\n", "\n", "columns"}, {nf + good, ",2\n", ",2,3\n", "columns"}, {nf + good, ",2\n", ",\n", "destination"}, {nf + good, ".2,1,", ".2,,", "source"},
		{nf + good, "2026-03-01 12:00:01", "in a while", "times"}, {nf + good, "2026-03-01 12:00:00", "yesterday", "times"},
		{nat + told, "198.18.0.0", "198.18.0", "translated"}, {nat + told, "6000", "", "translated"}, {nat + told, "6000", "x", "translated"}, {nat + told, "1.500", "00:00:01.500", "times"},
		{ct, "[1772366400.1]\t", "", "no time"}, {ct, "tcp 6", "tcp x", "protocol"}, {ct, "sport=1", "sport=x", "none"}, {ct, "[NEW]", "[NEW", "bracket"}, {ct, "[NEW]", "[new]", "brackets"}, {ct, "src=203.0.113.9 dst", "dst", "two directions"},
		{ct, "dport=3", "dport=3 src=1.1.1.1", "wrong place"}, {ct, "dport=3", "dport=3 delta-time=-1", "none"}, {ct, "dport=3", "dport=3 [start=x]", "no time"}, {ct, "dport=3", "dport=3 [start=Mon", "no time"}, {ct, "6 120", "6 120 sport=7", "wrong place"},
		{ct, "dport=3", strings.Repeat("x", 65536), "longer"},
	} {
		bad := strings.Replace(c.good, c.from, c.to, 1)
		head, line, _ := strings.Cut(c.good, "\n")
		if head += "\n"; line == "" {
			head, line = "", ct
		}
		d, got := readAll(t, head+line+strings.TrimPrefix(bad, head)+line, Options{Zone: berlin})
		list, n := d.Bad()
		if n != 1 || len(list) != 1 || !strings.Contains(list[0].Msg, c.want) || len(got) != 2 || list[0].Line == 0 {
			t.Errorf("%.80q: %v, %d bad of line %v; want %s", bad, got, n, list, c.want)
		}
	}
	d, _ := readAll(t, nf+strings.Repeat("\x1b[31m,\n", 300), Options{Zone: time.UTC})
	if list, n := d.Bad(); n != 300 || len(list) != maxBad || strings.Contains(list[0].String(), "\x1b") {
		t.Errorf("%d bad records, %d kept, the first %q", n, len(list), list[0])
	}
}

// TestCut cuts logs off at every byte, as a copy of a file is that is being written. What is left of a record is never taken for one.
func TestCut(t *testing.T) {
	for _, c := range []struct{ head, line string }{
		{"firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort\n", "2026-03-01 12:00:00.000,2026-03-01 12:00:01.000,TCP,100.64.0.2,40000,203.0.113.90,443\n"},
		{"ts,te,td,sa,da,sp,dp,pr\n", "2026-03-01 12:00:00,2026-03-01 12:00:01,1.500,100.64.0.2,203.0.113.90,40000,443,TCP\n"},
		{"cnt,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes\n", "1,1772366400250,1772366401000,17,100.64.0.2,40000,203.0.113.90,53,10,1200\n"},
		{"tevt,evt,pr,sa,sp,da,dp,nsa,nsp\n", "2026-03-01 12:00:00.500,ADD,TCP,100.64.0.2,40000,203.0.113.90,443,198.18.0.10,60000\n"},
		{"firstSeen,duration,srcAddr,dstAddr,\n", "2026-03-01 12:00:00.000,16.500,100.64.0.2,203.0.113.90\n"},
		{"", "[1772366400.123456]\t    [NEW] tcp      6 120 SYN_SENT src=100.64.0.2 dst=203.0.113.90 sport=40000 dport=443 [UNREPLIED] src=203.0.113.90 dst=198.18.0.10 sport=443 dport=60000 [start=Sun Mar  1 12:00:00 2026]\n"},
	} {
		_, whole := readAll(t, c.head+c.line+c.line, Options{Zone: time.UTC})
		if len(whole) != 2 {
			t.Fatalf("%q: %v", c.line, whole)
		}
		for n := range len(c.line) {
			d, got := readAll(t, c.head+c.line+c.line[:n], Options{Zone: time.UTC})
			if _, bad := d.Bad(); !slices.Equal(got, whole[:1]) || n > 0 && len(strings.TrimSpace(c.line[:n])) > 0 && bad != 1 {
				t.Fatalf("%q: %v, %d bad", c.line[:n], got, bad)
			}
		}
	}
}

// TestOpenEnd reads records that do not say when the flow ended.
func TestOpenEnd(t *testing.T) {
	for _, text := range []string{
		"firstSeen,srcAddr,dstAddr\n2026-03-01 12:00:00.000,100.64.0.2,203.0.113.9\n",
		"firstSeen,lastSeen,srcAddr,dstAddr\n2026-03-01 12:00:00.000,0000-00-00 00:00:00.000,100.64.0.2,203.0.113.9\n",
		"firstSeen,lastSeen,td,srcAddr,dstAddr\n2026-03-01 12:00:00.000,,,100.64.0.2,203.0.113.9\n",
		"cnt,firstSeen,lastSeen,srcAddr,dstAddr\n1,1772366400000,0,100.64.0.2,203.0.113.9\n",
	} {
		if _, got := readAll(t, text, Options{Zone: time.UTC}); !slices.Equal(got, []string{"2: 12:00:00-12:00:00 0 100.64.0.2:0 > 203.0.113.9:0 later"}) {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestAggregated reads a record that nfdump has made of many flows, which differed in their source ports: none of them need have lived at any one instant.
func TestAggregated(t *testing.T) {
	for text, want := range map[string]string{
		"ts,te,td,sa,da,sp,dp,pr\n2026-03-01 12:00:00,2026-03-01 12:00:50,50.000,100.64.0.2,203.0.113.9,0,443,TCP\n": " vague",
		"ts,te,td,sa,da,sp,dp,pr\n2026-03-01 12:00:00,2026-03-01 12:00:50,50.000,100.64.0.2,203.0.113.9,0,0,GRE\n":   "",
	} {
		if _, got := readAll(t, text, Options{Zone: time.UTC}); len(got) != 1 || strings.HasSuffix(got[0], " vague") != (want != "") {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		nfdump16 + "2026-03-01 12:34:50,2026-03-01 12:34:56,6.123,100.64.0.2,203.0.113.9,40000,443,TCP\nSummary\n", "tevt,evt,pr,sa,sp,da,dp,nsa,nsp,nda,ndp\n2026-03-01 12:00:00.500,ADD,TCP,100.64.0.2,40000,203.0.113.9,443,198.18.0.0,6000,::,1\n",
		"cnt,firstSeen,srcAddr,dstAddr\n1,1772366400250,::1,::2\n", "[1772366400.1]\t[DESTROY] ipv4 2 icmp 1 src=100.64.0.2 dst=203.0.113.9 type=8 code=0 id=1 src=203.0.113.9 dst=198.18.0.0 type=0 code=0 id=2 delta-time=9 [start=Sun Mar  1 12:56:10 2026] [stop=Sun Mar  1 12:56:10 2026]",
		"\x1f\x8b\x08\x00", "", "ts,sa,da\n\xff,,\n", "firstSeen,duration,srcAddr,dstAddr\n9999-12-31 23:59:59,253402300799.999999999,1.1.1.1,1.1.1.1\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 16<<10 {
			return
		}
		d, err := NewReader(bytes.NewReader(data), Options{Zone: time.UTC, Taken: noon, Bytes: 1 << 20})
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("a terminal would get %q", err)
			}
			return
		}
		n := 0
		for f := range d.Flows() {
			n++
			if !f.Source.IsValid() || !f.Destination.IsValid() || f.To.Before(f.From) || f.Line < 1 || f.Source.Addr().Is4In6() || f.Destination.Addr().Is4In6() {
				t.Fatalf("flow %+v", f)
			}
			q := Filter{Outside: f.Outside.Addr(), From: f.From, To: f.To, Destination: f.Destination, Protocol: f.Protocol}
			if m := f.Match(q); m != Yes {
				t.Fatalf("%+v does not match itself: %v", f, m)
			}
		}
		bad, total := d.Bad()
		if total < len(bad) || n+total > bytes.Count(data, []byte("\n"))+1 && !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			t.Fatalf("%d flows and %d bad records", n, total)
		}
		for _, b := range bad {
			if strings.ContainsFunc(b.String(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("a terminal would get %q", b)
			}
		}
	})
}
