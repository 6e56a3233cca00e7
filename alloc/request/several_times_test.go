package request

import (
	"strings"
	"testing"
)

// TestSeveralTimes writes further times below a question of a mail, in lines of their own: each of them has a row.
func TestSeveralTimes(t *testing.T) {
	for _, question := range []string{"IP: 198.18.0.0\nSource port: 6000\nTime: 2026-01-10 12:34:56 UTC\n", "198.18.0.0:6000 2026-01-10 12:34:56 UTC\n"} {
		for _, other := range []string{"2026-01-10 15:34:56 UTC", "   2026-01-10 15:34:56", "- 2026-01-10T15:34:56Z", "10/01/2026 15:34:56 UTC", "1783851029", "2026-01-10 15:34 - 2026-01-10 15:36 UTC"} {
			for _, more := range []string{"", "Kind regards\n", "\nIP: 198.18.0.7\nSource port: 7000\nTime: 2026-01-10 12:34:56 UTC\n"} {
				text := "Subject: x\n\nDear all,\n\n" + question + other + "\n" + other + "\n" + more
				got, err := read(t, strings.NewReader(text), Options{})
				if err != nil {
					t.Fatal(err)
				}
				want := 3 + strings.Count(more, "IP:")
				if other[0] == '-' && len(got) == want-1 && got[0].Err != nil {
					continue // it may be the end of an interval
				}
				if len(got) != want || got[0].Err != nil || got[1].Err == nil || got[2].Err == nil {
					t.Errorf("%q: %d rows, want %d: %+v", text, len(got), want, got)
				}
			}
		}
	}
}

// TestTimesBeside writes a time beside another one whose name says that it is UTC or local, and offsets that stand in the next line.
func TestTimesBeside(t *testing.T) {
	for text, read := range map[string]bool{
		"ip,src_port,date (UTC),time (local)\n198.18.0.0,6000,2026-01-10,12:34:56\n": false, "IP: 198.18.0.0\nSource port: 6000\nDate (UTC): 2026-01-10\nTime (local): 12:34:56\n": false,
		"ip,src_port,time (UTC),utc\n198.18.0.0,6000,2026-01-10 12:34:56,15:34:56\n": false, "ip,src_port,time (UTC),utc\n198.18.0.0,6000,2026-01-10 12:34:56,12:34:56\n": true,
		`{"ip":"198.18.0.0","src_port":6000,"time":"2026-01-10T12:34:56Z","utc_time":"2026-01-10 15:34:56"}`: false, `{"ip":"198.18.0.0","src_port":6000,"time":"2026-01-10T12:34:56Z","utc_time":"2026-01-10 12:34:56"}`: true,
		"ip,src_port,time,utc\n198.18.0.0,6000,2026-01-10T12:34:56Z,1\n":                            true,
		"Subject: x\n\nIP address, source port, timestamp:\n198.18.0.0 6000 2026-01-10T12:34:56Z\n": true, "Subject: x\n\nIP-Adresse, Quellport, Zeitpunkt:\n\n198.18.0.0:6000 2026-01-10T12:34:56Z\n": true,
		"Subject: x\n\nIP address, destination port, timestamp:\n198.18.0.0 6000 2026-01-10T12:34:56Z\n": false,
	} {
		if isPortAsked(t, text, 6000) != read {
			t.Errorf("%q: answered %v", text, !read)
		}
	}
	for _, text := range []string{"198.18.0.0:6000 2026-01-10 12:34:56\n-03:00 GET /index\n", "IP: 198.18.0.0\nSource port: 6000\nTime: 2026-01-10 12:34:56\n+0100 POST /\n"} {
		if got := askedOf(t, text, Options{}); strings.Contains(got, "at 2026") {
			t.Errorf("%q: %s", text, got)
		}
	}
}
