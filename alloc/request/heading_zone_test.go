package request

import (
	"strings"
	"testing"
	"time"
)

// TestHeadingZone writes rows below names of columns of which one says the zone, between marks of which plain lines have none or one of their own.
func TestHeadingZone(t *testing.T) {
	for _, test := range []struct {
		text string
		zone *time.Location
		want string // "" is a refusal
	}{
		{"IP address   Port   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, "05:30"},
		{"IP Port Time(UTC)\n198.18.0.0 6000 2026-02-01 05:30:00\n", nil, "05:30"},
		{"| IP | Port | Time (UTC) |\n|---|---|---|\n| 198.18.0.0 | 6000 | 2026-02-01 05:30:00 |\n", nil, "05:30"},
		{"IP   Port   Date   Time (UTC)\n198.18.0.0   6000   2026-02-01   05:30:00\n", nil, "05:30"},
		{"IP   Source port   Datum (GMT)   Uhrzeit\n198.18.0.0   6000   2026-02-01   05:30:00\n", nil, "05:30"},
		{"Dear all,\n\nIP   Port   Time (UTC)\n\n198.18.0.0   6000   2026-02-01 05:30:00\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, "05:30"},
		{"IP   Port   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00+01:00\n", nil, "04:30"},                 // a zone of its own
		{"All times are CET.\n\nIP   Port   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, "05:30"}, // as in other tables

		{"IP   Port   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00\n", time.FixedZone("", -3*3600), ""},
		{"IP   Port   Time (CET)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Local time   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Start (UTC)   End\n198.18.0.0   6000   2026-02-01 05:30:00 - 2026-02-01 05:31:00\n", nil, ""},
		{"IP   Port   Time (UTC)\n198.18.0.1   6000   2026-02-01 05:30:00Z\n\nHost  Porto  Quando\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Time (UTC)\n198.18.0.1   6000   2026-02-01 05:30:00Z\n\nIP   Port   Time\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
	} {
		got, err := read(t, strings.NewReader(test.text), Options{Zone: test.zone, Zones: time.LoadLocation})
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		}
		found := ""
		for _, q := range got {
			if q.Err == nil && q.Outside.String() == "198.18.0.0" {
				found = q.From.Format("15:04")
			}
		}
		if found != test.want {
			t.Errorf("%q: asks at %q, want %q", test.text, found, test.want)
		}
	}
}
