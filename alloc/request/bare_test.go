package request

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBarePorts writes every name of a port that does not say whose beside a destination and a victim, in every form and order. The port that follows
// the other address, or stands in a row with it, is not asked about, wherever it stands.
func TestBarePorts(t *testing.T) {
	const at = "2026-03-01T12:34:56Z"
	names := strings.Fields(barePorts)
	names = append(names, "Port range", "Port number", "Número da porta", "Número de puerto", "Port (TCP)", "PORTS", "Source port", "Porta lógica", "Quellport")
	for i, name := range names {
		own := i >= len(names)-3
		for _, other := range []string{"Victim", "Destination", "Dst IP", "Zieladresse", "Target", "Reporter"} {
			object, err := json.Marshal(map[string]any{"ip": "198.18.0.0", other: "203.0.113.9", name: 6000, "time": at})
			if err != nil {
				t.Fatal(err)
			}
			typed, err := json.Marshal(map[string]any{"ip": "198.18.0.0", other: "203.0.113.9", name: map[string]any{"$numberInt": "6000"}, "time": at})
			if err != nil {
				t.Fatal(err)
			}
			for form, text := range map[string]string{
				"behind":  "IP: 198.18.0.0\n" + other + ": 203.0.113.9\n" + name + ": 6000\nTime: " + at + "\n",
				"first":   other + ": 203.0.113.9\n" + name + ": 6000\nIP: 198.18.0.0\nTime: " + at + "\n",
				"comma":   "ip," + other + "," + name + ",time\n198.18.0.0,203.0.113.9,6000," + at + "\n",
				"tab":     "ip\ttime\t" + name + "\t" + other + "\n198.18.0.0\t" + at + "\t6000\t203.0.113.9\n",
				"aligned": "IP  " + name + "  " + other + "  Time\n198.18.0.0  6000  -> 203.0.113.9  " + at + "\n",
				"object":  string(object),
				"typed":   string(typed),
			} {
				if strings.Contains(name, "(") && (form == "comma" || form == "tab" || form == "object" || form == "typed") {
					continue // no name of a column
				}
				if got := isPortAsked(t, text, 6000); got != own && (form != "aligned" || got && other != "Reporter") {
					t.Errorf("%q: is answered: %v", text, got)
				}
			}
			text := "IP: 198.18.0.0\n" + name + ": 6000\n" + other + ": 203.0.113.9\nTime: " + at + "\n"
			if read := own || other == "Reporter"; isPortAsked(t, text, 6000) != read {
				t.Errorf("%q is answered: %v", text, !read)
			}
		}
	}
}
