package request

import (
	"strings"
	"testing"
)

// TestToldCounts writes sentences that say which columns rows have, with a count or the port that was attacked, in every form and end, and checks that
// no number below is a port; with the port of the source in its place it is.
func TestToldCounts(t *testing.T) {
	const rows = "198.18.0.0 2222 2026-02-01T05:30:00Z\n198.18.0.7 1500 2026-02-01T05:30:00Z\n"
	forms := []string{
		"{a} with {n} and {t}", "List of {a}, {n} and {t}", "Here are the {a}, {n}, {t}", "{a}, {n}, {t}", "{a} ({n}, {t})", "The log has {a}, {n} and {t}", "Attacks by {a} ({n}) and {t}", "Columns are {a}, {n}, {t}", "Below: {a}, {n} and {t}",
		"{a} / {n} / {t}", "{a} - {n} - {t}", "Fields: {a} {n} {t}", "Following data is given as {a}, {n}, {t}", "Each line has the {a}, the {n} and the {t}",
	}
	counts := []string{"number of attempts", "hit count", "destination port", "attacked port", "number of connections", "target port", "count", "total hits", "dst port", "failed logins", "packets", "port attacked", "Anzahl der Zugriffe", "quantidade de acessos", "número de tentativas", "porta de destino", "Zielport"}
	for _, form := range forms {
		for _, host := range []string{"source IP", "IP address", "IPs", "attacking IP addresses", "addresses", "attackers", "hosts"} {
			for _, what := range append(counts, "source port", "port", "Quellport", "porta de origem") {
				own := !strings.Contains(strings.Join(counts, "|")+"|", what+"|") || what == "port"
				for _, end := range []string{":", ".", "", " ", ",", " as follows:"} {
					line := strings.NewReplacer("{a}", host, "{n}", what, "{t}", "time of last attempt").Replace(form) + end
					for _, text := range []string{line + "\n" + rows, line + "\n\n" + rows, "Subject: x\n\nDear Sir or Madam,\n\nwe saw attacks from your network.\n" + line + "\n\n" + rows} {
						if !own && isPortAsked(t, text, 2222) {
							t.Errorf("%q is answered", text)
						}
						if own && what != "port" && end == ":" && strings.Contains(text, ":\n\n") && !strings.Contains(form, ",") && !isPortAsked(t, text, 2222) {
							t.Errorf("%q is refused", text)
						}
					}
				}
			}
		}
	}
}

// TestToldNothing writes letters of ordinary words, which name no column, and some with other words: nobody knows what a number below these is.
func TestToldNothing(t *testing.T) {
	for line, read := range map[string]bool{
		"The following connections were made from your network:": true, "Please identify the users of these addresses. Our case number is 4711.": true, "Time of the last attempt as follows:": true, "Ref. 12/2026": true, "Ofício 12/2026": true,
		"Identificar o usuário do IP, porta e horário:": true, "Kindly identify who used these, with the source port and number of attempts:": false, "Bitte teilen Sie uns den Anschlussinhaber mit:": true, "Dear Mr Example": true,
		"Solicitamos los datos del titular de las siguientes conexiones:": true, "Subject: attacks on 22": false, "Case 12/2026": true, "Processo nº 123-4/2026": true, "Case hits 12": false, "Case: State vs. Example, 12/2026": true, "Investigado: Fulano de Tal": true, "Sehr geehrte Frau Müller,": true,
		"We saw a large number of login attempts from your network.": false, "The attacks were directed at destination port 22.": false, "Port scan report": false, "We saw attempts, scans and attacks from:": false,
		"Total hits: 17": false, "Time of the attempts as follows:": false, "Em grande quantidade de acessos:": false, "IP, connections, time:": false, "Case: IP, size, time": false, "Dear all, IP, hits, time:": false, "Service: ssh": false, "IP:\nHits:\nLast seen:": false,
		"IP de origem, porta de destino e data:": false, "IP de origen puerto atacado fecha": false, "For each IP we give times seen and date:": false, "Endereço IP, porta de origem e data:": true, "IP source, port attacked, date:": false,
	} {
		for _, text := range []string{line + "\n\n198.18.0.0 6000 2026-02-01T05:30:00Z\n198.18.0.7 7000 2026-02-01T05:30:00Z\n", "Subject: x\n\nDear all,\n\n" + line + "\n\n198.18.0.0 6000 2026-02-01T05:30:00Z\n"} {
			if isPortAsked(t, text, 6000) != read {
				t.Errorf("%q: answered %v", text, !read)
			}
		}
	}
	const counted = "Hosts with number of attempts and time:\n\n198.18.0.1 2222 2026-02-01T05:30:00Z\n"
	for text, read := range map[string]bool{
		counted + "\n198.18.0.0 6000 2026-02-01T05:30:00Z\n": false, counted + "\nThe users of these, too:\n\n198.18.0.0 6000 2026-02-01T05:30:00Z\n": false,
		counted + "\nIP Port Time\n198.18.0.0 6000 2026-02-01T05:30:00Z\n": true, counted + "198.18.0.0:6000 2026-02-01T05:30:00Z\n": true, counted + "198.18.0.0 port 6000 2026-02-01T05:30:00Z\n": true,
	} {
		if isPortAsked(t, text, 6000) != read {
			t.Errorf("%q: answered %v", text, !read)
		}
	}
}

// TestShortNames writes aligned names of columns that are short for others, with a full stop.
func TestShortNames(t *testing.T) {
	const at = "2026-02-01T05:30:00Z"
	for _, host := range []string{"IP", "IP address", "Endereço IP", "Host", "Source", "Attacker IP", "Angreifer", "IP-Adresse"} {
		for _, what := range []string{"Anz.", "Qtd.", "Qtde.", "Nr.", "No.", "Num.", "Conn.", "Freq.", "Tent.", "Zugr.", "Att.", "Dst. port", "Bytes rec.", "Cnt.", "Nr. of conn.", "Hits:", "Blocked?"} {
			for _, when := range []string{"Time", "Last seen", "Data", "Zuletzt", "Letzter Kontakt", "Último acesso"} {
				for _, mark := range []string{"   ", "\t", " | ", "; "} {
					for _, gap := range []string{"\n", "\n\n"} {
						row := strings.Join([]string{"198.18.0.0", "2222", at}, mark) + "\n" + strings.Join([]string{"198.18.0.7", "1500", at}, mark) + "\n"
						for _, front := range []string{"", "Subject: x\n\n"} {
							if text := front + strings.Join([]string{host, what, when}, mark) + gap + row; isPortAsked(t, text, 2222) {
								t.Errorf("%q is answered", text)
							}
						}
					}
				}
			}
		}
	}
}
