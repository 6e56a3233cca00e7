package request

import (
	"strings"
	"testing"
)

// TestGroups writes headings of two lines, of which the upper one names groups of columns, in each layout, and checks that a bare port below is not asked
// about where one of the groups was attacked. A source port is, and so is a bare one below a title.
func TestGroups(t *testing.T) {
	const at = "2026-02-01T05:30:00Z"
	for _, mark := range []string{",", ";", "\t", " | ", "       "} {
		for _, group := range [][]string{{"Attacker", "Target", "Event"}, {"Quelle", "Ziel", "Zeit"}, {"Source", "Destination", ""}, {"Source", "Dest", "When"}, {"Attacker", "Victim", ""}, {"", "Attacked", ""}, {"Attacked service", "", ""}, {"Attacked ports:"}, {"Destination ports"}, {"Port = attacked port"}} {
			for _, port := range []string{"Port", "Porta", "Ports", "Source port"} {
				for _, front := range []string{"", "Subject: x\n\n", "Subject: x\n\nDear all,\n\n", "ip" + mark + "port" + mark + "time\n198.18.0.9" + mark + "7000" + mark + at + "\n\n"} {
					text := front + strings.Join(group, mark) + "\n" + strings.Join([]string{"IP", port, "Time"}, mark) + "\n" + strings.Join([]string{"198.18.0.0", "2222", at}, mark) + "\n"
					if own := port == "Source port"; isPortAsked(t, text, 2222) && !own {
						t.Errorf("%q is answered", text)
					}
				}
			}
		}
		for _, title := range []string{"Abuse report", "Requested data", "Dados solicitados", "The following hosts attacked our server:"} {
			attacked := strings.Contains(title, "attacked")
			text := title + "\n" + strings.Join([]string{"IP", "Port", "Time"}, mark) + "\n" + strings.Join([]string{"198.18.0.0", "6000", at}, mark) + "\n"
			if isPortAsked(t, text, 6000) == attacked {
				t.Errorf("%q: answered %v", text, attacked)
			}
			if text = strings.Replace(text, "Port", "Source port", 1); !isPortAsked(t, text, 6000) {
				t.Errorf("%q is refused", text)
			}
		}
	}
}

// TestTwoPorts writes tables with two columns of ports, of which one is empty.
func TestTwoPorts(t *testing.T) {
	for _, row := range []string{"198.18.0.0,,2222", "198.18.0.0,2222,", "198.18.0.0,-,2222"} {
		if text := "ip,port,port,time\n" + row + ",2026-02-01T05:30:00Z\n"; isPortAsked(t, text, 2222) {
			t.Errorf("%q is answered", text)
		}
	}
}

// TestAttackedPlain writes lines whose words say that the port is the one that was attacked.
func TestAttackedPlain(t *testing.T) {
	for line, read := range map[string]bool{
		"198.18.0.0 on port 2222 at": false, "from 198.18.0.0 on port 2222 at": false, "port 2222 from 198.18.0.0 at": false, "tcp port 2222 from 198.18.0.0 at": false, "at port 2222 198.18.0.0": false, "198.18.0.0 auf Port 2222": false, "198.18.0.0 02222": false,
		"198.18.0.0 port 2222 at": true, "from 198.18.0.0 port 2222 at": true, "198.18.0.0:2222 -> 203.0.113.9 on port 443": true, "source port 2222 198.18.0.0": true,
	} {
		if text := line + " 2026-02-01T05:30:00Z\n"; isPortAsked(t, text, 2222) != read {
			t.Errorf("%q: answered %v", text, !read)
		}
	}
}
