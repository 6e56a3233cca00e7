package request

import (
	"strings"
	"testing"
)

// A want is an input of one or more lines and what is asked, one line a request: an answer, or the kind of a refusal.
type want struct{ text, want string }

// checkAsked reads inputs and compares what they ask.
func checkAsked(t *testing.T, cases []want) {
	t.Helper()
	checkAskedWith(t, Options{}, cases)
}

func checkAskedWith(t *testing.T, o Options, cases []want) {
	t.Helper()
	for _, c := range cases {
		if got := askedOf(t, c.text, o); got != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestPortsOfLines checks whose port a port is. In a wrong place it would name somebody else.
func TestPortsOfLines(t *testing.T) {
	const (
		at    = " 2026-01-10T12:34:56Z"
		whole = "198.18.0.0:6000 -> 203.0.113.9:8080"
		bare  = "198.18.0.0 -> 203.0.113.9:8080"
		own   = "198.18.0.0:6000"
	)
	for line, want := range map[string]string{
		"198.18.0.0 port 6000 -> 203.0.113.9 port 8080":                     whole,
		"198.18.0.0 -> 203.0.113.9 port 8080":                               bare,
		"198.18.0.0 -> 203.0.113.9 port:8080":                               bare,
		"198.18.0.0 -> 203.0.113.9 port: 8080":                              bare,
		"198.18.0.0 -> 203.0.113.9 8080":                                    bare,
		"198.18.0.0 6000 -> 203.0.113.9 8080":                               whole,
		"198.18.0.0:6000 -> 203.0.113.9 port 8080":                          whole,
		"198.18.0.0:6000 -> 203.0.113.9:8080 port 8080":                     whole,
		"198.18.0.0:6000 -> 203.0.113.9:8080 port 8081":                     ErrPort.Error(),
		"198.18.0.0 port 6000 to 203.0.113.9 port 8080":                     whole,
		"from 198.18.0.0 port 6000 to 203.0.113.9 port 8080":                whole,
		"to 203.0.113.9 port 8080 from 198.18.0.0 port 6000":                whole,
		"198.18.0.0 to 203.0.113.9 port 8080":                               bare,
		"198.18.0.0 destination 203.0.113.9 port 8080":                      bare,
		"198.18.0.0 destination: 203.0.113.9 port 8080":                     bare,
		"198.18.0.0 dst:203.0.113.9 port 8080":                              bare,
		"destination 203.0.113.9 port 8080 source 198.18.0.0 port 6000":     whole,
		"198.18.0.0 source port: 6000 destination port: 8080":               own,
		"198.18.0.0 source port 6000 -> 203.0.113.9 destination port 8080":  whole,
		"198.18.0.0 -> 203.0.113.9 source port 6000":                        "198.18.0.0:6000 -> 203.0.113.9:0",
		"198.18.0.0 source port: 6000 port: 8080":                           ErrPort.Error(),
		"198.18.0.0 port 6000 port 6001":                                    ErrPort.Error(),
		"198.18.0.0 port:6000 port:6001":                                    ErrPort.Error(),
		"198.18.0.0 port 6000 port 6000":                                    own,
		"198.18.0.0 port 6000 6001":                                         ErrTime.Error(),
		"198.18.0.0:6000 port 6000":                                         own,
		"198.18.0.0 tcp port 6000 tcp":                                      own + " tcp",
		"198.18.0.0 tcp port 6000 TCP":                                      own + " tcp",
		"198.18.0.0 proto 17":                                               "198.18.0.0 udp",
		"198.18.0.0 protocol: 6 port 6000":                                  own + " tcp",
		"198.18.0.0 proto:6 tcp":                                            "198.18.0.0 tcp",
		"198.18.0.0 proto=17 tcp":                                           ErrProtocol.Error(),
		"198.18.0.0 proto 47":                                               ErrProtocol.Error(),
		"198.18.0.0 proto":                                                  "198.18.0.0",
		"1) 198.18.0.0":                                                     "198.18.0.0",
		"17. 198.18.0.0:6000":                                               own,
		"(1) 198.18.0.0":                                                    ErrTime.Error(),
		"[1] 198.18.0.0":                                                    ErrTime.Error(),
		"6000 198.18.0.0":                                                   ErrPort.Error(),
		"1 198.18.0.0":                                                      ErrPort.Error(),
		"port 6000 198.18.0.0":                                              own,
		"1 198.18.0.0 port 6000":                                            ErrTime.Error(),
		"1 198.18.0.0 6000":                                                 ErrTime.Error(),
		"198.18.0.0 tcp 6000":                                               ErrPort.Error(),
		"198.18.0.0 (6000)":                                                 own,
		"198.18.0.0 tcp port 6000 udp":                                      ErrProtocol.Error(),
		"198.18.0.0:6000 198.18.0.0:6000":                                   own,
		"198.18.0.0:6000 198.18.0.0:6001":                                   ErrAddress.Error(),
		"198.18.0.0 port 6000 to port 6010":                                 ErrPortRange.Error(),
		"198.18.0.0 port 6000 to 6010":                                      ErrTime.Error(),
		"198.18.0.0 port":                                                   ErrPort.Error(),
		"-> 203.0.113.9 port 8080":                                          ErrAddress.Error(),
		"198.18.0.0:6000 -> 203.0.113.9:8080 -> 192.0.2.1:80":               ErrAddress.Error(),
		"Source: 198.18.0.0 Port: 6000 Destination: 203.0.113.9 Port: 8080": whole,
		"IP: 198.18.0.0 Destination: 203.0.113.9 Port: 8080":                bare,
		"198.18.0.0 port 6000 -> 203.0.113.9 port 8080 port 8081":           ErrPort.Error(),
		"198.18.0.0 -> 203.0.113.9 8080 6000":                               ErrTime.Error(),
	} {
		text := line + at
		if strings.HasSuffix(line, "port") || strings.Contains(line, ": 203") {
			text = line + " Time:" + at
		}
		if !strings.Contains(want, " port") && !strings.HasPrefix(want, "invalid") && !strings.HasPrefix(want, "unknown") && want != ErrPortRange.Error() {
			want += " at" + at
		}
		if got := askedOf(t, text+"\n", Options{}); got != "1: "+want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestPlainHeading checks that a heading which names other numbers than the port keeps them from being ports.
func TestPlainHeading(t *testing.T) {
	const row = "198.18.0.0 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"IP Port Time\n198.18.0.0 6000 2026-01-10T12:34:56Z\n", "2: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"},
		{"Nr IP Time\n1500 " + row + "\n", "2: invalid port"},
		{"Nr IP Port Time\n1 198.18.0.0 port 6000 2026-01-10T12:34:56Z\n", "2: invalid time"},
		{"IP DstPort Time\n198.18.0.0 443 2026-01-10T12:34:56Z\n", "2: invalid port"},
		{"IP Time Port\n198.18.0.0 2026-01-10T12:34:56Z 6000\n", "2: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"},
		{"Port IP Time\n6000 " + row + "\n", "2: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"},
		{"IP Port Time\n1500 " + row + "\n" + row + " 200\n", "2: invalid port\n3: invalid port"},
		{"Port IP Time\n" + row + " 200\n", "2: invalid port"},
		{"IP Time\n" + row + "\n198.18.0.0:6000 2026-01-10T12:34:56Z\n", "2: 198.18.0.0 at 2026-01-10T12:34:56Z\n3: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"},
	})
}

// TestLooseNumbers checks that a number that nothing says is a port is none: one that counts the lines, or is behind the time.
func TestLooseNumbers(t *testing.T) {
	const row = "198.18.0.0 2026-01-10T12:34:56Z"
	const at = " at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"1030 " + row + "\n1031 " + row + "\n", "1: invalid port\n2: invalid port"},
		{row + " 200\n", "1: invalid port"},
		{"2026-01-10T12:34:56Z 6000 198.18.0.0\n", "1: invalid port"},
		{"2026-01-10T12:34:56Z 198.18.0.0 6000\n", "1: 198.18.0.0:6000" + at},
		{row + " port 6000\n", "1: 198.18.0.0:6000" + at},
		{"1500,198.18.0.0,2026-01-10T12:34:56Z\n", "1: invalid port"},
		{"198.18.0.0,2026-01-10T12:34:56Z,200\n", "1: invalid port"},
		{"198.18.0.0,6000,2026-01-10T12:34:56Z\n", "1: 198.18.0.0:6000" + at},
		{"IP: 198.18.0.1\nPort: 6001\nTime: 2026-01-10T12:34:56Z\nAlso: 1500 " + row + "\n", "1: 198.18.0.1:6001" + at + "\n4: invalid time"},
		{"IP: 198.18.0.1\nPort: 6001\nTime: 2026-01-10T12:34:56Z\nTime: 1500 198.18.0.2 2026-01-10T12:34:56Z\n", "1: 198.18.0.1:6001" + at + "\n4: invalid port"},
		{"10 Jan 2026 12:34:56 +0000 198.18.0.0\n", "1: 198.18.0.0" + at},
		{"198.18.0.0 10 Jan 2026 12:34:56 +0000\n", "1: 198.18.0.0" + at},
	})
	got, err := read(t, strings.NewReader("1030 "+row+"\n"), Options{})
	if err != nil || len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "198.18.0.0:6000") {
		t.Errorf("%v (%v)", got, err)
	}
}
