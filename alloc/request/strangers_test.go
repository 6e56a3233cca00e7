package request

import (
	"strings"
	"testing"
	"time"
)

// TestStatedByStrangers checks that what a client sent states no zone: else anybody could have a report refused.
func TestStatedByStrangers(t *testing.T) {
	const at = "198.18.0.0:6000 at 2026-01-10T12:34:00Z"
	for _, name := range []string{"url", "http_url", "Request URI", "User-Agent", "http_referer", "banner", "hostname"} {
		for _, value := range []string{"/time.php?tz=-3", "/All times are CET", "x-03:00.timezone.example EST"} {
			for _, text := range []string{
				"ip,src_port,time," + name + "\n198.18.0.0,6000,2026-01-10 12:34:00," + value + "\n",
				`{"requests":[` + strings.Replace(statedObject, "port", "src_port", 1) + `,"` + name + `":"` + value + `"}]}`,
			} {
				if got := told(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, at) {
					t.Errorf("%s: %s", text, got)
				}
			}
		}
	}
}

// TestStatedBesides checks names of fields that say how times are to be read.
func TestStatedBesides(t *testing.T) {
	for field, value := range map[string]string{"is_utc": "0", "tz_minutes": "180", "tz_bias": "180", "time_is_local": "yes", "timezone_bias": "180"} {
		for _, text := range []string{
			"ip,port,time," + field + "\n198.18.0.0,6000,2026-01-10 12:34:00," + value + "\n",
			`{"` + field + `":"` + value + `","requests":[` + statedObject + `}]}`,
			field + ": " + value + "\n\n" + statedBlock,
		} {
			if got := told(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); strings.Contains(got, " at 2026-01-10") {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
	for _, geo := range []string{"geo", "src_geo", "dst_geo"} {
		if got := told(t, "ip,port,time,"+geo+"\n198.18.0.0,6000,2026-01-10 02:34:00Z,AM\n", Options{}); !strings.Contains(got, "198.18.0.0:6000 at") {
			t.Errorf("%s: %s", geo, got)
		}
	}
}
