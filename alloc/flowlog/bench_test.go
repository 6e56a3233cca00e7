package flowlog

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const benchFlows = 1_000_000

// BenchmarkFlows reads and matches 1,000,000 records a round.
func BenchmarkFlows(b *testing.B) {
	for _, format := range []struct {
		name, header string
		line         func(n int) string
	}{
		{"nfdump", "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,srcXIP,srcXPort,packets,bytes\n", func(n int) string {
			return fmt.Sprintf("%s.%03d,6.500,TCP,100.64.%d.%d,40000,203.0.113.%d,443,198.18.0.0,%d,10,1200\n", second(n/1000).Format(time.DateTime), n%1000, n>>8&255, n&255, n%250, 1024+n%60000)
		}},
		{"conntrack", "", func(n int) string {
			return fmt.Sprintf("[%d.123456]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=100.64.%d.%d dst=203.0.113.%d sport=40000 dport=443 [UNREPLIED] src=203.0.113.%d dst=198.18.0.0 sport=443 dport=%d\n",
				second(n/1000).Unix(), n>>8&255, n&255, n%250, n%250, 1024+n%60000)
		}},
	} {
		var log strings.Builder
		log.WriteString(format.header)
		for n := range benchFlows {
			log.WriteString(format.line(n))
		}
		text := log.String()
		b.Run(format.name, func(b *testing.B) {
			q := Filter{Outside: netip.MustParseAddr("198.18.0.0"), From: second(0), To: second(1e6), Destination: netip.MustParseAddrPort("203.0.113.9:443")}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := NewReader(strings.NewReader(text), Options{Zone: time.UTC})
				if err != nil {
					b.Fatal(err)
				}
				found := 0
				for f := range d.Flows() {
					if f.Match(q) == Yes {
						found++
					}
				}
				if _, bad := d.Bad(); found != benchFlows/250 || bad > 0 {
					b.Fatal(found, bad)
				}
			}
		})
	}
}
