package request

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestHalfDays writes a clock of twelve hours whose AM or PM stands in a field of its own, anywhere in all formats with names. It is read as it
// was meant, or refused.
func TestHalfDays(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 22))
	read12 := 0
	for range 300 {
		when := time.Date(2026, 1, 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
		half := when.Format(pick(r, "PM", "pm"))
		half = pick(r, half, half, strings.Join(strings.Split(half, ""), ".")+".", " "+half)
		names := []string{"ip", "port", pick(r, "date", "Data"), pick(r, "time", "hora", "Clock"), pick(r, "ampm", "AM/PM", "am_pm", "Meridiem", "AM or PM", "x", "Column 5", "half", "period"), "tz"}
		values := []string{"198.18.0.0", "6000", when.Format(time.DateOnly), when.Format("03:04:05"), half, "UTC"}
		if r.IntN(2) == 0 { // date and clock in one
			names[3], values[2], values[3] = "note", values[2]+" "+values[3], "-"
			names[2] = "timestamp"
		}
		r.Shuffle(len(names), func(i, j int) {
			names[i], names[j], values[i], values[j] = names[j], names[i], values[j], values[i]
		})
		var text string
		switch r.IntN(5) {
		case 0:
			sep := pick(r, ",", ";", "\t")
			text = strings.Join(names, sep) + "\n" + strings.Join(values, sep) + "\n"
		case 1, 2:
			var members []string
			for i := range names {
				members = append(members, fmt.Sprintf("%q:%q", names[i], values[i]))
			}
			text = "{" + strings.Join(members, ",") + "}\n"
		default:
			for i := range names {
				text += names[i] + ": " + values[i] + "\n"
			}
			text = pick(r, "", "Dear all,\n\n") + text
		}
		got, err := read(t, strings.NewReader(text), Options{})
		if err != nil || len(got) == 0 {
			t.Fatalf("%q: %v", text, err)
		}
		for _, q := range got {
			if q.Err == nil && (q.From.After(when) || q.To.Before(when)) {
				t.Fatalf("%q is read as %v, want %v", text, q.From, when)
			}
			if q.Err == nil {
				read12++
			}
		}
	}
	if read12 < 30 {
		t.Errorf("only %d of 300 were read", read12)
	}
}

// TestHalfDaysElsewhere reads what is no half of a day, or says no more than the clock.
func TestHalfDaysElsewhere(t *testing.T) {
	for text, want := range map[string]string{
		"ip,port,time,uf\n198.18.0.0,6000,2026-01-10T02:34:56Z,AM\n":         "02:34:56",
		"ip,port,time,note\n198.18.0.0,6000,2026-01-10T14:34:56Z,PM\n":       "14:34:56",
		"ip,port,time,note\n198.18.0.0,6000,2026-01-10 02:34:56 PM UTC,PM\n": "14:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 02:34:56 PM UTC,PM\n": "14:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 14:34:56Z,PM\n":       "14:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 12:34:56Z,AM\n":       "00:34:56",
		// A clock behind a T has 24 hours.
		"{\"ip\":\"198.18.0.0\",\"port\":6000,\"time\":\"2026-01-10T02:34:56Z\",\"am_pm\":\"PM\"}":      "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10T02:34:56+00:00,PM\n":                             "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10T12:34:56Z,AM\n":                                  "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10T02:34:56Z,AM\n":                                  "02:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10T00:34:56Z,AM\n":                                  "00:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10T12:34:56Z,PM\n":                                  "12:34:56",
		"IP: 198.18.0.0\nPort: 6000\nTime: 2026-01-10T02:34:56Z\nPM\n":                                  "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 02:34:56Z,\n":                                    "02:34:56",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 02:34:56 AM UTC,PM\n":                            "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 14:34:56Z,AM\n":                                  "",
		"ip,port,time,ampm\n198.18.0.0,6000,2026-01-10 02:34:56Z,1\n":                                   "",
		"ip,port,start,end,ampm\n198.18.0.0,6000,2026-01-10 2:34Z,2026-01-10 2:40Z,PM\n":                "",
		"ip,port,time,note\n198.18.0.0,6000,2026-01-10T02:34:56Z,PM\n":                                  "",
		"Schema-URL: x\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-01-10 02:34:56Z\nAM/PM: PM\n": "14:34:56",
		"time=2026-01-10T02:34:56Z proto=TCP src=198.18.0.0:6000 dst=203.0.113.9:443 x=PM\n":            "",
	} {
		got := askedOf(t, text, Options{})
		if want == "" && strings.Contains(got, " at ") || want != "" && !strings.Contains(got, " at 2026-01-10T"+want) {
			t.Errorf("%q: %s, want %q", text, got, want)
		}
	}
}
