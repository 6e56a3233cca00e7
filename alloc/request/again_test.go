package request

import (
	"strings"
	"testing"
)

// TestOtherValues reads blocks in which another address, port or time stands under a name of its own. It may be what is meant, so they are refused; what
// is of somebody else, or says the same, is not.
func TestOtherValues(t *testing.T) {
	const block = "IP: 198.18.0.0\nSource port: 6000\nTime: 2026-01-10 12:34:56 UTC\n"
	const asked = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for line, read := range map[string]bool{
		"Second IP: 198.18.0.9": false, "Other IP: 198.18.0.9": false, "IP addresses: 198.18.0.0, 198.18.0.9": false, "IP (corrected): 198.18.0.9": false, "Real IP: 198.18.0.9": false,
		"X-Forwarded-For: 198.18.0.9": false, "Weitere IP-Adresse: 198.18.0.9": false, "Outro IP: 198.18.0.9": false, "Proxy IP: 198.18.0.9": false,
		"Second port: 7000": false, "Port (corrected): 7000": false, "Port 2: 7000": false, "Other ports: 7000, 8000": false, "Segunda porta: 7000": false,
		"Corrected time: 2026-01-10 15:34:56 UTC": false, "Second time: 2026-01-10 15:34:56 UTC": false, "Time 2: 2026-01-10 15:34:56 UTC": false, "Also: 15:34:56": false, "Times: 2026-01-11": false,
		"Correction: the time is 2026-01-10 15:34:56 UTC": false, "Zweite Uhrzeit: 15:34": false, "Last time: 2026-01-10 15:34:56 UTC": false,

		"Reporter: 192.0.2.1": true, "Victim's other IP: 203.0.113.9": true, "Real IP: 192.168.1.7": true, "Second IP: 198.18.0.0": true, "Second port: 6000": true, "Corrected time: 2026-01-10 12:34:56 UTC": true,
		"Report time: 2026-01-12 09:00:00 UTC": true, "Second name: John": true, "Additional info: office hours 9:00-17:00": true, "Last login: 2026-01-12 09:00 UTC": false, "Other names: mail.example 203.0.113.9": true, "Other case: 4711": true, "Also known as: x": true, "Last update: 2026-01-12": true, "Case 2: open": true, "Our new server: 203.0.113.9": true,
	} {
		for _, text := range []string{block + line + "\n", line + "\n" + block, "Subject: x\n\nDear all,\n\n" + block + line + "\n\nRegards\n"} {
			if label, _, _ := strings.Cut(line, ":"); strings.HasPrefix(text, line) && strings.ContainsAny(label, "0123456789") {
				continue // a heading
			}
			if got := askedOf(t, text, Options{}); strings.Contains(got, asked) != read {
				t.Errorf("%q: %s", text, got)
			}
		}
	}
	for text, want := range map[string]string{
		`"times":["2026-01-10T12:34:56Z","2026-01-10T15:34:56Z"]`: "1: unparsable", `"source_ips":["198.18.0.9"]`: "1: unparsable", `"sources":["feed"],"hosts":[]`: "1: " + asked,
	} {
		if got := askedOf(t, `{"ip":"198.18.0.0","port":6000,"time":"2026-01-10T12:34:56Z",`+text+"}", Options{}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
