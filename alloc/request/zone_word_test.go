package request

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// zoneless are questions with a time without a zone; %s stands where the zone of that time would.
var zoneless = map[string]string{
	"a line":             "198.18.0.0:6000 2026-01-10 12:34:56%s\n",
	"a line, in between": "2026-01-10 12:34:56%s 198.18.0.0:6000\n",
	"a line with a port": "198.18.0.0 port 6000 at 2026-01-10 12:34:56%s\n",
	"an interval":        "198.18.0.0:6000 between 2026-01-10 12:34:56 and 2026-01-10 12:35:56%s\n",
	"its start":          "198.18.0.0:6000 from 2026-01-10 12:34:56%s to 2026-01-10 12:35:56\n",
	"a date":             "198.18.0.0:6000 2026-01-10%s\n",
	"a month":            "198.18.0.0:6000 10 Jan 2026 12:34:56%s\n",
	"ctime":              "198.18.0.0:6000 Sat Jan 10 12:34:56%s 2026\n",
	"half a day":         "198.18.0.0:6000 2026-01-10 11:34:56 PM%s\n",
	"an hour":            "198.18.0.0:6000 2026-01-10 12:34h%s\n",
	"csv":                "ip,port,time\n198.18.0.0,6000,2026-01-10 12:34:56%s\n",
	"csv, a clock":       "ip,port,date,time\n198.18.0.0,6000,2026-01-10,12:34:56%s\n",
	"csv, without names": "198.18.0.0,6000,2026-01-10 12:34:56%s\n",
	"csv, an end":        "ip,port,start,end\n198.18.0.0,6000,2026-01-10 12:34:56,2026-01-10 12:35:56%s\n",
	"json":               `[{"ip":"198.18.0.0","port":6000,"time":"2026-01-10 12:34:56%s"}]`,
	"a block":            "IP: 198.18.0.0\nPort: 6000\nTime: 2026-01-10 12:34:56%s\n",
	"a block on a line":  "IP: 198.18.0.0 Time: 2026-01-10 12:34:56%s Port: 6000\n",
	"a block, a clock":   "IP: 198.18.0.0\nPort: 6000\nDate: 2026-01-10\nTime: 12:34:56%s\n",
	"acns":               "<Infringement><Source><IP_Address>198.18.0.0</IP_Address><Port>6000</Port><TimeStamp>2026-01-10 12:34:56%s</TimeStamp></Source></Infringement>",
	"x-arf":              "Schema-URL: x\nSource-Type: ip-address\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-01-10 12:34:56%s\n",
	"clf":                "198.18.0.0 - - [10/Jan/2026:12:34:56%s] \"GET / HTTP/1.1\" 200 1\n",
	"tcpdump":            "2026-01-10 12:34:56.000001%s IP 198.18.0.0.6000 > 203.0.113.9.443: Flags [S]\n",
	"tcpdump, a device":  "2026-01-10 12:34:56.000001%s eth0 In IP 198.18.0.0.6000 > 203.0.113.9.443: Flags [S]\n",
	"pairs":              "2026-01-10 12:34:56%s proto=TCP src=198.18.0.0:6000 dst=203.0.113.9:443\n",
	"pairs, at the end":  "proto=TCP src=198.18.0.0:6000 dst=203.0.113.9:443 time=2026-01-10T12:34:56%s\n",
	"pairs, in between":  "proto=TCP time=2026-01-10T12:34:56%s src=198.18.0.0:6000 dst=203.0.113.9:443\n",
	"pairs, in quotes":   "proto=TCP time=\"2026-01-10 12:34:56\"%s src=198.18.0.0:6000 dst=203.0.113.9:443\n",
	"nfdump":             "2026-01-10 12:34:56.000%s 0.000 TCP 198.18.0.0:6000 -> 203.0.113.9:443 1 1 1\n",
	"nfdump, an event":   "2026-01-10 12:34:56.000%s CREATE TCP 100.64.0.2:40000 -> 203.0.113.9:443 198.18.0.0:6000 -> 203.0.113.9:443\n",
	"a mail":             "From: a@example\nTo: b@example\nSubject: x\n\n198.18.0.0:6000 2026-01-10 12:34:56%s\n",
	"a mail with blocks": "From: a@example\nTo: b@example\nSubject: x\n\nDear all,\n\nIP: 198.18.0.0\nPort: 6000\nTime: 2026-01-10 12:34:56%s\n",
}

// labelled have it in brackets behind the label of the time, and cells in a column of their own, without a name, behind it.
var labelledZones = map[string]string{
	"a label":             "IP: 198.18.0.0\nPort: 6000\nDate (%s): 2026-01-10 12:34:56\n",
	"a label in Spanish":  "IP: 198.18.0.0\nPuerto: 6000\nFecha (%s): 2026-01-10 12:34:56\n",
	"a label with a form": "IP: 198.18.0.0\nPort: 6000\nDate (DD/MM/YYYY hh:mm:ss %s): 10/01/2026 12:34:56\n",
	"a pair":              "proto=TCP time=\"2026-01-10 12:34:56\" tzname=%s src=198.18.0.0:6000 dst=203.0.113.9:443\n",
	"another pair":        "date=2026-01-10 time=12:34:56 tz_abbr=%s src=198.18.0.0:6000 dst=203.0.113.9:443\n",
	"a cell":              "ip,port,time,\n198.18.0.0,6000,2026-01-10 12:34:56,%s\n",
	"a cell in quotes":    "ip;port;time;\"\"\n198.18.0.0;6000;2026-01-10 12:34:56;\"%s\"\n",
}

// notZoneWords are words behind a time that say nothing of its zone, or all: halves of days, hours, zones that are known, words
// of the line that is around them, and what stands for nothing. No other words of two or three letters are.
var notZoneWords = setOfWords("AM PM H HS HRS RS UHR UTC GMT UT Z LOCAL TO AT ON IN FROM IP ADDR DATE TIME PORT SRC TCP UDP ICMP NEW ADD DEL NA NIL NONE NULL")

// TestWordBehindTime checks that no word of letters behind a time is passed over, whatever it is: it may be the name of a zone.
func TestWordBehindTime(t *testing.T) {
	r := rand.New(rand.NewPCG(testseed.New(t), 7))
	o := Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation, Dates: DayFirst}
	words := strings.Fields(strongAbbreviations + " " + otherAbbreviations + " " + wordAbbreviations + " DST")
	for range 60 {
		var word strings.Builder
		for range 2 + r.IntN(4) {
			word.WriteByte(byte('A' + r.IntN(26)))
		}
		words = append(words, word.String())
	}
	for _, word := range words {
		if notZoneWords[word] || isPattern(word) {
			continue
		}
		for name, text := range zoneless {
			behind := fmt.Sprintf([...]string{" %s", " (%s)", "%s", "  %s"}[r.IntN(4)], word)
			if got := askedTwice(t, fmt.Sprintf(text, behind), o); strings.Contains(got, " at ") {
				t.Errorf("%s, %q: %s", name, behind, got)
			}
		}
		for name, text := range labelledZones {
			if got := askedTwice(t, fmt.Sprintf(text, word), o); strings.Contains(got, " at ") {
				t.Errorf("%s, %q: %s", name, word, got)
			}
		}
	}
	for name, text := range zoneless { // they are questions without it
		if got := askedTwice(t, fmt.Sprintf(text, ""), o); !strings.Contains(got, "198.18.0.0") || strings.Count(got, " at ") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, offset := range []string{" +0100", " -03:00", " (UTC-3)"} { // nor is an offset
		for name, text := range zoneless {
			if got := askedTwice(t, fmt.Sprintf(text, offset), Options{Zone: time.UTC, Zones: time.LoadLocation, Dates: DayFirst}); strings.Contains(got, "2026-01-10T12:34:") {
				t.Errorf("%s, %q: %s", name, offset, got)
			}
		}
	}
}

// TestFormOfTimes reads labels that say how times are written, and perhaps in which zone.
func TestFormOfTimes(t *testing.T) {
	for note, want := range map[string]string{
		"YYYY-MM-DD": "15:34", "hh:mm:ss, 24h": "15:34", "YYYY-MM-DDTHH:MM:SS": "15:34", "24 hrs": "15:34", "aaaa-mm-dd": "15:34", "JJJJ-MM-TT": "15:34", "yyyy-mm-dd hh:mm:ss.fff": "15:34", "local": "15:34",
		"UTC, 24h": "12:34", "YYYY-MM-DD UTC-03:00": "15:34", "hh:mm:ss GMT": "12:34", "MST": "", "ART": "", "24h ART": "", "YYYY-MM-DD, ART": "", "JST": "", "AST": "", "Xanadu": "",
	} {
		got := askedTwice(t, "IP: 198.18.0.0\nPort: 6000\nDate ("+note+"): 2026-01-10 12:34:56\n", Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation})
		if want == "" && strings.Contains(got, " at ") || want != "" && !strings.Contains(got, " at 2026-01-10T"+want) {
			t.Errorf("%s: %s", note, got)
		}
	}
}

// TestStatedByWords checks that names of zones that are names of other things, too, count where they stand alone, or beside words about time and dates.
func TestStatedByWords(t *testing.T) {
	for _, text := range []string{
		"Zona: ART\n\n" + statedBlock, "Timestamps in ART\n\n" + statedBlock, "(ART)\n\n" + statedBlock, "Fechas en ART\n\n" + statedBlock, "Zone name = ART\n\n" + statedBlock, "Clock: WIB\n\n" + statedBlock,
		"IP,Port,Date,hora_ART\n198.18.0.0,6000,2026-01-10,12:34:00\n", "IP,Port,Date,Fecha_ART\n198.18.0.0,6000,2026-01-10,12:34:00\n", "IP,Port,Time,x\n198.18.0.0,6000,2026-01-10 12:34:00,ART\n", "IP,Port,Time,zona\n198.18.0.0,6000,2026-01-10 12:34:00,ART\n",
		`{"zone_name":"ART","requests":[` + statedObject + `}]}`, `{"tz_abbr":"ART","requests":[` + statedObject + `}]}`,
	} {
		for _, zone := range []string{"UTC", "Asia/Tashkent"} {
			if got := askedTwice(t, text, Options{Zone: location(t, zone), Zones: time.LoadLocation}); strings.Contains(got, " at ") {
				t.Errorf("%q, with --tz %s: %s", text, zone, got)
			}
		}
	}
}

// TestWrappedOffset reads times whose offset stands in the next line.
func TestWrappedOffset(t *testing.T) {
	const mail = "From: a@example\nTo: b@example\nSubject: x\n\n"
	for _, before := range []string{"IP: 198.18.0.0\nPort: 6000\nDate: 2026-01-10 12:34:56", "198.18.0.0:6000 2026-01-10 12:34:56", "IP: 198.18.0.0\nPort: 6000\nDate: 2026-01-10 12:34:56 PM", "IP: 198.18.0.0\nPort: 6000\nDate: 2026-01-10\nTime: 12:34h"} {
		for _, offset := range []string{"-03:00", "(-0300)", "  +01:00", "+0100", "-03", "\u221203:00", "UTC-3", "[UTC +01:00]", "CET", "ART"} {
			for _, text := range []string{before + "\n" + offset + "\n", before + "\r\n" + offset + "\r\n\r\nThanks", mail + before + " \n" + offset + "\n", mail + "> " + before + "\n> " + offset + "\n"} {
				if got := askedTwice(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); strings.Contains(got, " at ") {
					t.Errorf("%q: %s", text, got)
				}
			}
		}
		xarf := "Schema-URL: x\nSource-Type: ip-address\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-01-10 12:34:56\n\t-0300\n"
		if got := askedTwice(t, xarf, Options{Zone: time.UTC, Zones: time.LoadLocation}); strings.Contains(got, " at ") {
			t.Errorf("%q: %s", xarf, got)
		}
		if got := askedTwice(t, before+"\n-03:00\n", Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation}); !strings.Contains(got, " at 2026-01-10T15:34") {
			t.Errorf("%q: %s", before, got)
		}
		if got := askedTwice(t, before+"\n-3 items\n\n+55 11\n-1\n", Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, " at 2026-01-10T12:34") {
			t.Errorf("%q: %s", before, got)
		}
	}
}
