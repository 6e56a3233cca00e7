package request

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// A question is what a round trip must give back.
type question struct {
	outside     netip.AddrPort
	destination netip.AddrPort
	at          time.Time
	zone        *time.Location
}

func randomQuestion(r *rand.Rand) question {
	endpoint := func() netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(1 + r.IntN(223)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}), uint16(1+r.IntN(65535)))
	}
	return question{
		outside: endpoint(), destination: endpoint(), at: time.Unix(1_100_000_000+r.Int64N(900_000_000), 0).UTC(), zone: time.FixedZone("", (r.IntN(53)-24)*1800),
	}
}

// writers write a question as a line, or a block, of a format.
var writers = []struct {
	name, head, between, tail string
	target                    bool // whether the destination is written
	write                     func(q question) string
}{
	{"plain", "", "\n", "\n", false, func(q question) string { return q.outside.String() + " " + q.at.In(q.zone).Format(time.RFC3339) }},
	{"plain, time first", "", "\n", "\n", false, func(q question) string {
		return fmt.Sprintf("%s %s %d", q.at.In(q.zone).Format("2006-01-02 15:04:05 -0700"), q.outside.Addr(), q.outside.Port())
	}},
	{"plain, time last", "Port\tIP\tTime\r\n", "\r\n", "", false, func(q question) string {
		return fmt.Sprintf("%d\t%s\t%s", q.outside.Port(), q.outside.Addr(), q.at.In(q.zone).Format(time.RFC1123Z))
	}},
	{"plain, epoch", "", "\n", "", true, func(q question) string { return fmt.Sprintf("%d %s -> %s", q.at.Unix(), q.outside, q.destination) }},
	{"block", "", "\n\n", "\n", true, func(q question) string {
		t := q.at.In(q.zone)
		return fmt.Sprintf("IP: %s\nPort: %d\nDate: %s\nTime: %s\nTime zone: UTC%s\nDestination IP: %s\nDestination port: %d",
			q.outside.Addr(), q.outside.Port(), t.Format(time.DateOnly), t.Format(time.TimeOnly), t.Format("-07:00"), q.destination.Addr(), q.destination.Port())
	}},
	{"block, labels again", "Dear colleagues,\r\n\r\n", "\r\n", "", false, func(q question) string {
		return fmt.Sprintf("- Data/Hora: %s\r\n- Porta: %d\r\n- IP de origem: %s", q.at.In(q.zone).Format("2006-01-02 15:04:05 (UTC-07:00)"), q.outside.Port(), q.outside.Addr())
	}},
	{"csv", "dst;dport;time;port;ip\n", "\n", "\n", true, func(q question) string {
		return fmt.Sprintf("%s;%d;%s;%d;%s", q.destination.Addr(), q.destination.Port(), q.at.Format("20060102T150405Z"), q.outside.Port(), q.outside.Addr())
	}},
	{"csv, columns of their own", "\"Date\",\"Time\",\"TZ\",\"Source IP:Port\",\"Source IP\"\n", "\n", "", false, func(q question) string {
		t := q.at.In(q.zone)
		return fmt.Sprintf("%s,%s,%s,-,\"%s\"", t.Format(time.DateOnly), t.Format(time.TimeOnly), t.Format("-07:00"), q.outside)
	}},
	{"json", "[", ",\n", "]", true, func(q question) string {
		return fmt.Sprintf(`{"src":{"ip":"%s","port":%d},"dst":{"ip":"%s","port":"%d"},"@timestamp":%d}`, q.outside.Addr(), q.outside.Port(), q.destination.Addr(), q.destination.Port(), q.at.UnixMilli())
	}},
	{"tcpdump", "", "\n", "", true, func(q question) string {
		return fmt.Sprintf("%d.000000 IP %s.%d > %s.%d: Flags [S], length 0", q.at.Unix(), q.outside.Addr(), q.outside.Port(), q.destination.Addr(), q.destination.Port())
	}},
	{"netflow", "", "\n", "", true, func(q question) string {
		return fmt.Sprintf("%s proto=TCP src=%s dst=%s", q.at.In(q.zone).Format(time.RFC3339), q.outside, q.destination)
	}},
	{"clf", "", "\n", "", false, func(q question) string {
		return fmt.Sprintf("%s - - [%s] \"GET / HTTP/1.1\" 200 1", q.outside, q.at.In(q.zone).Format("02/Jan/2006:15:04:05 -0700"))
	}},
	{"acns", "<Infringements>", "\n", "</Infringements>", false, func(q question) string {
		return fmt.Sprintf("<Infringement><Source><TimeStamp>%s</TimeStamp><IP_Address>%s</IP_Address><Port>%d</Port></Source></Infringement>", q.at.Format(time.RFC3339), q.outside.Addr(), q.outside.Port())
	}},
	{"x-arf", "", "\n---\n", "", true, func(q question) string {
		return fmt.Sprintf("Report-Type: x\nSource: %s\nSource-Port: %d\nPort: 22\nDestination: %s\nDestination-Port: %d\nDate: %s", q.outside.Addr(), q.outside.Port(), q.destination.Addr(), q.destination.Port(), q.at.In(q.zone).Format(time.RFC1123Z))
	}},
}

// TestRoundTrip writes random questions in every format, bare and in a mail, and reads them.
func TestRoundTrip(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 2))
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			for range 30 {
				var asked []question
				var lines []string
				for range 1 + r.IntN(20) {
					q := randomQuestion(r)
					asked = append(asked, q)
					lines = append(lines, w.write(q))
				}
				text := w.head + strings.Join(lines, w.between) + w.tail
				compare(t, text, asked, w.target)
				compare(t, "Subject: x\nDate: Mon, 02 Mar 2026 09:00:00 +0100\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte(text)), asked, w.target)
			}
		})
	}
}

func compare(t *testing.T, text string, asked []question, target bool) {
	t.Helper()
	got, err := read(t, strings.NewReader(text), Options{})
	if err != nil || len(got) != len(asked) {
		t.Fatalf("%d of %d questions (%v)\n%s", len(got), len(asked), err, text)
	}
	for i, q := range asked {
		want := netip.AddrPort{}
		if target {
			want = q.destination
		}
		g := got[i]
		if g.Err != nil || g.Outside != q.outside.Addr() || g.Port != q.outside.Port() || !g.From.Equal(q.at) || !g.To.Equal(q.at) || g.Destination != want {
			t.Fatalf("got %+v\nwant %v to %v at %v\n%s", g, q.outside, want, q.at, text)
		}
	}
}
