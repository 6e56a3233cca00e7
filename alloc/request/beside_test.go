package request

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// strayClocks are clocks as they stand apart from their date.
var strayClocks = []string{"23:30:00 -0500", "23:30:00 EST", "23:30 (UTC-5)", "11:30 PM EST", "11 p.m.", "at 23:30:00 -0500", "23h30", "23 Uhr", "2026-01-31T23:30:00-05:00", "31/Jan/2026:23:30:00 -0500", "2026-02-01 04:30 UTC"}

// TestClockApart writes a date and a clock in a place that nobody reads: the day of the option is not asked for.
func TestClockApart(t *testing.T) {
	const rest = "IP: 198.18.0.0\nPort: 6000\n"
	arf := func(text string) string {
		return arfMail("Feedback-Type: abuse\nSource-IP: 198.18.0.0\nSource-Port: 6000\n" + text)
	}
	xarf := "Report-Type: login-attack\nSource-Type: ipv4\nSource: 198.18.0.0\n"
	for _, clock := range strayClocks {
		forms := map[string]string{
			"the next label": rest + "Date: 2026-01-31\nExact moment: " + clock + "\n",
			"a label before": "Moment: " + clock + "\n" + rest + "Date: 2026-01-31\n",
			"a column":       "ip,port,date,when_est\n198.18.0.0,6000,2026-01-31,\"" + clock + "\"\n",
			"a member":       fmt.Sprintf(`{"ip":"198.18.0.0","port":6000,"date":"2026-01-31","moment":{"of_event":%q}}`, clock),
			"x-arf":          xarf + "Date: 2026-01-31\nMoment: " + clock + "\n",
		}
		if !strings.HasPrefix(clock, "2026") && !strings.HasPrefix(clock, "31") {
			forms["the next line"] = rest + "Date: 2026-01-31\n" + clock + "\n"
			forms["the next line, indented"] = rest + "Date: 2026-01-31,\n      " + clock + "\n"
			forms["the next line, quoted"] = "From: a@example\n\n> " + strings.ReplaceAll(rest, "\n", "\n> ") + "Date: 2026-01-31\n> " + clock + "\n"
			forms["the next line, with a word"] = rest + "Date: 2026-01-31\nClock " + clock + "\n"
			forms["behind a line"] = "198.18.0.0:6000 2026-01-31\n" + clock + "\n"
			forms["behind a line of a mail"] = "From: a@example\n\n198.18.0.0:6000 on 2026-01-31\n" + clock + "\nThanks\n"
			forms["arf, folded"] = arf("Arrival-Date: Sat, 31 Jan 2026\n\t" + clock + "\n")
			forms["x-arf, folded"] = xarf + "Date: Sat, 31 Jan 2026\n " + clock + "\n"
		}
		for name, text := range forms {
			for _, zone := range []*time.Location{nil, time.UTC} {
				if got := told(t, text, Options{Zone: zone}); strings.Contains(got, " at 2026-01-31") {
					t.Errorf("%s, %s: %s", name, clock, got)
				}
			}
		}
	}
	for _, half := range []string{"PM (UTC)", "PM UTC", "p.m. EST", "PM"} {
		for _, text := range []string{rest + "Date: 2026-01-31 11:30:00\n" + half + "\n", "198.18.0.0:6000 2026-01-31 11:30:00\n    " + half + "\n"} {
			if got := told(t, text, Options{Zone: time.UTC}); strings.Contains(got, " at 2026-01-31") {
				t.Errorf("%q: %s", text, got)
			}
		}
	}
}

// arfMail is a mail with a feedback report.
func arfMail(report string) string {
	return "From: a@example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n" + report + "\n--b--\n"
}

// TestClockOfSomethingElse checks that a day is asked for where no clock can be meant, and that a time with its clock is not disturbed.
func TestClockOfSomethingElse(t *testing.T) {
	const day, moment = "198.18.0.0:6000 at 2026-01-31T00:00:00Z until 2026-02-01T00:00:00Z", "198.18.0.0:6000 at 2026-01-31T12:34:56Z"
	for text, want := range map[string]string{
		"IP: 198.18.0.0\nSource port: 6000\nDate: 2026-01-31\nWritten: 2026-02-04 09:00\n":                   day,
		"IP: 198.18.0.0\nSource port: 6000\nDate: 2026-01-31\nHardware: 00:11:22:33:44:55\nRatio: 7.10\n":    day,
		"ip,port,date,note\n198.18.0.0,6000,2026-01-31,Case 12/2026\n":                                       day,
		"198.18.0.0:6000 2026-01-31\n\n09:00 is when our office opens, and 198 people work there each day\n": day,
		"IP: 198.18.0.0\nSource port: 6000\nTime: 2026-01-31 12:34:56\nOpened: 09:00\n09:30:00\n":            moment,
		"198.18.0.0:6000 2026-01-31 12:34:56\n23:30:00 -0500\n":                                              moment,
		"From: a@example\n\n198.18.0.0:6000 2026-01-31 12:34:56\nAm Montag\n":                                moment,
	} {
		if got := told(t, text, Options{Zone: time.UTC}); !strings.Contains(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestLocalEnd checks that a time whose label calls it local does not take the zone of the other end.
func TestLocalEnd(t *testing.T) {
	o := Options{Zone: location(t, "Europe/Berlin")}
	for _, local := range []string{"local", "local time", "Ortszeit", "hora local"} {
		for _, text := range []string{
			"ip,port,start (" + local + "),end (UTC)\n198.18.0.0,6000,2026-02-01 03:40:00,2026-02-01 03:45:00\n",
			"ip,port,start (UTC),end (" + local + ")\n198.18.0.0,6000,2026-02-01 01:40:00,2026-02-01 03:45:00\n",
			"IP: 198.18.0.0\nPort: 6000\nStart (" + local + "): 2026-02-01 03:40:00\nEnd (UTC): 2026-02-01 03:45:00\n",
			"IP: 198.18.0.0\nPort: 6000\nStart (" + local + "): 2026-02-01 03:40:00\nEnd: 2026-02-01 03:45:00Z\n",
		} {
			if got := askedOf(t, text, o); !strings.Contains(got, ErrZone.Error()) {
				t.Errorf("%q: %s", text, got)
			}
		}
		text := "ip,port,start (" + local + "),end (" + local + ")\n198.18.0.0,6000,2026-02-01 03:40:00,2026-02-01 03:45:00\n"
		if got := askedOf(t, text, o); got != "2: 198.18.0.0:6000 at 2026-02-01T02:40:00Z until 2026-02-01T02:45:01Z" {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestPortOfOthers checks that a port that does not say whose it is is refused beside an address or service under any name.
func TestPortOfOthers(t *testing.T) {
	const whole = "198.18.0.0:6000 at 2026-03-01T12:34:56Z"
	const at = "2026-03-01T12:34:56Z"
	for _, name := range []string{
		"victim ip", "victim_ip", "attacked_ip", "honeypot", "sensor", "local_ip", "our_ip", "peer", "daddr", "host", "IP da vítima", "ip_alvo", "angegriffene IP", "Opfer", "service_ip", "listener", "url", "server_ip", "Ziel-IP", "dst", "log", "reporter",
	} {
		for value, bad := range map[string]bool{"203.0.113.9": true, "http://203.0.113.9/x": true, "203[.]0[.]113[.]9": true, "198.18.0.0": false, "198.18.0.01": true, "2001:db8::9": true} {
			if r, _ := roleOf(name); r == roleDestination && value != "203.0.113.9" {
				continue // an address, and no other
			}
			for form, text := range map[string]string{
				"table":  "src_ip," + name + ",port,time\n198.18.0.0," + value + ",6000," + at + "\n",
				"letter": "Attacker IP: 198.18.0.0\n" + name + ": " + value + "\nPort: 6000\nTime: " + at + "\n",
				"object": fmt.Sprintf(`{"src_ip":"198.18.0.0",%q:%q,"port":6000,"time":%q}`, name, value, at),
			} {
				got := told(t, text, Options{})
				if bad != strings.Contains(got, "(invalid port)") || bad == strings.Contains(got, whole) {
					t.Errorf("%s, %s %s: %s", form, name, value, got)
				}
				if got := told(t, strings.NewReplacer(",port,", ",source port,", "Port:", "Source port:", `"port"`, `"source_port"`).Replace(text), Options{}); !strings.Contains(got, "198.18.0.0:6000") {
					t.Errorf("%s, %s %s, source port: %s", form, name, value, got)
				}
			}
		}
	}
	for service, bad := range map[string]bool{"ssh": true, "RDP": true, "MS-SQL": true, "FTTH": false} {
		for form, text := range map[string]string{
			"table":  "src_ip,service,port,time\n198.18.0.0," + service + ",6000," + at + "\n",
			"letter": "Attacker IP: 198.18.0.0\nPort: 6000\nService: " + service + "\nTime: " + at + "\n",
			"object": fmt.Sprintf(`{"src_ip":"198.18.0.0","service":%q,"port":6000,"time":%q}`, service, at),
		} {
			if got := told(t, text, Options{}); bad != strings.Contains(got, "(invalid port)") || bad == strings.Contains(got, whole) {
				t.Errorf("%s, service %s: %s", form, service, got)
			}
		}
	}
}

// TestEndInTheNextLine checks that the end of an interval in a line of its own is not passed over.
func TestEndInTheNextLine(t *testing.T) {
	for _, end := range []string{"to 2026-02-01 03:30:00 UTC", "until 2026-02-01T03:30:00Z", "- 2026-02-01 03:30:00Z", "– 03:30:00", "and 2026-02-01", "bis 03:30", "até 2026-02-01 03:30 (UTC)", "hasta 01/02/2026 03:30", "   to 3:30 PM UTC."} {
		for _, text := range []string{
			"198.18.0.0:6000 2026-02-01 02:30:00 UTC\n" + end + "\n",
			"IP: 198.18.0.0\nPort: 6000\nTime: 2026-02-01 02:30:00 UTC\n" + end + "\n",
			"Time: 2026-02-01 02:30:00 UTC\n" + end + "\nIP: 198.18.0.0\nPort: 6000\n",
		} {
			for _, mail := range []string{"", "From: a@example\n\n"} {
				if got := told(t, mail+text, Options{}); strings.Contains(got, "198.18.0.0:6000 at") {
					t.Errorf("%q: %s", text, got)
				}
			}
		}
	}
	for _, other := range []string{"- 2 requests of 2026", "and 12 more", "to 198.18.0.9", "a 10:00 am meeting of all those that know of this took place", "Until: n/a", "- item"} {
		if got := told(t, "198.18.0.0:6000 2026-02-01 02:30:00 UTC\n"+other+"\n", Options{}); !strings.Contains(got, "198.18.0.0:6000 at") {
			t.Errorf("%q: %s", other, got)
		}
	}
}
