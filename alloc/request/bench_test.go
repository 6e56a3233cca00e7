package request

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkReader reports questions a second for each format.
func BenchmarkReader(b *testing.B) {
	for _, c := range []struct{ name, head, row string }{
		{"plain", "", plainRow},
		{"plain words", "", "2026-03-01 12:34:56 +01:00 198.18.0.0 6000 tcp\n"},
		{"block", "", "IP: 198.18.0.0\nPort: 6000\nDate: 2026-03-01\nTime: 12:34:56\nTime zone: UTC-3\n\n"},
		{"csv", "ip,port,time,proto\n", "198.18.0.0,6000,2026-03-01T12:34:56Z,tcp\n"},
		{"ndjson", "", `{"ip":"198.18.0.0","port":6000,"time":"2026-03-01T12:34:56Z"}` + "\n"},
		{"tcpdump", "", "1783851029.560458 IP 1.2.3.4.37358 > 5.6.7.8.443: Flags [S], seq 1, win 64240, length 0\n"},
		{"netflow", "", "2026-07-12T19:38:25Z proto=TCP src=1.2.3.4:40652 dst=5.6.7.8:443\n"},
		{"clf", "", "1.2.3.4 - - [12/Jul/2026:19:38:25 +0200] \"GET / HTTP/1.1\" 200 12\n"},
		{"refused", "", "198.18.0.0:6000 2026-03-01T12:34:56\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			r, err := NewReader(rows(c.head, c.row, b.N*len(c.row), ""), Options{})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for q, err := range r.All() {
				if err != nil || (q.Err != nil) != (c.name == "refused") {
					b.Fatal(q, err)
				}
				n++
			}
			if n != b.N {
				b.Fatalf("%d questions, want %d", n, b.N)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "questions/s")
		})
	}
}

// BenchmarkLetter reports how much of a letter is read in a second: lines of words may name columns, or say which zone times are in.
func BenchmarkLetter(b *testing.B) {
	const text = "The following connections were seen by our systems and we kindly ask you to take care of it soon\n"
	b.SetBytes(int64(10*len(text) + len(plainRow)))
	r, err := NewReader(rows("", plainRow+strings.Repeat(text, 10), b.N*(10*len(text)+len(plainRow)), ""), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range r.All() {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseTime(b *testing.B) {
	zone := location(b, "Europe/Berlin")
	for _, c := range []struct {
		name, text string
		zone       *time.Location
	}{
		{"RFC 3339", "2026-03-01T12:34:56Z", nil}, {"in zone", "2026-03-01 12:34:56", zone}, {"CLF", "01/Mar/2026:12:34:56 +0100", nil}, {"refused", strings.Repeat("x", 50), nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ParseTime(c.text, c.zone); (err != nil) != (c.name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}
