package request

import (
	"strings"
	"testing"
)

// TestCounters checks that a heading which counts rows is seen as one, though it begins like a comment.
func TestCounters(t *testing.T) {
	const none, six = "198.18.0.0 at 2026-01-10T12:34:56Z", "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	const row = "198.18.0.0,2026-01-10T12:34:56Z\n"
	checkAsked(t, []want{
		{"#,ip,time\n1500," + row, "2: " + none},
		{"#;ip;time\n1500;198.18.0.0;2026-01-10T12:34:56Z\n", "2: " + none},
		{"# ,IP,Time\n1500," + row, "2: " + none},
		{"#\tip\ttime\n1500\t198.18.0.0\t2026-01-10T12:34:56Z\n", "2: " + none},
		{"\"#\",ip,time\n1500," + row, "2: " + none},
		{"no,ip,time\n1500," + row, "2: " + none},
		{"#no,ip,time\n1500," + row, "2: " + none},
		{"# Nr.,ip,time\n1500," + row, "2: " + none},
		{"id,ip,time\n1500," + row, "2: " + none},
		{"#,ip,port,time\n1,198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: " + six},
		{"# list of today\n\n#,ip,time\n1500," + row, "4: " + none},
		{"#ip,dst_port,time\n198.18.0.0,443,2026-01-10T12:34:56Z\n", "2: " + none},
		{"# ip, port, time\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: " + six},
		{"# ip, time\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: invalid port"}, // another number of columns: which is that of the number?
		{"ip,port,time\n198.18.0.0,6000,2026-01-10T12:34:56Z\n#,ip,time\n1500," + row, "2: " + six + "\n4: " + none},
		{"#ip,port,time\n198.18.0.0,6000,2026-01-10T12:34:56Z\n#ip,dst_port,time\n198.18.0.0,443,2026-01-10T12:34:56Z\n", "2: " + six + "\n4: " + none},
		{"Subject: x\n\n#,ip,time\n1500," + row, "2: " + none},
	})
}

// TestBarePort checks that a port which could be the destination's is not asked about.
func TestBarePort(t *testing.T) {
	const at = " at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"src_ip,dst_ip,port,time\n198.18.0.0,203.0.113.9,8080,2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"src_ip,dst_ip,porta,time\n198.18.0.0,-,8080,2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"src_ip,dst_ip,port,time\n198.18.0.0,203.0.113.9,-,2026-01-10T12:34:56Z\n", "2: 198.18.0.0 -> 203.0.113.9:0" + at},
		{"src_ip,dst_ip,port,time\n198.18.0.0:6000,203.0.113.9,6000,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		{"src_ip,dst_ip,port,time\n198.18.0.0:6000,203.0.113.9,8080,2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"src_ip,port,dst_ip,dst_port,time\n198.18.0.0,6000,203.0.113.9,8080,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 -> 203.0.113.9:8080" + at},
		{"src_ip,src_port,dst_ip,port,time\n198.18.0.0,6000,203.0.113.9,8080,2026-01-10T12:34:56Z\n", "2: unparsable"},
		{"src_ip,src_port,dst_ip,port,time\n198.18.0.0,6000,203.0.113.9,-,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		{"src_ip,src_port,dst_ip,time\n198.18.0.0,6000,203.0.113.9,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		{"ip,port,dst,time\n198.18.0.0,6000,203.0.113.9:443,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 -> 203.0.113.9:443" + at},
		{"ip,port,dst,time\n198.18.0.0,443,203.0.113.9:443,2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"2026-01-10T12:34:56Z src=198.18.0.0 dst=203.0.113.9 port=8080\n", "1: invalid port"},
		{"2026-01-10T12:34:56Z src=198.18.0.0:6000 dst=203.0.113.9:443\n", "1: 198.18.0.0:6000 -> 203.0.113.9:443" + at},
		{`{"src_ip":"198.18.0.0","dst_ip":"203.0.113.9","port":8080,"time":"2026-01-10T12:34:56Z"}`, "1: invalid port"},
		{`{"port":8080,"src_ip":"198.18.0.0","dst_ip":"203.0.113.9","time":"2026-01-10T12:34:56Z"}`, "1: invalid port"},
		{`{"src":{"ip":"198.18.0.0","port":6000},"dst":{"ip":"203.0.113.9"},"time":"2026-01-10T12:34:56Z"}`, "1: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		// A table without a destination has only one port.
		{"ip,port,time\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000" + at},
	})
}

// TestSameRole checks that values of one role that differ are refused, and that the same value twice is fine.
func TestSameRole(t *testing.T) {
	const at = " at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"ip,src_ip,time\n198.18.0.0,198.18.0.0,2026-01-10T12:34:56Z\n", "2: 198.18.0.0" + at},
		{"ip,src_ip,time\n198.18.0.0,198.18.0.1,2026-01-10T12:34:56Z\n", "2: unparsable"},
		{"ip,proto,protocol,time\n198.18.0.0,TCP,6,2026-01-10T12:34:56Z\n", "2: 198.18.0.0 tcp" + at},
		{"ip,proto,protocol,time\n198.18.0.0,tcp,udp,2026-01-10T12:34:56Z\n", "2: unparsable"},
		{"ip,dst,dst_port,time\n198.18.0.0,203.0.113.9:443,443,2026-01-10T12:34:56Z\n", "2: 198.18.0.0 -> 203.0.113.9:443" + at},
		{"ip,dst,dst_port,time\n198.18.0.0,203.0.113.9:443,80,2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"ip,timestamp (utc),timestamp\n198.18.0.0,2026-01-10 12:34:56,2026-01-10 12:34:56\n", "2: ambiguous time zone"},
		{"ip,timestamp,timestamp (utc)\n198.18.0.0,2026-01-10 12:34:56,2026-01-10 12:34:56\n", "2: ambiguous time zone"},
		{"ip,timestamp (utc),timestamp\n198.18.0.0,2026-01-10T12:34:56Z,2026-01-10T12:34:56Z\n", "2: 198.18.0.0" + at},
		{"IP: 198.18.0.0 (203.0.113.9)\nTime: 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"IP: 198.18.0.0 (198.18.0.0)\nTime: 2026-01-10T12:34:56Z\n", "1: 198.18.0.0" + at},
		{"IP: 198.18.0.0 (port 6001)\nPort: 6000\nTime: 2026-01-10T12:34:56Z\n", "1: unparsable"},
	})
}

// TestQuotedLines checks that no line of a quoted value is a request of its own, and that rows behind it are read again.
func TestQuotedLines(t *testing.T) {
	const head, none = "ip,port,time,note\n", "unparsable"
	const six, seven = "198.18.0.0,6000,2026-01-10T12:34:56Z", "198.18.0.9,7000,2026-01-10T12:34:56Z"
	const answered = "198.18.0.9:7000 at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{head + six + ",\"quoted mail:\n" + seven + ",x\n\"\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n5: " + answered},
		{head + six + ",\"a\n\n# " + seven + "\n\"\n" + seven + ",y\n", "2: " + none + "\n4: " + none + "\n6: " + answered},
		{head + six + ",\"a\n# b\"\n" + seven + ",y\n", "2: " + none + "\n4: " + answered},
		{head + six + ",\"say \"\"a\n" + seven + ",\"\"b\"\"\n\"\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n5: " + answered},
		{head + six + ",\"a\n" + seven + "\",\"b\n" + seven + "\"\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n4: " + none + "\n5: " + answered},
		{head + "\"a\n" + seven + "\"," + six + "\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n4: " + answered},
		{"ip;port;time;note\n198.18.0.0;6000;2026-01-10T12:34:56Z;\"a\n198.18.0.9;7000;2026-01-10T12:34:56Z;x\"\n198.18.0.9;7000;2026-01-10T12:34:56Z;y\n",
			"2: " + none + "\n3: " + none + "\n4: " + answered},
		// Without a heading, and in a mail.
		{seven + "\n" + six + ",\"a\n" + seven + ",x\n\"\n" + seven + "\n", "1: " + answered + "\n2: " + none + "\n3: " + none + "\n5: " + answered},
		{"Subject: x\n\n" + head + six + ",\"a\n" + seven + ",x\nb\"\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n5: " + answered},
		// A quote that nothing ends, or that ends badly, leaves nothing that could be a request without saying so.
		{head + six + ",\"a\n" + seven + ",x\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n4: " + none},
		{head + six + ",\"a\n" + seven + ",\"good\"\n" + seven + ",y\n", "2: " + none + "\n3: " + none + "\n4: " + none},
		{head + seven + ",12\" pipe\n" + seven + ",y\n", "2: " + answered + "\n3: " + answered},
	})
}

// TestFlowTables reads tables of flow tools, in which the time of a flow is its start and how long it took.
func TestFlowTables(t *testing.T) {
	const head, ends = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows\n", ",TCP,198.18.0.0,6000,203.0.113.9,443,1,60,0,60,1\n"
	const flow = "198.18.0.0:6000 tcp -> 203.0.113.9:443"
	checkAskedWith(t, Options{Zone: location(t, "UTC")}, []want{
		{head + "2026-01-10 12:34:56.000,0.456" + ends, "2: " + flow + " at 2026-01-10T12:34:56Z until 2026-01-10T12:34:56.457Z"},
		{head + "2026-01-10 12:34:56.000,00:00:03.000" + ends, "2: " + flow + " at 2026-01-10T12:34:56Z until 2026-01-10T12:34:59.001Z"},
		{head + "2026-01-10 12:34:56.000,0.000" + ends, "2: " + flow + " at 2026-01-10T12:34:56Z"},
		{head + "2026-01-10 12:34:56.000,soon" + ends, "2: invalid time"},
		{head + "2026-01-10 12:34:56.000,-" + ends, "2: invalid time"}, // a start and no end
		{"StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,State\n2026-01-10 12:34:56, e,tcp,198.18.0.0,6000,->,203.0.113.9,443,3,CON\n", "2: " + flow + " at 2026-01-10T12:34:56Z"},
		{"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport\n2026-01-10 12:34:56,2.5,tcp,198.18.0.0,6000,->,203.0.113.9,443\n", "2: " + flow + " at 2026-01-10T12:34:56Z until 2026-01-10T12:34:59.5Z"},
		{"StartTime,LastTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport\n2026-01-10 12:34:56,2026-01-10 12:34:58,tcp,198.18.0.0,6000,->,203.0.113.9,443\n", "2: " + flow + " at 2026-01-10T12:34:56Z until 2026-01-10T12:34:59Z"},
		{"StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport\n12:34:56,tcp,198.18.0.0,6000,->,203.0.113.9,443\n", "2: invalid time"},
		// Elsewhere a start alone may be that of an interval whose end is missing, and the unit of a duration is not known.
		{"ip,port,start\n198.18.0.0,6000,2026-01-10 12:34:56\n", "2: invalid time"},
		{"ip,port,start,duration\n198.18.0.0,6000,2026-01-10 12:34:56,3\n", "2: invalid time"},
	})
}

// TestFlowTablesArePackets checks that rows of flow tools are known as flows, of which both ends may be asked about, and others are not.
func TestFlowTablesArePackets(t *testing.T) {
	for text, want := range map[string]bool{
		"ts,te,pr,sa,sp,da,dp\n2026-01-10T12:34:56Z,2026-01-10T12:34:57Z,TCP,198.18.0.0,6000,203.0.113.9,443\n":                true,
		"firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort\n2026-01-10T12:34:56Z,1,6,198.18.0.0,6000,203.0.113.9,443\n": true,
		"time,src_ip,src_port,dst_ip,dst_port\n2026-01-10T12:34:56Z,198.18.0.0,6000,203.0.113.9,443\n":                         false,
	} {
		if got := firstOf(t, text); got.Err != nil || got.Packet != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// firstOf returns the one request of a text.
func firstOf(t *testing.T, text string) Request {
	t.Helper()
	got, err := read(t, strings.NewReader(text), Options{})
	if err != nil || len(got) != 1 {
		t.Fatalf("%q: %+v, %v", text, got, err)
	}
	return got[0]
}

// TestSecondTable checks that rows below a second heading that is not understood are not read by the columns of the first.
func TestSecondTable(t *testing.T) {
	const first = "ip,source port,time (UTC)\n198.18.0.9,6000,2026-02-01 05:30:00\n"
	const asked = "2: 198.18.0.9:6000 at 2026-02-01T05:30:00Z"
	for heading, row := range map[string]string{
		"host,porta,hora local":          "198.18.0.0,6000,2026-02-01 02:30:00",
		"ip,hits,last_seen":              "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"src,dpt,seen":                   "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"attacker,attacked port,at last": "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"Angreifer;Ziel;gesehen":         "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"host,last seen":                 "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"host,port,time (UTC-3)":         "198.18.0.0,6000,2026-02-01 02:30:00",
		"cliente,porta,data/hora UTC-03": "198.18.0.0,6000,2026-02-01 02:30:00",
		"attacker,hits (24h),last seen":  "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"Address 1,Hits 24h,Last seen":   "198.18.0.0,2222,2026-02-01T05:30:00Z",
		"Host;Zuletzt":                   "198.18.0.0;2026-02-01T05:30:00Z",
	} {
		for _, gap := range []string{"", "\n"} {
			for _, mail := range []string{"", "From: a@example\n\n"} {
				got := askedOf(t, mail+first+gap+heading+"\n"+row+"\n"+row+"\n", Options{})
				if strings.Contains(got, "198.18.0.0") || !strings.Contains(got, asked) || strings.Count(got, "unparsable") < 2 {
					t.Errorf("%s: %s", heading, got)
				}
			}
		}
		if got := askedOf(t, first+heading+"\n"+row+"\n"+first, Options{}); strings.Count(got, "198.18.0.9:6000 at") != 2 {
			t.Errorf("%s, and the first again: %s", heading, got)
		}
	}
	for _, remark := range []string{"n/a,n/a,n/a", "unknown;unknown;unknown", "null,-,none", "?,?,?", "Suspect B, second account", "Investigado: Fulano, Beltrano", "the end of the list", "Total,1", "pc-17,alice,logged in", "AS64500,6000,x", "evil.example.com,6000,2026-02-01 05:30:00", "v2.1,ok,done", ",,", "We ask for the names of those who had the addresses above, all of them, and soon"} {
		if got := askedOf(t, first+remark+"\n"+strings.SplitAfter(first, "\n")[1], Options{}); strings.Count(got, "198.18.0.9:6000 at") != 2 {
			t.Errorf("%s: %s", remark, got)
		}
	}
}

// TestSecondHeadingComment writes the heading of a second table, which is not understood, as a comment: rows below it are not read by the first one.
func TestSecondHeadingComment(t *testing.T) {
	const first = "ip,port,time\n198.18.0.9,7000,2026-02-01T05:30:00Z\n"
	for _, names := range []string{"ADRESSE,ZUGRIFFE,LAST", "Peer address, Size, Last", "OFFENDER,CONN,TIME", "Host;Treffer;Zuletzt"} {
		for _, gap := range []string{"", "\n", "\n\n"} {
			for _, mark := range []string{"", "# ", "#", "## "} {
				text := first + gap + mark + names + "\n198.18.0.0,2222,2026-02-01T05:30:00Z\n"
				if isPortAsked(t, text, 2222) || isPortAsked(t, "Subject: x\n\n"+text, 2222) {
					t.Errorf("%q is answered", text)
				}
			}
		}
	}
	for _, comment := range []string{"# end of page 1", "# all times are UTC", "#", "# total, 2"} {
		if text := first + comment + "\n198.18.0.0,6000,2026-02-01T05:30:00Z\n"; !isPortAsked(t, text, 6000) {
			t.Errorf("%q is refused", text)
		}
	}
}
