package request

import (
	"errors"
	"strings"
	"testing"
)

func TestDateOrder(t *testing.T) {
	const noMonth = ": find out how this sender writes dates"
	for _, c := range []struct{ text, none, dmy, mdy string }{
		{"01/03/2026 12:34:56 UTC", "exchanged", "2026-03-01T12:34:56Z", "2026-01-03T12:34:56Z"},
		{"01.03.2026 12:34:56 UTC", "exchanged", "2026-03-01T12:34:56Z", "2026-01-03T12:34:56Z"},
		{"1-3-2026 12:34:56 UTC", "exchanged", "2026-03-01T12:34:56Z", "2026-01-03T12:34:56Z"},
		{"12/11/2026 1:02:03 PM -03:00", "exchanged", "2026-11-12T16:02:03Z", "2026-12-11T16:02:03Z"},
		{"03/03/2026 12:34:56 UTC", "2026-03-03T12:34:56Z", "2026-03-03T12:34:56Z", "2026-03-03T12:34:56Z"},
		{"25/03/2026 12:34:56 UTC", "2026-03-25T12:34:56Z", "2026-03-25T12:34:56Z", "the month was said to come first, and there is no month 25" + noMonth},
		{"03/25/2026 12:34:56 UTC", "2026-03-25T12:34:56Z", "the day was said to come first, and there is no month 25" + noMonth, "2026-03-25T12:34:56Z"},
		{"25/25/2026 12:34:56 UTC", "no such day", "no such day", "no such day"},
		{"31/04/2026 12:34:56 UTC", "no such day", "no such day", "there is no month 31"},
		{"Thu, 01/03/2026 12:34:56 UTC", "exchanged", "2026-03-01 is a Sunday, not a Thursday", "2026-01-03 is a Saturday"},
		{"01/Mar/2026:12:34:56 +0100", "2026-03-01T11:34:56Z", "2026-03-01T11:34:56Z", "2026-03-01T11:34:56Z"},
		{"2026-03-01 12:34:56 UTC", "2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z"},
		{"2026/03/25 12:34:56 UTC", "2026-03-25T12:34:56Z", "2026-03-25T12:34:56Z", "2026-03-25T12:34:56Z"},
		{"01/03/26 12:34:56 UTC", "two digits", "two digits", "two digits"},
	} {
		for order, want := range map[DateOrder]string{0: c.none, DayFirst: c.dmy, MonthFirst: c.mdy, 99: c.none} {
			from, to, err := parseTime(c.text, nil, order)
			if err != nil {
				if !strings.Contains(err.Error(), want) || !from.IsZero() || !to.IsZero() {
					t.Errorf("%s, %v: %v, want %s", c.text, order, err, want)
				}
				if said := strings.Contains(want, "said to come first"); said && !errors.Is(err, ErrDayMonth) {
					t.Errorf("%s, %v: %v is no ErrDayMonth", c.text, order, err)
				}
				continue
			}
			if !strings.HasSuffix(want, "Z") || !from.Equal(at(t, want)) {
				t.Errorf("%s, %v: %v, want %s", c.text, order, from, want)
			}
		}
	}
	if got := DateOrder(0).String() + DayFirst.String() + MonthFirst.String() + DateOrder(9).String(); got != "nonedmymdynone" {
		t.Error(got)
	}
}

// TestDateOrderOfFormats checks that every format whose times can be dates of that kind is told the order.
func TestDateOrderOfFormats(t *testing.T) {
	for name, text := range map[string]string{
		"plain":    "198.18.0.0:6000 01/03/2026 12:34:56 UTC\n",
		"interval": "198.18.0.0:6000 01/03/2026 12:34:56 - 01/03/2026 12:34:56 UTC\n",
		"csv":      "ip;port;date;time;tz\n198.18.0.0;6000;01/03/2026;12:34:56;UTC\n",
		"bare csv": "198.18.0.0,6000,01/03/2026 12:34:56 UTC\n",
		"json":     `{"ip":"198.18.0.0","port":6000,"time":"01/03/2026 12:34:56 UTC"}`,
		"tcpdump":  "01-03-2026 12:34:56Z IP 198.18.0.0.6000 > 203.0.113.9.443: Flags [S]\n",
		"netflow":  "01/03/2026 12:34:56 UTC src=198.18.0.0:6000 dst=203.0.113.9\n",
		"clf":      "198.18.0.0:6000 - - [01/03/2026:12:34:56 +0000] \"GET / HTTP/1.1\" 200 1\n",
		"acns":     "<Infringement><Source><TimeStamp>01/03/2026 12:34:56 UTC</TimeStamp><IP_Address>198.18.0.0</IP_Address><Port>6000</Port></Source></Infringement>",
		"x-arf":    "Report-Type: x\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 01/03/2026 12:34:56 UTC\n",
		"block":    "IP: 198.18.0.0\nPort: 6000\nTime: 01/03/2026 12:34:56 UTC\n",
		"mail":     "Subject: x\n\n198.18.0.0:6000 01/03/2026 12:34:56 UTC\n",
	} {
		for order, want := range map[DateOrder]string{0: "", DayFirst: "2026-03-01T12:34:56Z", MonthFirst: "2026-01-03T12:34:56Z"} {
			got, err := read(t, strings.NewReader(text), Options{Dates: order})
			switch {
			case err != nil || len(got) != 1:
				t.Errorf("%s, %v: %v (%v)", name, order, got, err)
			case want == "":
				if !errors.Is(got[0].Err, ErrDayMonth) {
					t.Errorf("%s, %v: %v", name, order, got[0])
				}
			case got[0].Err != nil || got[0].Port != 6000 || !got[0].From.Equal(at(t, want)):
				t.Errorf("%s, %v: %+v", name, order, got[0])
			}
		}
	}
}
