package request

import (
	"strings"
	"testing"
	"time"
)

// TestNotesOfColumns reads names of columns and members that have in brackets in which zone times are, or how they are written.
func TestNotesOfColumns(t *testing.T) {
	const at = ": 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"ip,port,Date (MM/DD/YYYY),Time (UTC)\n198.18.0.0,6000,01/10/2026,12:34:56\n", "2" + at},
		{"ip,port,Date (DD/MM/YYYY),Time (UTC)\n198.18.0.0,6000,10/01/2026,12:34:56\n", "2" + at},
		{"ip,port,Date (DD/MM/YYYY),Time (UTC)\n198.18.0.0,6000,01/13/2026,12:34:56\n", "2: day and month could be exchanged"},
		{"ip,port,Date (YYYY-MM-DD),Time (hh:mm:ss),tz\n198.18.0.0,6000,2026-01-10,09:34:56,-03:00\n", "2" + at},
		{"ip,port,time (CET)\n198.18.0.0,6000,2026-01-10 12:34:56\n", "2: ambiguous time zone"},
		{"ip,port,time (CET)\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: ambiguous time zone"}, // which is right?
		{"ip,port,date,time (CET)\n198.18.0.0,6000,2026-01-10,12:34:56\n", "2: ambiguous time zone"},
		{"ip,port,time (local)\n198.18.0.0,6000,2026-01-10 12:34:56\n", "2: no time zone"},
		{"ip,port,time (Xanadu)\n198.18.0.0,6000,2026-01-10 12:34:56Z\n", "2: ambiguous time zone"},
		{"ip,port,start (-03:00),end (-03:00)\n198.18.0.0,6000,2026-01-10 09:34:56,2026-01-10 09:34:56\n", "2" + at},
		{"ip,port,timestamp,Date (of the report)\n198.18.0.0,6000,2026-01-10T12:34:56Z,2026-01-12\n", "2" + at}, // another one says when
		{`{"ip":"198.18.0.0","port":6000,"time (CET)":"2026-01-10 12:34:56"}`, "1: ambiguous time zone"},
	})
	checkAskedWith(t, Options{Dates: MonthFirst}, []want{{"ip,port,Date (DD/MM/YYYY),Time (UTC)\n198.18.0.0,6000,10/01/2026,12:34:56\n", "2: day and month could be exchanged"}})
	checkAskedWith(t, Options{Zone: location(t, "Asia/Tashkent")}, []want{{"ip,port,time (local)\n198.18.0.0,6000,2026-01-10 17:34:56\n", "2" + at}})
}

// TestObjectsOfTimes reads objects that programs write for a time or a zone.
func TestObjectsOfTimes(t *testing.T) {
	const six, at = `{"ip":"198.18.0.0","port":6000,`, "1: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	checkAskedWith(t, Options{Zones: time.LoadLocation}, []want{
		{six + `"time":{"date":"2026-01-10 09:34:56.000000","timezone_type":3,"timezone":"America/Sao_Paulo"}}`, "1: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"},
		{six + `"time":{"date":"2026-01-10 09:34:56","timezone_type":1,"timezone":"-03:00"}}`, at},
		{six + `"time":{"date":"2026-01-10 09:34:56","timezone_type":2,"timezone":"BRT"}}`, "1: ambiguous time zone"},
		{six + `"time":{"date":"2026-01-10 09:34:56"}}`, "1: no time zone"},
		{six + `"time":"2026-01-10 09:34:56","timezone":{"name":"America/Sao_Paulo"}}`, at},
		{six + `"time":"2026-01-10 09:34:56","timezone":{"name":"Xanadu","offset":"-03:00"}}`, "1: unparsable"},
		{six + `"time":"2026-01-10 09:34:56","timezone":{"name":"America/Sao_Paulo"},"tz":"UTC"}`, "1: unparsable"},
		{six + `"time":{"$date":"2026-01-10T12:34:56Z"}}`, at},
		{six + `"timestamp":{"$date":{"$numberLong":"1768048496000"}}}`, at},
		{six + `"start":{"date":"2026-01-10 09:34:56","timezone":"-03:00"},"end":{"date":"2026-01-10 12:34:56","timezone":"UTC"}}`, "1: unparsable"},
	})
}

// TestOrdersOfNotes reads patterns of dates in brackets, in files and letters, with each order that may be given. An order that differs is refused.
func TestOrdersOfNotes(t *testing.T) {
	for order, notes := range map[DateOrder][]string{
		DayFirst:   {"DD/MM/YYYY", "D/M/Y", "d/m/yyyy", "dd-mm-yy", "JJ/MM/AAAA", "TT.MM.JJJJ", "DD MMM YYYY", "dd/mm/aaaa hh:mm:ss", "hh:mm dd/mm", "ddmmyyyy", "HH:MM:SS DD/MM/YYYY", "am/pm d/m/yyyy"},
		MonthFirst: {"MM/DD/YYYY", "M/D/Y", "m/d/yyyy", "mm-dd-yy", "MM/JJ/AAAA", "MMM DD YYYY", "mm/dd/yyyy hh:mm AM/PM", "hh:mm m/d", "mmddyyyy"},
		0:          {"YYYY-MM-DD", "yyyy-mm-ddThh:mm:ss", "AAAA/MM/DD", "JJJJ-MM-TT", "hh:mm:ss", "mm:ss"},
	} {
		for _, note := range notes {
			if got, err := orderOf(note); got != order || err != nil {
				t.Errorf("%s: %v (%v), want %v", note, got, err, order)
			}
			for _, given := range []DateOrder{0, DayFirst, MonthFirst} {
				for _, text := range []string{"ip,port,Date (" + note + "),Time (UTC)\n198.18.0.0,6000,01/02/2026,12:34:56\n", "IP: 198.18.0.0\nPort: 6000\nDate (" + note + "): 01/02/2026\nTime (UTC): 12:34:56\n"} {
					want := map[DateOrder]string{DayFirst: " at 2026-02-01T", MonthFirst: " at 2026-01-02T", 0: "exchanged"}[max(order, given)]
					if order != 0 && given != 0 && order != given {
						want = "exchanged"
					}
					if got := askedOf(t, text, Options{Dates: given}); !strings.Contains(got, want) {
						t.Errorf("%q, %v: %s, want %s", text, given, got, want)
					}
				}
			}
		}
	}
	checkAsked(t, []want{{"ip,port,Date (YYYY-DD-MM),Time (UTC)\n198.18.0.0,6000,2026-01-02,12:34:56\n", "2: day and month could be exchanged"}})
}
