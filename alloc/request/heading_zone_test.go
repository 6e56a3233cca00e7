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
		{"IP:Port   Time (UTC)\nTarget, not UTC:\n198.18.0.0:6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP:Port   Time (UTC)\n198.18.0.0:6000   2026-02-01 05:30:00\n", nil, "05:30"},
		{"IP   Port   Time (CET)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Local time   Time (UTC)\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Start (UTC)   End\n198.18.0.0   6000   2026-02-01 05:30:00 - 2026-02-01 05:31:00\n", nil, ""},
		{"IP   Port   Time (UTC)\n198.18.0.1   6000   2026-02-01 05:30:00Z\n\nHost  Porto  Quando\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Time (UTC)\n198.18.0.1   6000   2026-02-01 05:30:00Z\n\n198.18.0.0:6000 2026-02-01 05:30:00\n", nil, ""},
		{"IP   Port   Time (UTC)\n198.18.0.1   6000   2026-02-01 05:30:00Z\n\n198.18.0.0   6000   2026-02-01 05:30:00\n", nil, "05:30"},
		{"IP Port Time (UTC)\n198.18.0.1 6000 2026-02-01 05:30:00Z\n\n198.18.0.0,6000,2026-02-01 05:30:00\n", nil, ""},
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

// TestHeadingZoneEnds writes lines between rows below a heading that says UTC. Whatever they say, a time below them is in no zone.
func TestHeadingZoneEnds(t *testing.T) {
	for _, line := range []string{"Not UTC:", "These are in BRT:", "Local time:", "Hora local:", "Time (local)", "(local time)", "# local time", "Times of this list are ours, UTC-3.", "Hor\u00e1rio de Bras\u00edlia:", "* Mail server (clock is CET)", "Server 2:", "Clock: CET", "The second server, 203.0.113.9:", "Ort: Berlin\nServer: 2", "(-03:00)", "-03:00", "# -03:00", "203.0.113.9 (times of Lisbon)", "203.0.113.9 local"} {
		for _, front := range []string{"", "Subject: x\n\n"} {
			for heading, row := range map[string]string{"IP address   Source port   Time (UTC)\n": "198.18.0.0   6000   ", "IP:Port   Time (UTC)\n": "198.18.0.0:6000   ", "IP Port Time (UTC)\n": "198.18.0.0 6000 "} {
				for _, between := range []string{line + "\n", "\n" + line + "\n", "\n" + line + "\n\n"} {
					text := front + heading + row + "2026-02-01 05:30:00\n" + between + row + "2026-02-01 02:30:00\n"
					got, err := read(t, strings.NewReader(text), Options{Ports: PortsSource})
					if err != nil {
						t.Fatal(err)
					}
					first := false
					for _, q := range got {
						first = first || q.Err == nil && q.From.Hour() == 5
						if q.Err == nil && q.From.Hour() == 2 {
							t.Errorf("%q is answered", text)
						}
					}
					if !first {
						t.Errorf("%q: the row above is refused", text)
					}
				}
			}
		}
	}
}

// TestHeadingQuoted writes a heading that is quoted as a mail quotes another one, above rows that are not, and the other way round.
func TestHeadingQuoted(t *testing.T) {
	const heading, row = "IP   Source port   Time (UTC)\n", "198.18.0.0   6000   2026-02-01 05:30:00\n"
	for text, want := range map[string]int{
		heading + row + row: 2, "> " + heading + "> " + row + "> " + row: 2, "> " + heading + "> " + row + row: 1, heading + row + "> " + row: 1, "> " + heading + "> " + row + "\n" + row: 1, ">> " + heading + ">> " + row + "> " + row: 1,
		"> " + heading + ">\n> " + row + ">\n> " + row: 2,
	} {
		got, err := read(t, strings.NewReader("Subject: x\n\n"+text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, q := range got {
			if q.Err == nil {
				n++
			}
		}
		if n != want {
			t.Errorf("%q: %d are answered, want %d", text, n, want)
		}
	}
}

// TestTitleZone writes a title between rows of a table whose heading says UTC. Where it says another zone, times below it are in none.
func TestTitleZone(t *testing.T) {
	for title, read := range map[string]bool{"Times below are BRT": false, "Not UTC:": false, "# times in CET": false, "(-03:00)": false, "Local time:": false, "# hora local": false, "List 2": true, "All times are UTC": true} {
		for _, mark := range []string{",", ";", "\t", "|"} {
			text := strings.ReplaceAll("ip,source port,time (UTC)\n198.18.0.7,6000,2026-02-01 05:30:00\n"+title+"\n198.18.0.0,2222,2026-02-01 05:30:00\n", ",", mark)
			if isPortAsked(t, text, 2222) != read && mark != "|" || !read && isPortAsked(t, text, 2222) {
				t.Errorf("%q: answered %v", text, !read)
			}
		}
	}
}

// TestHeadingOfTable writes lines in another form behind a table whose heading says UTC and names the source port: both are of the table alone.
func TestHeadingOfTable(t *testing.T) {
	for _, heading := range []string{"| IP | Source port | Time (UTC) |\n| 198.18.0.7 | 6000 | 2026-02-01 05:30:00 |\n", "IP,Source port,Time (UTC)\n198.18.0.7,6000,2026-02-01 05:30:00\n", "IP;Source port;Time (UTC)\n198.18.0.7;6000;2026-02-01 05:30:00\n", "IP\tSource port\tTime (UTC)\n198.18.0.7\t6000\t2026-02-01 05:30:00\n"} {
		for _, between := range []string{"\n", "\nNot UTC:\n", "\nBegin forwarded message:\n\n", "\nRegards\nJohn\n\n", "The second server 203.0.113.9 has local time\n"} {
			for _, row := range []string{"198.18.0.0:6000 2026-02-01 02:30:00", "IP: 198.18.0.0 Source port: 6000 Time: 2026-02-01 02:30:00", "198.18.0.0   6000   2026-02-01 02:30:00", "198.18.0.0 2222 2026-02-01T02:30:00Z"} {
				for _, front := range []string{"", "Subject: x\n\n"} {
					got, err := read(t, strings.NewReader(front+heading+between+row+"\n"), Options{Ports: PortsNamed})
					if err != nil {
						t.Fatal(err)
					}
					if len(got) < 2 || got[0].Err != nil && front != "" {
						t.Errorf("%q: %+v", front+heading+between+row, got)
					}
					for _, q := range got {
						if q.Err == nil && q.From.Hour() == 2 {
							t.Errorf("%q is answered", front+heading+between+row)
						}
					}
				}
			}
		}
	}
}

// TestHeadingOfOtherMail writes a row of another mail behind a table, divided as that is. It has neither the zone nor the name of the port in the heading.
func TestHeadingOfOtherMail(t *testing.T) {
	for _, mark := range []string{",", ";", "\t", " | "} {
		for _, between := range []string{"-----Original Message-----\nFrom: Officer\n\nPlease identify the user of\n\n", "On Thu, 5 Feb 2026, officer wrote:\n> Please identify\n> ", "Begin forwarded message:\n\n"} {
			heading, row := strings.ReplaceAll("IP,Source port,Time (UTC)\n", ",", mark), strings.ReplaceAll("198.18.0.7,6000,2026-02-01 05:30:00\n", ",", mark)
			text := "Subject: x\n\n" + heading + row + "\n" + between + row
			for _, form := range []string{text, strings.ReplaceAll(text, "05:30:00", "05:30:00Z")} {
				got, err := read(t, strings.NewReader(form), Options{})
				if err != nil || len(got) < 2 || got[0].Err != nil || got[0].Assumed {
					t.Fatalf("%q: %+v, %v", form, got, err)
				}
				for _, q := range got[1:] {
					if q.Err == nil && (!q.Assumed || form == text) {
						t.Errorf("%q: %+v", form, q)
					}
				}
			}
		}
	}
}
