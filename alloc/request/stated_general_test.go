package request

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// unlikeStatements are ways to state a zone in which no zone is named that everybody knows, or in which what is named is another than the
// word that is known: none may be read in any zone of an option.
var unlikeStatements = []string{
	"All times are CET/CEST.", "CET/CEST", "times are in CET-CEST", "MEZ/MESZ", "All times EST/EDT", "Time standard: CET/CEST", "tz_info: CET/CEST", "timezone: EST5EDT",
	"Times are CET/UTC", "All logs of our servers are recorded in CET by the operator", "Dates are given in CEST here, as all of our logs of this month are",
	"All times Eastern", "All times are Eastern.", "US Eastern", "times are Pacific", "ALL TIMES ARE EASTERN", "Hora local de México", "hora peninsular española",
	"All times are XYZT.", "times are local to the site in Xanadu", "time zone: Xanadu", "Times are given in Europe/Xanadu", "tz=Xanadu", "Fuso horário: Xanadu",
	"GMT minus three hours", "UTC minus three hours", "times are three hours behind UTC", "times are not in UTC", "Die Zeiten sind nicht in UTC", "Times are UTC in list 1 and CET in list 2",
	"UTC plus one hour", "The clock was 3 hours ahead of GMT", "Zeiten in Normalzeit", "time zone is Xanadu", "utc_offset_minutes: -180", "difference to UTC: 3",
	"All times are CE(S)T", "Alle Zeiten in ME(S)Z", "times:CET", "The clock runs ahead of UTC by 2 hours", "Times were converted from UTC to local time", "All times CET / CEST",
	"server clock is 3h behind UTC", "EST.", "Clock: EST. 1999", "Times are EST. 2026 list follows", "All times between 9:00-17:00 CET", "Brasília, EST", "The clock runs 3hrs ahead of UTC", "times are 180 minutes behind GMT", "Times ET", "times (ET)", "Time: PT", "UTC 3", "UTC3", "All times are UTC 3", "non-UTC times", "non UTC", "UTC offset 540", "offset +9h", "The offset is 9 hours", "Time difference: 3 hours", "add 180 minutes", "times are shifted by 3h", "times need to be shifted by 3 hours",
	"clock is 3 hours slow", "clock was 3 hours fast", "we are 3 hours ahead of you", "Greenwich time plus one hour", "1 hour ahead of Greenwich", "Gulf Standard Time", "Tidszon: Stockholm", "Saat dilimi: Türkiye", "UTC is 3h later than the times here", "Times are UTC less 3h", "the log is 3.5h behind UTC", "UTC was 3h",
}

// statements are ways to state one zone.
var statements = map[string]string{
	"Times are Europe/London": "Europe/London", "Unix/UTC": "UTC", "Timestamps are given in Unix/UTC": "UTC", "UTC-Zeit": "UTC", "Alle Zeiten in UTC-Zeit": "UTC", "U.T.C.": "UTC", "Times are in U.T.C.": "UTC",
	"UTC/GMT": "UTC", "times in UTC±00:00": "UTC", "koordinierte Weltzeit": "UTC", "Alle Zeiten sind koordinierte Weltzeit": "UTC", "tiempo universal coordinado": "UTC",
	"UTC minus 3": "Etc/GMT+3", "GMT menos 3": "Etc/GMT+3", "times in UTC - 3": "Etc/GMT+3", "UTC offset: -03:00": "Etc/GMT+3", "offset from UTC: -3": "Etc/GMT+3", "UTC-3/BRT": "Etc/GMT+3", "All times are UTC-3 (BRT)": "Etc/GMT+3",
	"hora de Argentina (ART)": "", "Hora de Argentina": "America/Argentina/Buenos_Aires", "Alle Zeiten sind deutsche Ortszeit": "Europe/Berlin", "ora italiana": "Europe/Rome",
	"times are local to the server in Tokyo": "Asia/Tokyo", "All times in Europe/Athens": "Europe/Athens", "times are Greek time": "Europe/Athens", "heure française": "Europe/Paris",
	"All times are in europe/athens": "Europe/Athens", "Nepal time": "Asia/Kathmandu", "Horário de Rondônia": "America/Porto_Velho", "horário de Mato Grosso": "America/Cuiaba", "hora do Acre": "America/Rio_Branco", "horário de Nova York": "America/New_York", "hora de Nueva York": "America/New_York",
	"ora di Roma": "Europe/Rome", "fuso orario di Roma": "Europe/Rome", "heure de Bruxelles": "Europe/Brussels", "heure locale de Bruxelles": "Europe/Brussels", "Die Zeiten sind in Wiener Zeit": "Europe/Vienna", "Uhrzeiten in Berliner Zeit": "Europe/Berlin",
	"Moskauer Zeit": "Europe/Moscow", "New Yorker Zeit": "America/New_York", "Alle Zeiten Ortszeit Wien": "Europe/Vienna", "Lokalzeit Wien": "Europe/Vienna", "Zeitzone Wien": "Europe/Vienna", "Zeitzone Deutschland": "Europe/Berlin", "deutsche Zeitzone": "Europe/Berlin",
	"in german timezone": "Europe/Berlin", "timezone Germany": "Europe/Berlin", "Local time Germany": "Europe/Berlin", "Server clock: Berlin": "Europe/Berlin", "Beijing time": "Asia/Shanghai", "time in Germany": "Europe/Berlin",
}

// noStatements say nothing about a zone.
var noStatements = []string{
	"All times are approximate.", "Times are given below.", "All times are local times.", "The times of the attacks are as follows:", "Times are in ISO 8601 format", "Timestamps are Unix epoch seconds",
	"This happened several times. Thank you.", "Date/Time and IP/Port follow.", "Please state the time zone of your answer.", "Note that the time zone is important.", "Die Zeiten sind Näherungswerte.",
	"Case EST-2026-0012, time limit 10 days", "At the time German police asked for it", "For the first time in Brazil this is asked.", "Please answer in time. Germany has laws.", "Time zone: local", "Time zone: n/a",
	"The BOT was seen at that time by the ART group of ours", "Mr/Mrs Smith had a hard time at work", "Zone: DMZ", "time zone: see below", "Os horários são aproximados.", "Response time: Excellent", "Local user: Xanadu",
	"Resposta no prazo de 24 horas, Brasil", "type: BOT", "SGT Miller of the station", "At that time GET /index.html was seen", "The time was converted from the log", "The Cat and the Pet had a good time", "Times are in Annex B", "EST. 1999", "ACME Ltd., EST. 1999", "We are open Mon-Fri 9:00-17:00 CET.", "Mo-Fr 08:30-16:30 MEZ", "Best, Brasilia office", "Brasília office", "Beste Grüße aus Wien", "He was in Rome at that moment", "Acre", "Price difference: 3 Euro", "There is an offset of 4096 bytes", "The fast track takes 3 days", "We look ahead to 12 answers", "Washington DC police", "The ET movie of 1982", "Mr Miller, San Francisco", "The New York office will give you all the time that you need to answer",
}

// inAllForms puts a statement beside a request in each form that has places for one.
func inAllForms(t *testing.T, note string) map[string]string {
	t.Helper()
	object, err := json.Marshal(map[string]any{"note": note, "requests": []map[string]any{{"ip": "198.18.0.0", "port": 6000, "time": "2026-01-10 12:34:00"}}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"a letter": note + "\n\n" + statedBlock, "a line": note + "\n" + statedRow, "a comment": "# " + note + "\nip,port,time\n198.18.0.0,6000,2026-01-10 12:34:00\n", "behind": statedRow + "\n" + note + "\n",
		"json": string(object), "a mail": "Subject: x\n\n" + note + "\n" + statedRow, "a part": statedMail(note, "7bit"), "acns": "<Infringement><Note>" + note + "</Note>" + statedNotice + "</Infringement>",
		"a cell": "IP,Source port,Time,X1\n198.18.0.0,6000,2026-01-10 12:34:00,\"" + note + "\"\n",
	}
}

// TestStatedInGeneral checks that no statement about a zone is passed over: where it cannot be resolved, times without a zone are refused
// with it, and where it can, in all zones but that one.
func TestStatedInGeneral(t *testing.T) {
	const at = "198.18.0.0:6000 at "
	check := func(note, zone string, refused bool) {
		t.Helper()
		for form, text := range inAllForms(t, note) {
			got := askedTwice(t, text, Options{Zone: location(t, zone), Zones: time.LoadLocation})
			if refused != strings.Contains(got, "ambiguous time zone") || refused == strings.Contains(got, at) {
				t.Errorf("%q, %s, with --tz %s: %s", note, form, zone, got)
			}
		}
	}
	for _, note := range unlikeStatements {
		check(note, "Asia/Tashkent", true)
		check(note, "UTC", true)
	}
	for note, zone := range statements {
		check(note, "Asia/Tashkent", true)
		if zone != "" {
			check(note, zone, false)
		}
	}
	for _, note := range noStatements {
		check(note, "Asia/Tashkent", false)
	}
}

// TestStatedInPlaces checks statements in places of which the form has a say.
func TestStatedInPlaces(t *testing.T) {
	for _, text := range []string{
		"IP,Port,Date,Time(CET/CEST)\n198.18.0.0,6000,2026-01-10,12:34:00\n",
		"IP,Port,Date and time,Logged [CET/CEST]\n198.18.0.0,6000,2026-01-10 12:34:00,x\n",
		"IP,Port,Time,X1\n198.18.0.0,6000,2026-01-10 12:34:00,CET/CEST\n",
		"IP,Port,Time,X1\n198.18.0.0,6000,2026-01-10 12:34:00,CET\n",
		"Time zone:\nCET/CEST\n\n" + statedBlock,
		"Time zone:\nXanadu\n\n" + statedBlock,
		`{"tz":"CET/CEST","requests":[` + statedObject + `}]}`,
		`{"requests":[` + statedObject + `}],"about":{"time_zone":"Xanadu"}}`,
		"IP: 198.18.0.0\nSource port: 6000\nTime (CET/CEST): 2026-01-10 12:34:00\n",
		"<Infringement><TimeZone>Xanadu</TimeZone>" + statedNotice + "</Infringement>",
		"Times are in UTC.\nTimes are CET/CEST.\n\n" + statedBlock,
	} {
		for _, zone := range []string{"UTC", "Asia/Tashkent"} {
			if got := askedTwice(t, text, Options{Zone: location(t, zone), Zones: time.LoadLocation}); strings.Contains(got, " at ") {
				t.Errorf("%q, with --tz %s: %s", text, zone, got)
			}
		}
	}
}

// TestStatedPlacesBehindMany checks that a place is heeded behind any number of other names.
func TestStatedPlacesBehindMany(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "Local time of User%c%c%c\n", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
	}
	got := askedTwice(t, statedBlock+"\n"+text.String()+"Berlin time\n", Options{Zone: location(t, "Asia/Tashkent"), Zones: time.LoadLocation})
	if got != "1: ambiguous time zone" {
		t.Error(got)
	}
}

// FuzzStated reads lines for what they state: a statement is found behind whatever stands before it, and all of it is quoted.
func FuzzStated(f *testing.F) {
	for _, texts := range [][]string{unlikeStatements, noStatements} {
		for _, text := range texts {
			f.Add(text)
		}
	}
	for text := range statements {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			return
		}
		s := &settings{zone: time.UTC, names: time.LoadLocation, stated: &Stated{}}
		for _, statement := range []string{"", ". All times are CET/CEST.", ". Times are in Europe/Xanadu"} {
			line := text + statement
			found := s.statedIn(line)
			unknown := false
			for _, z := range found {
				unknown = unknown || z.zone == nil
				if z.at < 0 || z.at > len(line) {
					t.Errorf("%q: at %d", line, z.at)
				}
			}
			if statement != "" && !unknown {
				t.Errorf("%q: %v", line, found)
			}
			s.heed(line)
		}
	})
}
