package request

import "testing"

// TestSpareNames checks names of times that are read only where there is no other time.
func TestSpareNames(t *testing.T) {
	const utc, there = "198.18.0.0:6000 at 2026-01-10T12:34:00Z", "198.18.0.0:6000 at 2026-01-10T15:34:00Z"
	for text, want := range map[string]string{
		"ip,port,utc_time\n198.18.0.0,6000,2026-01-10 12:34:00\n":                                             "2: " + utc,
		"ip,port,Time in UTC\n198.18.0.0,6000,2026-01-10 12:34:00\n":                                          "2: " + utc,
		"ip,port,Data/hora em UTC\n198.18.0.0,6000,2026-01-10 12:34:00\n":                                     "2: " + utc,
		"ip,port,Time UTC-3\n198.18.0.0,6000,2026-01-10 12:34:00\n":                                           "2: " + there,
		"ip,port,Time (UTC -03:00)\n198.18.0.0,6000,2026-01-10 12:34:00\n":                                    "2: " + there,
		"ip,port,date,utc_time\n198.18.0.0,6000,2026-01-10,12:34:00\n":                                        "2: " + utc,
		"ip,port,Time UTC-3\n198.18.0.0,6000,2026-01-10T12:34:00Z\n":                                          "2: ambiguous time zone",
		"ip,port,Time UTC-3,zone\n198.18.0.0,6000,2026-01-10 12:34:00,+01:00\n":                               "2: unparsable",
		"ip,port,utc_time,Time UTC-3\n198.18.0.0,6000,2026-01-10 12:34:00,2026-01-10 09:34:00\n":              "2: unparsable",
		"ip,port,timestamp,utc_time\n198.18.0.0,6000,2026-01-10T12:34:00Z,2026-01-10 13:34:00\n":              "2: ambiguous time zone",
		"ip,port,Time (UTC),Time (UTC-3)\n198.18.0.0,6000,2026-01-10 12:34:00,2026-01-10 09:34:00\n":          "2: " + utc,
		`{"ip":"198.18.0.0","port":6000,"utc_time":"2026-01-10 12:34:00"}`:                                    "1: " + utc,
		`{"ip":"198.18.0.0","port":6000,"Time UTC-3":"2026-01-10 12:34:00"}`:                                  "1: " + there,
		`{"ip":"198.18.0.0","port":6000,"utc_time":"2026-01-10 09:00:00","timestamp":"2026-01-10T12:34:00Z"}`: "1: ambiguous time zone",
	} {
		for _, o := range []Options{{}, {Zone: location(t, "Asia/Tokyo")}} {
			if got := askedTwice(t, text, o); got != want {
				t.Errorf("%q in %v: %s, want %s", text, o.Zone, got, want)
			}
		}
	}
}
