package request

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSavingBehindTime checks that DST behind a time is no destination without an address, and one where nothing else can be meant.
func TestSavingBehindTime(t *testing.T) {
	const at = " at 2026-01-10T12:34:56Z"
	checkAskedWith(t, Options{Zone: time.UTC}, []want{
		{"198.18.0.0:6000 2026-01-10 12:34:56 DST\n", "1: ambiguous time zone"},
		{"198.18.0.0:6000 2026-01-10 12:34:56 dst\n", "1: ambiguous time zone"},
		{"198.18.0.0:6000 2026-01-10 12:34:56 (DST)\n", "1: ambiguous time zone"},
		{"198.18.0.0:6000 2026-01-10 12:34:56 DST udp\n", "1: ambiguous time zone"},
		{"198.18.0.0:6000 2026-01-10 12:34:56 DST 203.0.113.9\n", "1: ambiguous time zone"}, // of the time, or whose address?
		{"198.18.0.0:6000 2026-01-10 12:34:56 DST -> 203.0.113.9\n", "1: ambiguous time zone"},
		{"198.18.0.0:6000 2026-01-10 12:34:56 dst 203.0.113.9\n", "1: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		{"198.18.0.0:6000 2026-01-10 12:34:56 dst ip 203.0.113.9 dst port 443\n", "1: 198.18.0.0:6000 -> 203.0.113.9:443" + at},
		{"198.18.0.0 2026-01-10 12:34:56 dst port 6000\n", "1: ambiguous time zone"},
		{"198.18.0.0 2026-01-10T12:34:56Z dst port 443\n", "1: 198.18.0.0" + at},
		{"198.18.0.0:6000 2026-01-10T12:34:56Z DST 203.0.113.9\n", "1: 198.18.0.0:6000 -> 203.0.113.9:0" + at},
		{"2026-01-10 12:34:56 SRC 198.18.0.0:6000 DST 203.0.113.9:443\n", "1: 198.18.0.0:6000 -> 203.0.113.9:443" + at},
		{"2026-01-10 12:34:56 SRC=198.18.0.0 DST=203.0.113.9 SPT=6000 DPT=443\n", "1: 198.18.0.0:6000 -> 203.0.113.9:443" + at},
		{"IP: 198.18.0.0 Time: 2026-01-10 12:34:56 DST Port: 6000\n", "1: ambiguous time zone"},
		{"IP: 198.18.0.0 Time: 2026-01-10 12:34:56 (dst) Port: 6000\n", "1: ambiguous time zone"},
		{"IP: 198.18.0.0 Time: 2026-01-10T12:34:56Z DST Port: 443\n", "1: 198.18.0.0" + at},
	})
}

// TestSavingFields checks that a flag for summer time is no destination, and that a time of which it says what is not so in the zone of the option is refused.
func TestSavingFields(t *testing.T) {
	berlin := Options{Zone: location(t, "Europe/Berlin"), Zones: time.LoadLocation}
	for _, name := range []string{"dst", "DST", "is_dst", "isdst", "daylight_saving", "summer_time"} {
		for _, c := range []struct {
			time, flag string
			ok         bool
		}{
			{"2026-01-10 12:34:56", "0", true}, {"2026-01-10 12:34:56", "no", true}, {"2026-01-10 12:34:56", "1", false}, {"2026-01-10 12:34:56", "true", false},
			{"2026-07-10 12:34:56", "1", true}, {"2026-07-10 12:34:56", "yes", true}, {"2026-07-10 12:34:56", "false", false}, {"2026-07-10 12:34:56", "0", false},
			{"2026-01-10 12:34:56", "standard", true}, {"2026-07-10 12:34:56", "winter", false}, {"2026-07-10 12:34:56", "summer", true}, {"2026-07-10T12:34:56Z", "0", true}, {"2026-07-10 12:34:56 +02:00", "1", true}, {"1783677296", "0", true}, {"2026-07-10", "1", true}, {"2026-03-29", "1", false},
		} {
			for _, text := range []string{
				fmt.Sprintf("ip,port,time,%s\n198.18.0.0,6000,%s,%s\n", name, c.time, c.flag),
				fmt.Sprintf("ip,source_port,%s,time\n198.18.0.0,6000,%s,%s\n", name, c.flag, c.time),
				fmt.Sprintf(`{"ip":"198.18.0.0","port":6000,"time":%q,%q:%q}`, c.time, name, c.flag),
			} {
				if got := askedOf(t, text, berlin); strings.Contains(got, ": 198.18.0.0:6000 at ") != c.ok || !c.ok && !strings.Contains(got, ": ambiguous time zone") {
					t.Errorf("%q: %s", text, got)
				}
			}
		}
	}
	checkAskedWith(t, Options{Zone: time.UTC, Zones: time.LoadLocation}, []want{
		{"ip,port,time,tz,dst\n198.18.0.0,6000,2026-07-10 12:34:56,-05:00,1\n", "2: ambiguous time zone"}, // is the hour in the offset already?
		{"ip,port,time,tz,dst\n198.18.0.0,6000,2026-07-10 12:34:56,-05:00,0\n", "2: 198.18.0.0:6000 at 2026-07-10T17:34:56Z"},
		{"ip,port,time,dst\n198.18.0.0,6000,2026-07-10 12:34:56,1\n", "2: ambiguous time zone"},
		{"ip,port,time,dst\n198.18.0.0,6000,2026-07-10 12:34:56,203.0.113.9:443\n", "2: 198.18.0.0:6000 -> 203.0.113.9:443 at 2026-07-10T12:34:56Z"},
		{"ip,port,time,dst\n198.18.0.0,6000,2026-07-10 12:34:56,203.0.113.9\n", "2: invalid port"},
		{"IP: 198.18.0.0\nPort: 6000\nTime: 2026-07-10 12:34:56\nDST: yes\n", "1: ambiguous time zone"},
		{"proto=TCP time=\"2026-07-10 12:34:56\" dst=1 src=198.18.0.0:6000\n", "1: ambiguous time zone"},
	})
}
