package request

import (
	"strings"
	"testing"
)

// TestComments checks that no line with an address is passed over because it begins with #.
func TestComments(t *testing.T) {
	const six = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	const row, hidden = "198.18.0.0:6000 2026-01-10T12:34:56Z\n", "#3 198.18.0.2:6000 2026-01-10T12:34:56Z\n"
	checkAsked(t, []want{
		{row + hidden, "1: " + six + "\n2: unparsable"},
		{hidden, "1: unparsable"},
		{"# nothing\n" + row, "2: " + six},
		{"Subject: x\n\n" + row + "> " + hidden, "1: " + six + "\n2: unparsable"},
		{"Subject: x\n\nHello\n" + hidden, "2: unparsable"},
		{"ip,time\n198.18.0.0:6000,2026-01-10T12:34:56Z\n #198.18.0.2:6000,2026-01-10T12:34:56Z\n", "2: " + six + "\n3: unparsable"},
		{"IP: 198.18.0.0\nPort: 6000\nTime: 2026-01-10T12:34:56Z\n# IP: 198.18.0.1\n", "1: " + six + "\n4: unparsable"},
		{"{\"ip\":\"198.18.0.0:6000\",\"time\":\"2026-01-10T12:34:56Z\"}\n# {\"ip\":\"198.18.0.1\"}\n", "1: " + six + "\n2: unparsable"},
		{"1768048496 IP 198.18.0.0.6000 > 203.0.113.9.443: tcp 1\n#1768048496 IP 198.18.0.1.6000 > 203.0.113.9.443: tcp 1\n", "1: 198.18.0.0:6000 tcp -> 203.0.113.9:443 at 2026-01-10T12:34:56Z\n2: unparsable"},
		{"Report-Type: x\n# Source: 198.18.0.1\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-01-10T12:34:56Z\n", "2: unparsable\n1: " + six},
		{"#  IP  Time\n1500 198.18.0.0 2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"# IP Port Time\n198.18.0.0 6000 2026-01-10T12:34:56Z\n", "2: " + six},
		{"#ip|dst_port|time\n198.18.0.0|443|2026-01-10T12:34:56Z\n", "2: invalid port"},
	})
	got, err := read(t, strings.NewReader(hidden), Options{})
	if err != nil || len(got) != 1 || got[0].Err.Error() != "this line looks like a comment and holds an address: remove the # if it is a request" {
		t.Errorf("%v (%v)", got, err)
	}
}
