package request

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOffsetFields checks that a field about the offset under any name, with a value that is not read, stops times without a zone.
func TestOffsetFields(t *testing.T) {
	for name, values := range map[string]string{
		"utc offset minutes": "-180 180 +330", "Offset (min)": "-180", "offset_minutes": "-180", "hours_from_utc": "-3 3", "GMT diff": "-3", "Diferencia horaria": "-3", "desfase": "-3", "Zeitverschiebung": "-3 2",
		"is_utc": "false no", "utc?": "no", "in UTC": "no nein", "tz_diff": "3", "local": "true", "offset_seconds": "-10800",
	} {
		for value := range strings.FieldsSeq(values) {
			for _, text := range []string{
				fmt.Sprintf("ip,port,time,%s\n198.18.0.0,6000,2026-02-01 02:30:00,%s\n", name, value),
				fmt.Sprintf("%s;ip;port;time\n%s;198.18.0.0;6000;2026-02-01 02:30:00\n", name, value),
				fmt.Sprintf(`{"ip":"198.18.0.0","port":6000,"time":"2026-02-01 02:30:00",%q:%s}`, name, pickJSON(value)),
				fmt.Sprintf("IP: 198.18.0.0\nSource port: 6000\nTimestamp: 2026-02-01 02:30:00\n%s: %s\n", name, value),
			} {
				if got := askedTwice(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); strings.Contains(got, " at ") {
					t.Errorf("%q: %s", text, got)
				}
			}
		}
	}
	for _, text := range []string{"ip,port,time,file offset\n198.18.0.0,6000,2026-02-01 02:30:00,5121\n", "ip,port,time,is_utc\n198.18.0.0,6000,2026-02-01 02:30:00,yes\n", "ip,port,time,offset_minutes\n198.18.0.0,6000,2026-02-01T02:30:00Z,-180\n"} {
		if got := askedTwice(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, " at 2026-02-01T02:30") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// pickJSON returns a value as JSON writes it.
func pickJSON(value string) string {
	if value == "true" || value == "false" || value[0] == '-' {
		return value
	}
	return `"` + value + `"`
}
