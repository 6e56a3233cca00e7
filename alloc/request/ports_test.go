package request

import (
	"strings"
	"testing"
	"time"
)

// What became of a port in a text: it was asked about by its name, or as Options.Ports says of those without one, or not at all.
const (
	byName = "named"
	byWord = "assumed"
	not    = "refused"
)

// portOutcome says what became of port 6000 in a text.
func portOutcome(t *testing.T, text string, ports Ports) string {
	t.Helper()
	got, err := read(t, strings.NewReader(text), Options{Zone: time.UTC, Ports: ports})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for _, q := range got {
		switch {
		case q.Err != nil || q.Port != 6000:
		case q.Assumed:
			return byWord
		default:
			return byName
		}
	}
	for _, q := range got {
		if q.Err == nil && !q.HasPort {
			return "asked without it" // one more subscriber is possible, and none is named
		}
	}
	return not
}

// TestPorts reads ports with and without names by each of the options for ports.
func TestPorts(t *testing.T) {
	const at = "2026-03-01T12:34:56Z"
	for _, test := range []struct{ text, heard, named, source string }{
		// By name, or by a form that says whose ports are.
		{"198.18.0.0:6000 " + at, byName, byName, byName},
		{"Attacks on port 22:\n198.18.0.0:6000 " + at, byName, byName, byName},
		{"IP  Source port  Time\n198.18.0.0  6000  " + at, byName, byName, byName},
		{"source 198.18.0.0 port 6000 destination 203.0.113.9 port 22 " + at, byName, byName, byName},
		{"198.18.0.0 src port 6000 " + at, byName, byName, byName},
		{"Source port: 6000 IP: 198.18.0.0 " + at, byName, byName, byName},
		{"198.18.0.0 port 6000 -> 203.0.113.9:22 " + at, byName, byName, byName},
		{"Attacks on our server:\nsource 198.18.0.0 port 6000 destination 203.0.113.9 port 22 " + at, byName, byName, byName},
		{"IP   Source port   Time\n\n198.18.0.0 7000 " + at + "\n198.18.0.0 6000 " + at, byName, byName, byName},
		{"IP   Source port   Time\n\n198.18.0.0   7000   " + at + "\n\n198.18.0.0   6000   " + at, byName, byName, byName},
		{"Subject: x\n\n             IP   Source port   Time\n  198.18.10.10          7000   " + at + "\n    198.18.0.0          6000   " + at, byName, byName, byName},
		{"Subject: x\n\n> IP   Source port   Time\n>198.18.0.0   6000   " + at, byName, byName, byName},
		{"IP Source port Time\n198.18.0.0 6000 " + at, byName, byName, byName},
		{"IP / source port / time\n\n198.18.0.0 6000 " + at, byName, byName, byName},
		{"IP, source port, timestamp:\n\n198.18.0.0 6000 " + at, byName, byName, byName},
		{"IP; source port; time\n198.18.0.0, 6000, " + at, byName, byName, byName},
		{"IP   Source port   Seen on\n198.18.0.0   6000   " + at, byName, byName, byName},
		{"IP: 198.18.0.0\nSource port: 6000\nTime: " + at, byName, byName, byName},
		{"Source:\nIP: 198.18.0.0\nPort: 6000\nTime: " + at, byName, byName, byName},

		// Without one, and nothing else is said of it.
		{"198.18.0.0 6000 " + at, byWord, not, byWord},
		{"Source: 198.18.0.0 Port: 6000 Time: " + at, byWord, not, byWord},
		{"source ip 198.18.0.0 port 6000 " + at, byWord, not, byWord},
		{"src 198.18.0.0 port 6000 to 203.0.113.9 " + at, byWord, not, byWord},
		{"198.18.0.0 port 6000 -> 203.0.113.9 " + at, byWord, not, byWord},
		{"198.18.0.0,6000," + at, byWord, not, byWord},
		{"198.18.0.0 port 6000 " + at, byWord, not, byWord},
		{"IP  Port  Time\n198.18.0.0  6000  " + at, byWord, not, byWord},
		{"| IP | Port | Time |\n|---|---|---|\n| 198.18.0.0 | 6000 | " + at + " |", byWord, not, byWord},
		{"IP   Source port   Time\n198.18.0.0   7000   " + at + "\n\nList 2\n\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"Log source:\nIP: 198.18.0.0\nPort: 6000\nTime: " + at, byWord, not, byWord},
		{"IP   Port   Seen on\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"IP   Source port   Seen on\n198.18.0.0   7000   " + at + "\n\nBest regards\nJohn\n\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"IP   Source port   Seen on\n198.18.0.0   7000   " + at + "\n\nPort scan:\n\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"Subject: x\n\n> IP   Source port   Seen on\n> 198.18.0.0   7000   " + at + "\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"IP   Source port   Seen on\n198.18.0.0   7000   " + at + "\n(2)\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"IP   Source port   Seen on\nHoneypot 2\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"Subject: x\n\n> IP   Source port   Seen on\n198.18.0.0   6000   " + at, byWord, not, byWord},
		{"* IP: 198.18.0.0 Port: 6000 Time: " + at, byWord, not, byWord},
		{"IP   Source port   Time\n198.18.0.0   7000   " + at + "\n\n198.18.0.0 6000 " + at, byWord, not, byWord},
		{"IP,Port,Time\n198.18.0.0,6000," + at, byWord, not, byWord},
		{"IP: 198.18.0.0\nPort: 6000\nTime: " + at, byWord, not, byWord},
		{"IP: 198.18.0.0 port 6000\nTime: " + at, byWord, not, byWord},
		{"IP: 198.18.0.0 (Port: 6000)\nTime: " + at, byWord, not, byWord},
		{"Source:\nIP: 198.18.0.0 port 6000\nTime: " + at, byName, byName, byName},
		{`{"ip":"198.18.0.0","port":6000,"time":"` + at + `"}`, byWord, not, byWord},
		{"Subject: Request\nFrom: a@example.com\n\nPlease identify this subscriber:\n\n198.18.0.0 6000 " + at, byWord, not, byWord},

		// Without one, and it may be somebody else's.
		{"Attacks on port 22:\n198.18.0.0 6000 " + at, not, not, byWord},
		{"Honeypot\n\nIP,Port,Time\n198.18.0.0,6000," + at, not, not, byWord},
		{"Port scans of our network.\n\nIP  Port  Time\n198.18.0.0  6000  " + at, not, not, byWord},
		{"Ports are those of the target.\n198.18.0.0 port 6000 " + at, not, not, byWord},
		{"Port is the destination port.\n\nIP: 198.18.0.0 port 6000\nTime: " + at, not, not, byWord},
		{"IP: 198.18.0.0, Port 6000\nTime: " + at + "\nAttack type: ssh brute force", not, not, byWord},
		{"Port is the destination port.\n\nSource IP: 198.18.0.0 Port: 6000 Time: " + at, not, not, byWord},
		{"Port is the destination port.\n\n198.18.0.0 port 6000 target 203.0.113.9 " + at, not, not, byWord},
		{"SSH brute force against our servers:\n\nIP: 198.18.0.0 Port: 6000 Time: " + at, not, not, byWord},
		{"Service: SSH\n\n- IP: 198.18.0.0 Port: 6000 Time: " + at, not, not, byWord},
		{"IP   Source port   Time\n198.18.0.0   7000   " + at + "\n\nHoneypot 2\n\n198.18.0.0   6000   " + at, not, not, byWord},
		{"Port is the destination port.\n\nIP   Port   Seen on\n198.18.0.0   6000   " + at, not, not, byWord},
		{"SSH brute force against our server:\nIP   Port   L4   Time\n198.18.0.0   6000   TCP   " + at, not, not, byWord},
		{"Target IP,IP,Port,Time\n203.0.113.9,198.18.0.0,6000," + at, not, not, byWord},
		{"IP,Port,Time,Service\n198.18.0.0,6000," + at + ",ssh", not, not, byWord},
		{"IP: 198.18.0.0\nPort: 6000\nTime: " + at + "\nAttack type: scan", not, not, byWord},
		{"Attacker,,Target,\nIP,Time,Port,Case\n198.18.0.0," + at + ",6000,1", not, not, byWord},
		{`{"source":{"ip":"198.18.0.0"},"port":6000,"time":"` + at + `"}`, not, not, byWord},
		{"Subject: Port scan from your network\nFrom: a@example.com\n\n198.18.0.0 6000 " + at, not, not, byWord},

		// It is somebody else's by its name, or by a name of the other one without a value, and no option makes it the subscriber's.
		{"IP,Destination port,Time\n198.18.0.0,6000," + at, "asked without it", "asked without it", "asked without it"},
		{"IP: 198.18.0.0\nTarget port: 6000\nTime: " + at, "asked without it", "asked without it", "asked without it"},
		{"IP,Source port,Port,Time\n198.18.0.0,,6000," + at, not, not, not},
		{`{"ip":"198.18.0.0","src_port":null,"port":6000,"time":"` + at + `"}`, not, not, not},
		{`{"ip":"198.18.0.0","src_port":{},"port":6000,"time":"` + at + `"}`, not, not, not},
		{`{"src_port":null,"list":[{"ip":"198.18.0.0","port":6000,"time":"` + at + `"}]}`, not, not, not},
		{"IP: 198.18.0.0\nSource port: unknown\nPort: 6000\nTime: " + at, not, not, not},
	} {
		for ports, want := range map[Ports]string{0: test.heard, PortsNamed: test.named, PortsSource: test.source} {
			if got := portOutcome(t, test.text, ports); got != want {
				t.Errorf("%q with %v: %s, want %s", test.text, ports, got, want)
			}
		}
	}
}
