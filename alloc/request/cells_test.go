package request

import (
	"strings"
	"testing"
)

// TestEmptyCells writes rows without names of columns, with a cell that is empty in any place, between all marks. A number is the port only in the cell
// right behind that of the address.
func TestEmptyCells(t *testing.T) {
	const at = "2026-02-01T05:30:00Z"
	for _, mark := range []string{",", ";", "\t", "|", " | ", ", ", "; ", " ; ", " , "} {
		for _, nothing := range []string{"", " ", `""`, `" "`, "''", "()", "[]", "-", "n/a"} {
			for _, front := range []string{"", "Subject: x\n\n", "Subject: x\n\nDear all,\n\n", "IP Port Time\n"} {
				for _, cells := range [][]string{{"198.18.0.0", nothing, "2222", at}, {"198.18.0.0", nothing, nothing, "2222", at}, {"198.18.0.0", at, nothing, "2222"}, {"198.18.0.0", nothing, "2222", nothing, at}, {"1.", "198.18.0.0", nothing, "2222", at}} {
					text := strings.Join(cells, mark) + "\n"
					if isPortAsked(t, front+text, 2222) || isPortAsked(t, front+text+text, 2222) {
						t.Errorf("%q is answered", front+text)
					}
				}
				if strings.Trim(nothing, ` "`) != "" || front == "IP Port Time\n" {
					continue
				}
				for _, cells := range [][]string{{"198.18.0.0", "6000", nothing, at}, {"198.18.0.0", "6000", at, nothing}, {"198.18.0.0", "6000", at}, {nothing, "198.18.0.0", "6000", at}} {
					text := strings.Join(cells, mark) + "\n"
					if !isPortAsked(t, front+text, 6000) {
						t.Errorf("%q is refused", front+text)
					}
				}
			}
		}
	}
}
