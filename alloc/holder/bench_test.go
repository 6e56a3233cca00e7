package holder

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

const benchSessions = 1_000_000

// day returns a reader of a million sessions with a Start, an Interim-Update and a Stop, a part at a time.
type day struct {
	n    int
	rest strings.Reader
}

func (d *day) Read(p []byte) (int, error) {
	if d.rest.Len() == 0 && d.n < benchSessions {
		var b strings.Builder
		for range 100 {
			id := fmt.Sprintf("81%06x", d.n)
			address := fmt.Sprintf("Framed-IP-Address = 100.%d.%d.%d", 64+d.n>>16&63, d.n>>8&255, d.n&255)
			user := fmt.Sprintf("User-Name = \"user%d@isp\"", d.n%300000)
			for i, kind := range []string{"Start", "Interim-Update", "Stop"} {
				b.WriteString(block(kind, id, d.n%80000+i*900, user, address, "NAS-Port-Id = \"vlan100\"", "NAS-Identifier = bng-1"))
			}
			d.n++
		}
		d.rest = *strings.NewReader(b.String())
	}
	return d.rest.Read(p)
}

// BenchmarkRead reads 3,000,000 records of 1,000,000 sessions. ns/op has the writing of the records in it, s-read has not.
func BenchmarkRead(b *testing.B) {
	began := time.Now()
	if _, err := io.Copy(io.Discard, &day{}); err != nil {
		b.Fatal(err)
	}
	writing := time.Since(began)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		book := New(Limits{})
		began := time.Now()
		if err := book.ReadRADIUS(&day{}, "detail", Options{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((time.Since(began) - writing).Seconds(), "s-read")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSessions, "B/session")
		b.ReportMetric(float64(book.used)/benchSessions, "accounted-B/session")
		began = time.Now()
		book.sorted()
		b.ReportMetric(time.Since(began).Seconds(), "s-index")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSessions, "indexed-B/session")
		runtime.KeepAlive(book)
	}
}

// BenchmarkReadLeases reads 1,000,000 leases, each with a line for a renewal.
func BenchmarkReadLeases(b *testing.B) {
	var text strings.Builder
	text.WriteString(keaHeader)
	for renewal := range 2 {
		for n := range benchSessions {
			fmt.Fprintf(&text, "100.%d.%d.%d,4c:5e:0c:%02x:%02x:%02x,,3600,%d,1,0,0,,0,,0\n", 64+n>>16&63, n>>8&255, n&255, n>>16&255, n>>8&255, n&255, at(n%3600+(renewal+2)*1800).Unix())
		}
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		book := New(Limits{})
		if err := book.ReadLeases(strings.NewReader(text.String()), "leases", Options{}); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSessions, "B/lease")
		b.ReportMetric(float64(book.used)/benchSessions, "accounted-B/lease")
		book.sorted()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSessions, "indexed-B/lease")
		if len(book.leases) != benchSessions {
			b.Fatal(len(book.leases))
		}
		runtime.KeepAlive(book)
	}
}

func BenchmarkAt(b *testing.B) {
	book := New(Limits{})
	if err := book.ReadRADIUS(&day{}, "detail", Options{}); err != nil {
		b.Fatal(err)
	}
	book.sorted()
	rng := rand.New(rand.NewPCG(3, 5))
	b.ReportAllocs()
	for b.Loop() {
		n := rng.IntN(benchSessions)
		inside := netip.AddrFrom4([4]byte{100, byte(64 + n>>16&63), byte(n >> 8), byte(n)})
		if a := book.At("", inside, at(n%80000+600), at(n%80000+600), time.Second); a.Status != One {
			b.Fatal(a)
		}
	}
}
