package request

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestMoments writes a time under a name of what happened beside the date of a letter or of a row, near and far, in each form. Neither is taken for the other;
// where both are the same it is asked about, and where the name is that of something else, too.
func TestMoments(t *testing.T) {
	happened := []string{
		"Tatzeit", "Hora do fato", "Data do fato", "Data/hora do fato", "Offence time", "Time of offence", "Time of attack", "Attack time", "Attacked at", "Abuse time", "Date of abuse", "Time of access", "Access time", "Accessed at", "Login at",
		"Logged in at", "Last login", "Connection time", "Hora do acesso", "Acesso em", "Zugriff am", "Zugriffszeit", "Ereigniszeit", "Time of infringement", "Detected at", "Observed at", "Occurred", "Activity time", "Log time", "Logged at", "Fecha del hecho",
		"Exact time", "Session start", "Posted at", "Transaction time", "Zxqwv",
	}
	others := []string{"Report date", "Sent", "Created at", "Received", "Birth date", "Data de nascimento", "Prazo", "Deadline", "Date of the letter", "Case", "Reported at", "Data do ofício"}
	forms := func(label, asked, name, value string) map[string]string {
		object, err := json.Marshal(map[string]any{strings.ToLower(label): asked, "ip": "198.18.0.0", "src_port": 6000, name: value})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{
			"first":  fmt.Sprintf("%s: %s\nIP: 198.18.0.0\nSource port: 6000\n%s: %s\n", label, asked, name, value),
			"last":   fmt.Sprintf("%s: %s\nIP: 198.18.0.0\nSource port: 6000\n%s: %s\n", name, value, label, asked),
			"table":  fmt.Sprintf("%s,ip,src_port,%s\n%s,198.18.0.0,6000,%s\n", label, name, asked, value),
			"object": string(object),
		}
	}
	for _, label := range []string{"Date", "Data", "Datum", "Timestamp", "Zeitstempel"} {
		for _, asked := range []string{"2026-02-05T10:00:00Z", "2026-02-05"} {
			for i, name := range append(happened, others...) {
				for _, value := range []string{"2026-01-20 02:30:00 UTC", "2026-02-05 02:30:00 UTC", "20/01/2026 02:30:00", "2026-01-20", "2026-02-04T23:30:00-03:00"} {
					if i >= len(happened) && asked == "2026-02-05" {
						continue // a clock beside a date is looked at for itself
					}
					for form, text := range forms(label, asked, name, value) {
						got := isPortAsked(t, text, 6000)
						if want := i >= len(happened) || asked == "2026-02-05" && strings.HasPrefix(value, asked) && len(value) == len(asked); got != want {
							t.Errorf("%s is answered: %v: %q", form, got, text)
						}
					}
				}
				for form, text := range forms(label, asked, name, asked) {
					if !isPortAsked(t, text, 6000) {
						t.Errorf("%s is refused: %q", form, text)
					}
				}
			}
		}
	}
	for form, text := range forms("Timestamp", "2026-02-05T10:00:00Z", "Detected at", "2026-02-05 07:00:00-03:00") {
		if !isPortAsked(t, text, 6000) {
			t.Errorf("%s is refused: %q", form, text)
		}
	}
}

// TestSourceless writes a bare port beside a field for the port of the source that has no value: it is the other one.
func TestSourceless(t *testing.T) {
	const at = "2026-02-05T10:00:00Z"
	for _, name := range []string{"source port", "sport", "src_port", "Quellport", "Porta de origem", "Puerto origen"} {
		for bare := range strings.FieldsSeq(barePorts) {
			for _, value := range []string{"", "-", "n/a", "unknown", "null"} {
				for form, text := range map[string]string{
					"table":  "ip," + name + "," + bare + ",time\n198.18.0.0," + value + ",2222," + at + "\n",
					"short":  "ip,time," + bare + "," + name + "\n198.18.0.0," + at + ",2222\n",
					"object": `{"ip":"198.18.0.0","` + name + `":"` + value + `","` + bare + `":2222,"time":"` + at + `"}`,
					"null":   `{"ip":"198.18.0.0","` + name + `":null,"` + bare + `":2222,"time":"` + at + `"}`,
					"letter": "IP: 198.18.0.0\n" + name + ": " + value + "\n" + bare + ": 2222\nTime: " + at + "\n",
					"behind": "IP: 198.18.0.0\n" + bare + ": 2222\n" + name + ": " + value + "\nTime: " + at + "\n",
					"lines":  "Source IP  " + name + "  " + bare + "  Time\n198.18.0.0    2222  " + at + "\n",
				} {
					if isPortAsked(t, text, 2222) {
						t.Errorf("%s is answered: %q", form, text)
					}
				}
			}
		}
	}
}
