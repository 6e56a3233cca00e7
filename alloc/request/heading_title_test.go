package request

import (
	"strings"
	"testing"
)

// titles are lines as they stand above requests, and name no columns.
var titles = []string{
	"Sample attack log", "Attack log excerpt", "To whom it may concern", "Autos do processo", "Ofício Delegacia de Polícia", "Polícia Civil do Estado", "Polícia Civil SP Brasil",
	"Identify the subscriber of", "Kindly identify the subscriber", "Requested subscriber data", "Solicito identificar usuario", "Quem usava este IP", "Attack details as observed",
	"Abuse Team Example GmbH", "Example Hosting GmbH", "Network Operations Center", "Copyright infringement report", "Public Prosecutor Office", "Port scan report", "Source code leak",
	"User of IP at date and time", "Abuse Team | Example GmbH", "Example GmbH    Abuse Team    Berlin", "Example, Abuse Team, Berlin", "Fulano; Beltrano; Sicrano", "Estado\tPolícia Civil",
	"IP, port and time", "IP port and time", "Porta e IP do suspeito",
}

// asMany are those of them with as many words or parts as a row of three fields.
var asMany = setOfWords("sampleattacklog attacklogexcerpt autosdoprocesso requestedsubscriberdata solicitoidentificarusuario networkoperationscenter copyrightinfringementreport publicprosecutoroffice portscanreport " +
	"sourcecodeleak examplegmbhabuseteamberlin exampleabuseteamberlin examplehostinggmbh fulanobeltranosicrano estadopoliciacivil")

// strangeTitles are those of them with words by which a number may be something else.
var strangeTitles = setOfWords("sampleattacklog attacklogexcerpt attackdetailsasobserved portscanreport sourcecodeleak examplegmbhabuseteamberlin exampleabuseteamberlin fulanobeltranosicrano")

// TestTitles checks that lines above requests are no headings, unless they name columns, or stand right above rows with as many fields as they have words.
func TestTitles(t *testing.T) {
	const row = "198.18.0.0 6000 2026-01-10T12:34:56Z\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n"
	const six = ": 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for _, title := range titles {
		for _, mail := range []string{"", "Subject: x\n\n"} {
			want := 4
			if strangeTitles[normal(title)] {
				want = 0
			}
			if got := askedOf(t, mail+title+"\n\n"+row+"\n"+title+"\n\n"+row, Options{}); strings.Count(got, six) != want {
				t.Errorf("%q: %s", mail+title, got)
			}
			want = min(want, 3)
			if asMany[normal(title)] {
				want = 0
			}
			if got := askedOf(t, mail+title+strings.Repeat("\n198.18.0.0 6000 2026-01-10T12:34:56Z", 3)+"\n", Options{}); strings.Count(got, six) != want {
				t.Errorf("%q: %s", mail+title+" right above", got)
			}
		}
	}
	for _, line := range []string{"Abuse Team, Operations", "Log excerpt:", "Log excerpt\n", "Investigado: Fulano, Beltrano", "To whom it may concern"} {
		if got := askedOf(t, line+"\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", Options{}); !strings.Contains(got, six) {
			t.Errorf("%q above a table: %s", line, got)
		}
	}
	for _, names := range []string{
		"IP Treffer Zuletzt", "IP Hits Last activity", "IP address Hits last activity", "Host Hits Time", "Host, hits, last seen", "IP, hits and last seen", "IP hits and time", "Angreifer Zielport Zuletzt",
		"Source Hits Last", "Host    Hits    Time", "|IP|Hits|Zuletzt|", "IP;Treffer;Zuletzt",
	} {
		for _, gap := range []string{"\n", "\n\n"} {
			if got := askedOf(t, "Subject: x\n\n"+names+gap+row, Options{}); strings.Contains(got, six) || strings.Count(got, "invalid port") < 2 {
				t.Errorf("%q: %s", names+gap, got)
			}
		}
	}
}
