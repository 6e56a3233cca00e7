package request

import (
	"strings"
	"testing"
)

// TestRealForms reads forms in which notices and logs come.
func TestRealForms(t *testing.T) {
	const six, at = "198.18.0.0:6000", " at 2026-01-10T12:34:56Z"
	const whole, flow = ": " + six + at, ": " + six + " tcp -> 203.0.113.9:443" + at
	const dmca = "Infringer's IP Address: 198.18.0.0\nInfringer's Port: 6000\nInitial Infringement Timestamp: 2026-01-10T12:34:56Z\n"
	const sshd = "2026-01-10T12:34:56.000000+00:00 host sshd[123]: "
	checkAsked(t, []want{
		{dmca, "1" + whole},
		{dmca + "Recent Infringement Timestamp: 2026-01-10T12:34:56Z\n", "1" + whole},
		{dmca + "Recent Infringement Timestamp: 2026-01-11T12:34:56Z\n", "1: unparsable"}, // which is asked for?
		{"Infringer\u2019s IP Address: 198.18.0.0\nInfringer\u2019s Port: 6000\nInfringement Timestamp: 2026-01-10T12:34:56Z\n", "1" + whole},
		{"Adresse IP : 198.18.0.0\nPort source : 6000\nDate : 2026-01-10\nHeure : 12:34:56 UTC\n", "1" + whole},
		{"Adresse IP;Port source;Date et heure (UTC)\n198.18.0.0;6000;2026-01-10 12:34:56\n", "2" + whole},
		{"Indirizzo IP: 198.18.0.0\nPorta sorgente: 6000\nData: 2026-01-10\nOra: 12:34:56\nFuso orario: UTC\n", "1" + whole},
		{"Indirizzo IP;Porta di origine;Porta di destinazione;Data e ora (UTC)\n198.18.0.0;6000;443;2026-01-10 12:34:56\n", "2" + whole},
		{"IP Address,Port,Hit Date (UTC)\n198.18.0.0,6000,2026-01-10 12:34:56\n", "2" + whole},
		{"198.18.0.0/6000 2026-01-10T12:34:56Z\n", "1" + whole},
		{"ip,time\n198.18.0.0/6000,2026-01-10T12:34:56Z\n", "2" + whole},
		{"198.18.0.0/24 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"198.18.0.0/32 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"198.18.0.0/33 2026-01-10T12:34:56Z\n", "1: 198.18.0.0:33" + at},
		{"198.18.0.0/065 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"198.18.0.0/65536 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"198[.]18[.]0[.]0:6000 2026-01-10T12:34:56Z\n", "1" + whole},
		{"198.18.0[.]0 port 6000 2026-01-10T12:34:56Z\n", "1" + whole},
		{"ip,port,time\n198(.)18(.)0(.)0,6000,2026-01-10T12:34:56Z\n", "2" + whole},
		{"IP: 198[dot]18[dot]0[dot]0\nPort: 6000\nTime: 2026-01-10T12:34:56Z\n", "1" + whole},
		{`{"ip":"198[.]18[.]0[.]0","port":6000,"time":"2026-01-10T12:34:56Z"}`, "1" + whole},
		{"198[.]18[.]0[.]0/24 2026-01-10T12:34:56Z\n", "1: invalid address"},
		{"# 198[.]18[.]0[.]1:6000 2026-01-10T12:34:56Z\n198.18.0.0:6000 2026-01-10T12:34:56Z\n", "1: unparsable\n2" + whole},
		{"frame.time_epoch,ip.src,tcp.srcport,udp.srcport,ip.dst,tcp.dstport,udp.dstport,ip.proto\n1768048496,198.18.0.0,6000,,203.0.113.9,443,,6\n", "2" + flow},
		{"frame.time_epoch\tip.src\ttcp.srcport\tip.dst\ttcp.dstport\tip.proto\n1768048496\t198.18.0.0\t6000\t203.0.113.9\t443\t6\n", "2" + flow},
		{`{"ts":1768048496,"uid":"C1","id.orig_h":"198.18.0.0","id.orig_p":6000,"id.resp_h":"203.0.113.9","id.resp_p":443,"proto":"tcp","local_orig":true}`, "1" + flow},
		{sshd + "Failed password for root from 198.18.0.0 port 6000 ssh2\n", "1" + whole},
		{sshd + "Failed password for invalid user admin from 198.18.0.0 port 6000 ssh2\n", "1" + whole},
		{sshd + "Connection closed by 198.18.0.0 port 6000 [preauth]\n", "1" + whole},
		{"2026-01-10T09:34:56-03:00 sshd-session[9]: Invalid user a from 198.18.0.0 port 6000\n", "1" + whole},
		// The name of a user may look like anything.
		{sshd + "Failed password for invalid user 198.18.0.9 port 7000 from 198.18.0.0 port 6000 ssh2\n", "1: invalid address"},
		{sshd + "Failed password for invalid user port from 198.18.0.0 port 6000 ssh2\n", "1: invalid port"},
	})
	checkAskedWith(t, Options{Zone: location(t, "Asia/Tashkent")}, []want{{"2026-01-10T12:34:56 host sshd[123]: Failed password for root from 198.18.0.0 port 6000 ssh2\n", "1: ambiguous time zone"}}) // nothing says whose clock it is
	for text, packet := range map[string]bool{
		`{"ts":1768048496,"id.orig_h":"198.18.0.0","id.orig_p":6000,"id.resp_h":"203.0.113.9","id.resp_p":443}`: true,
		"frame.time_epoch,ip.src,tcp.srcport,ip.dst,tcp.dstport\n1768048496,198.18.0.0,6000,203.0.113.9,443\n":  true,
		dmca: false,
	} {
		if got := firstOf(t, text); got.Err != nil || got.Packet != packet {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// TestFeedbackReports reads mails with a feedback report (RFC 5965), of which the mail that it is about is evidence.
func TestFeedbackReports(t *testing.T) {
	mail := func(kind, report string) string {
		return "From: a@example\nTo: b@example\nSubject: abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nThis is an abuse report.\n" +
			"--b\nContent-Type: " + kind + "\n\nFeedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <spammer@example.net>\n" + report +
			"--b\nContent-Type: message/rfc822\n\nFrom: x@example\nSubject: y\n\n198.18.0.9:7000 2026-01-10T12:34:56Z\n--b--\n"
	}
	const arf, source = "message/feedback-report", "Source-IP: 198.18.0.0\nSource-Port: 6000\n"
	for text, want := range map[string]string{
		mail(arf, source+"Arrival-Date: Sat, 10 Jan 2026 12:34:56 +0000\n"):                                                 ": 198.18.0.0:6000 at 2026-01-10T12:34:56Z",
		mail(arf, source+"Arrival-Date: Sat, 10 Jan 2026 12:34:56 EST\n"):                                                   ": ambiguous time zone",
		mail(arf, "Arrival-Date: Sat, 10 Jan 2026 12:34:56 +0000\nSource-IP: 198.18.0.0\n"):                                 ": 198.18.0.0 at 2026-01-10T12:34:56Z",
		mail(arf, source+"Arrival-Date: Sat, 10 Jan 2026 12:34:56 +0000\nReceived-Date: Sat, 10 Jan 2026 12:35:56 +0000\n"): ": unparsable",
	} {
		if got := askedOf(t, text, Options{}); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 0 {
			t.Errorf("%q: %s", text, got)
		}
	}
	if got := askedOf(t, mail("message/delivery-status", source+"Arrival-Date: Sat, 10 Jan 2026 12:34:56 +0000\n"), Options{}); strings.Contains(got, "198.18.0.0:6000 at") {
		t.Errorf("a mail that was not delivered: %s", got)
	}
}
