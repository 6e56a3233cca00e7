package request

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// pick returns one of them.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// TestOffsetOrMore writes ends of intervals, tolerances and lengths of time behind a clock, in every format. Each is refused, or read as what it
// is: no answer is about less than the truth, whether a zone was given or not.
func TestOffsetOrMore(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 21))
	units := []string{"s", "sec", "secs", "seconds", "Sekunden", "min", "mins", "minutes", "minutos", "m", "h", "hrs", "hours", "horas", "Std", "day", "days", "ms", "Min.", "sec.", "minutes of error"}
	for range 150 {
		start := time.Date(2026, 1, 10, r.IntN(20), r.IntN(60), r.IntN(60), 0, time.UTC)
		end := start.Add(time.Duration(1+r.IntN(3*3600)) * time.Second)
		exact := r.IntN(2) == 0
		if r.IntN(2) == 0 { // as people write
			start, end = start.Truncate(15*time.Minute), end.Truncate(15*time.Minute).Add(15*time.Minute)
		}
		clock := start.Format("15:04")
		if exact {
			clock = start.Format(time.TimeOnly)
		}
		var behind string
		if r.IntN(2) == 0 {
			layout := pick(r, "15:04", "15:04:05", "3:04PM", "3:04 pm", "3:04:05PM", "1504")
			half := ""
			if exact || strings.HasPrefix(layout, "3") {
				layout = pick(r, "15:04:05", "15:04:05.000", "3:04PM", "3:04:05 PM")
			}
			if strings.HasPrefix(layout, "3") && r.IntN(2) == 0 {
				half = start.Format(pick(r, "PM", " PM"))
				clock = strings.Replace(clock, start.Format("15:"), start.Format("3:"), 1)
			}
			behind = half + pick(r, "-", " -", "- ", " - ", "\u2013", " \u2013", " \u2013 ", "--") + end.Format(layout) + pick(r, "", "", " Uhr", "h", " h", " UTC", "Z", " (UTC)", " hrs", " GMT")
		} else {
			end = start.Add(time.Second)
			number := 1 + r.IntN(20)
			behind = pick(r, "+", "-", " +", " -", " ±", "±", "+/-", " +/- ", " -/+", " (+", " (-", " (± ", "\u2212") + fmt.Sprint(number)
			switch unit := pick(r, "", " ", "a"); {
			case unit != "":
				behind += strings.TrimSuffix(unit, "a") + pick(r, units...)
			case !strings.Contains(behind, "/") && !strings.Contains(behind, "±"): // a number alone
			}
			if strings.Contains(behind, "(") {
				behind += ")"
			}
		}
		for name, form := range zoneless {
			text := form
			for _, old := range []string{"12:34:56", "11:34:56 PM"} {
				text = strings.Replace(text, old+"%s", clock+"%s", 1)
			}
			if !strings.Contains(text, clock+"%s") || strings.Count(text, "12:3") > 0 { // other forms of times, and intervals
				continue
			}
			text = fmt.Sprintf(text, behind)
			for _, zone := range []*time.Location{nil, time.UTC} {
				o := Options{Zone: zone, Zones: time.LoadLocation}
				o.Stated, _ = ReadStated(strings.NewReader(text), o)
				got, err := read(t, strings.NewReader(text), o)
				if err != nil && !errors.Is(err, ErrUnparsable) {
					t.Fatalf("%s: %q: %v", name, text, err)
				}
				for _, q := range got {
					if q.Err == nil && (q.From.After(start) || q.To.Before(end)) {
						t.Errorf("%s: %q is about %v to %v", name, text, q.From, q.To)
					}
				}
			}
		}
	}
}

// TestOffsetForms reads offsets of every form that can be nothing else, and refuses the others.
func TestOffsetForms(t *testing.T) {
	for text, want := range map[string]string{
		"2026-02-01 02:30:00-03:30": "06:00", "2026-02-01T04:30-03:30": "08:00", "2026-02-01 02:30 -02:00": "04:30", "2026-02-01 02:30 -0200": "04:30", "2026-02-01 02:30:00 -0330": "06:00",
		"2026-02-01 02:30:56-03": "05:30", "2026-02-01 02:30:00 -03": "05:30", "2026-02-01 02:30 -03": "05:30", "2026-02-01 02:30 UTC-3": "05:30", "2026-02-01 02:30 (UTC-3)": "05:30", "2026-02-01 02:30 (-03:00)": "05:30",
		"2026-02-01 02:30:01.5-03": "05:30", "2026-02-01 02:30:00 -0300 BRT": "05:30", "2026-02-01 02:30 PM -03:00": "17:30", "2026-02-01 02:30:00 +0000 UTC": "02:30", "2026-02-01 02:30:00+00": "02:30",
		"2026-02-01 02:30 UTC-03:00 (Brasília)": "05:30", "2026-02-01 02:30 UTC+10": "16:30",
		"2026-02-01 02:30-03:30": "", "2026-02-01T02:30-03:30": "", "2026-02-01 02:30-01:00": "", "2026-02-01 02:30 -03:30": "", "2026-02-01 02:30 -00:00": "", "2026-02-01 02:30 Uhr -03:30": "", "2026-02-01 2:30AM-3:30AM": "", "2026-02-01 02:30:00 AM-03:30": "",
		"2026-02-01 02:30:00 +5": "", "2026-02-01 02:30:00+10": "", "2026-02-01 02:30+05": "", "2026-02-01 02:30:01-03": "", "2026-02-01 02:30:00 -13:00": "", "2026-02-01 02:30:00 +05:20": "", "2026-02-01 02:30:00 -12:15": "",
		"2026-02-01 02:30:00 -03 h": "", "2026-02-01 02:30:00 (-03 min)": "", "2026-02-01 02:30 (+5)": "", "2026-02-01 02:30:00-03:30 UTC": "", "2026-02-01 02:30:00-03:30Z": "", "2026-02-01 02:30:00 -03:00 (UTC)": "",
		"2026-02-01 -03": "", "2026-02-01 -0215": "", "20260201T0230-03": "", "2026-02-01 02:30 UTC-10min": "", "2026-02-01 02:30:00 -0300 foo": "", "2026-02-01 02:30 -03:30 AM": "",
	} {
		from, _, err := ParseTime(text, time.UTC)
		if want == "" && err == nil || want != "" && (err != nil || from.Format("15:04") != want) {
			t.Errorf("%q: %v (%v), want %q", text, from, err, want)
		}
	}
}

// TestOffsetAndSaving checks that summer time behind an offset is refused, unless it is part of the name of a zone.
func TestOffsetAndSaving(t *testing.T) {
	for zone, bad := range map[string]bool{
		"UTC-5 DST": true, "GMT+1 DST": true, "UTC-3 (DST)": true, "(UTC-05:00 DST)": true, "-0500 DST": true, "-05:00 summer": true, "GMT-5 summer time": true, "UTC+1 Sommerzeit": true, "UTC-5 Daylight": true, "UTC-3 verao": true,
		"UTC-3 (horário de verão)": true, "GMT-5 (daylight saving time)": true, "(UTC-05:00) DST": true, "UTC+2 ora legale": true,
		"GMT-0400 (Eastern Daylight Time)": false, "GMT+0200 (Mitteleuropäische Sommerzeit)": false, "-0500 EST": false, "UTC-5": false, "(UTC-05:00) Eastern Time": false, "UTC-5 Standard": false,
	} {
		for form, text := range map[string]string{
			"column": "ip,port,time,tz\n198.18.0.0,6000,2026-07-01 02:30:00,\"" + zone + "\"\n",
			"label":  "IP: 198.18.0.0\nPort: 6000\nTime: 2026-07-01 02:30:00\nTime zone: " + zone + "\n",
			"time":   "IP: 198.18.0.0\nPort: 6000\nTime: 2026-07-01 02:30:00 " + zone + "\n",
			"object": fmt.Sprintf(`{"ip":"198.18.0.0","port":6000,"time":"2026-07-01 02:30:00 %s"}`, zone),
		} {
			for _, option := range []*time.Location{nil, time.UTC} {
				got := told(t, text, Options{Zone: option})
				if bad && strings.Contains(got, " at 2026") || !bad && !strings.Contains(got, " at 2026") && form == "column" {
					t.Errorf("%s %s: %s", form, zone, got)
				}
			}
		}
	}
}
