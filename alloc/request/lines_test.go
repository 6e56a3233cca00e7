package request

import (
	"strings"
	"testing"
)

// TestMarksBeforeAddresses writes what word processors put before an address. Each question has a row, and where the mark says nothing it is read.
func TestMarksBeforeAddresses(t *testing.T) {
	const mail = "Subject: x\n\nPlease look:\n\n"
	const first, second = "198.18.0.9:6000 2026-01-10T12:34:56Z\n", "198.18.0.0:6000 2026-01-10T12:34:56Z"
	const asked = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for marks, read := range map[string]bool{
		"\u201c \u201d": true, "\u2018 \u2019": true, "\u201e \u201c": true, "\u00ab \u00bb": true, "\u2039 \u203a": true,
		"\u2022 ": true, "\u00b7 ": true, "\u2026 ": true, "\u200b ": true, "\u200e ": true, "\ufeff ": true, "\u2060 ": true, "\u2003 ": true, "\u2009 ": true, "\u3000 ": true, "\u00a0 ": true,
		"\u2022\u00a0 ": true, "IP\uff1a ": true, "IP\u00a0 ": true,
		"\u2014 ": false, "№ ": false, "nº ": false, "... ": false, "\u5730\u5740 ": false, "_ ": false, "IP\u2014 ": false, "\u25b6 ": false,
	} {
		before, behind, _ := strings.Cut(marks, " ")
		row := before + strings.Replace(second, " ", behind+" ", 1) + "\n"
		block := "IP: " + before + "198.18.0.0" + behind + "\nPort: 6000\nTime: 2026-01-10T12:34:56Z\n"
		texts := []string{mail + first + row, first + row, mail + first + "\n" + row}
		if !strings.HasPrefix(before, "IP") {
			texts = append(texts, mail+first+"\n"+block)
		}
		for _, text := range texts {
			got := askedOf(t, text, Options{})
			if strings.Count(got, "\n") != 1 || read && !strings.HasSuffix(got, asked) && !strings.HasSuffix(text, block) {
				t.Errorf("%q: %s", text, got)
			}
		}
	}
	// A part of a word or of a name is no address.
	for _, text := range []string{"v1.2.3.4", "é1.2.3.4", "и1.2.3.4", "ver.1.2.3.4"} {
		if hasAddress(text) {
			t.Errorf("%q has an address", text)
		}
	}
}
