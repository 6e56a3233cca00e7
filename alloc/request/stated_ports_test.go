package request

import (
	"strings"
	"testing"
)

// askedBeside asks about a port that nothing names in each form, with a text around it, and below it where that can be told.
func askedBeside(text string) map[string]string {
	const at = "2026-02-01T05:30:00Z"
	row, table, block := "198.18.0.0 2222 "+at+"\n", "IP,Port,Time\n198.18.0.0,2222,"+at+"\n", "IP: 198.18.0.0\nPort: 2222\nTime: "+at+"\n"
	const multi = "From: a@example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n"
	const attached = "\n--b\nContent-Type: text/csv; name=list.csv\nContent-Disposition: attachment; filename=list.csv\n\n"
	const header = "From: a@example\nTo: b@example\nSubject: x\nContent-Type: text/plain; charset=utf-8\n\n"
	forms := map[string]string{
		"row, above": text + "\n" + row, "row, apart": text + "\n\n" + row, "row, with a line between": text + "\n\nDetails:\n\n" + row, "row, in a mail": header + "Dear all,\n\n" + text + "\n\n" + row + "\nRegards\n", "row, below": header + row + "\n" + text + "\n",
		"table, above": text + "\n" + table, "table, apart": text + "\n\n" + table, "table, aligned": text + "\n\n" + strings.ReplaceAll(table, ",", "   "), "table, below": header + table + "\n" + text + "\n",
		"block, above": text + "\n" + block, "block, apart": text + "\n\n" + block, "block, below": header + block + "\n" + text + "\n", "attached": multi + text + "\n" + attached + table + "--b--\n", "subject": strings.Replace(header, ": x", ": "+strings.ReplaceAll(text, "\n", " "), 1) + block,
	}
	forms["member"] = `{"note":"` + strings.ReplaceAll(text, "\n", " ") + `","list":[{"ip":"198.18.0.0","port":2222,"time":"` + at + `"}]}`
	forms["field"] = "ip,port,time,comment\n198.18.0.0,2222," + at + ",\"" + strings.ReplaceAll(text, "\n", " ") + "\"\n"
	return forms
}

// TestPortsDenied writes sentences which say that a port is not that of the source, wherever they may stand. It is not asked about; a source port is.
func TestPortsDenied(t *testing.T) {
	for _, text := range []string{
		"The port given is the target port, not the source port.", "Ports are destination ports, we have no source ports.", "Source ports are not available; the port below is the port of our service.", "We do not log the source port. The port is that of our web server.",
		"Unfortunately no source port was logged, only the destination port.", "Quellports liegen nicht vor, Port = Zielport.", "A porta informada é a porta de destino (não há registro da porta de origem).", "Le port est le port de destination.", "The source port isn't known.", "No sport.", "The sport is not known.",
		"The port is the one that was attacked on\nour server: the attacked port.", "Attacks on port 22", "The following hosts scanned our network.", "We saw SSH brute force attempts against our honeypot.", "Public port scan", "Angriffe auf Port 22", "The port is that of our host.",
		"The ports are those of the target.", "The management port is given.", "Column 2 is the daemon port.", "Each line has IP, game port and time.", "Der Verwaltungsport steht dahinter.",
	} {
		for form, input := range askedBeside(text) {
			if isPortAsked(t, input, 2222) {
				t.Errorf("%s: %q is answered", form, input)
			}
			named := strings.NewReplacer("Port:", "Source port:", "IP,Port", "IP,Source port", "IP   Port", "IP   Source port", "ip,port", "ip,src_port", `"port"`, `"src_port"`, "198.18.0.0 2222", "198.18.0.0:2222").Replace(input)
			if !isPortAsked(t, named, 2222) {
				t.Errorf("%s: %q is refused", form, named)
			}
		}
	}
}

// TestPortsOfTargets writes what was attacked in a paragraph of its own, above and below a block. Beside the destination in a block of its own it is that of this block.
func TestPortsOfTargets(t *testing.T) {
	const block = "IP: 198.18.0.0\nPort: 2222\nTime: 2026-02-01T05:30:00Z\n"
	for _, line := range []string{"Target: www.example.com\n", "Target IP: 203.0.113.9\n", "Attacked host: 203.0.113.9\n", "Service: ssh\n", "Protocol: SSH\n", "Destination: www.example.com\n", "Attempts: 17\n", "Port type: destination\n", "Direction: inbound\n", "Destination port: see above\n", "Login: failed\n", "Result: denied\n"} {
		for _, text := range []string{line + "\n" + block, block + "\n" + line} {
			if isPortAsked(t, text, 2222) {
				t.Errorf("%q is answered", text)
			}
		}
		if text := "IP: 198.18.0.9\nSource port: 6000\nTime: 2026-02-01T05:30:00Z\n" + line + "\n" + block; !isPortAsked(t, text, 2222) {
			t.Errorf("%q is refused", text)
		}
	}
}

// TestPortsOfCells writes a name and a value in two cells above a table.
func TestPortsOfCells(t *testing.T) {
	for _, mark := range []string{";", "\t", ","} {
		text := strings.ReplaceAll("Target;www.example.com\nCase;12\nIP;Port;Time\n198.18.0.0;2222;2026-02-01T05:30:00Z\n", ";", mark)
		if isPortAsked(t, text, 2222) {
			t.Errorf("%q is answered", text)
		}
		if text = strings.Replace(text, "Port", "Source port", 1); !isPortAsked(t, text, 2222) {
			t.Errorf("%q is refused", text)
		}
	}
}

// TestPortsBelowTitles writes titles between rows of a table.
func TestPortsBelowTitles(t *testing.T) {
	const at = "2026-02-01T05:30:00Z"
	for title, read := range map[string]bool{"Destination": false, "Attacked ports": false, "Honeypot": false, "Case 12": true, "Page 2 of 3": true, "List 2": true} {
		for _, mark := range []string{";", ",", "\t"} {
			for _, between := range []string{title + "\n", title + ";;\n", "\n" + title + "\n", "\n" + title + ";;\n\n"} {
				text := strings.ReplaceAll("IP;Port;Time\n198.18.0.7;6000;"+at+"\n"+between+"198.18.0.0;2222;"+at+"\n", ";", mark)
				if isPortAsked(t, text, 2222) != read {
					t.Errorf("%q is answered: %v", text, !read)
				}
			}
		}
	}
}

// TestPortsBelowDenial writes a title between rows of a table that names the port of the source. Below the next heading it says nothing.
func TestPortsBelowDenial(t *testing.T) {
	const at = "2026-02-01T05:30:00Z"
	const heading, row = "ip,source port,time\n", "198.18.0.7,6000," + at + "\n"
	for _, title := range []string{"Destination ports:", "Attacked ports", "Target ports,,", "# destination ports", "Ports below are those of our server.", "\nDestination ports\n"} {
		for _, mark := range []string{",", ";", "\t"} {
			text := strings.ReplaceAll(heading+row+title+"\n198.18.0.0,2222,"+at+"\n", ",", mark)
			for _, ports := range []Ports{0, PortsNamed, PortsSource} {
				if got, err := read(t, strings.NewReader(text), Options{Ports: ports}); err != nil || len(got) == 0 || got[0].Port != 6000 || got[len(got)-1].Err == nil {
					t.Errorf("%q with %v: %+v, %v", text, ports, got, err)
				}
			}
			if text = strings.Replace(text, "198.18.0.0", heading+"198.18.0.0", 1); mark == "," && !isPortAsked(t, text, 2222) {
				t.Errorf("%q is refused", text)
			}
		}
	}
}

// TestPortsCounted writes sentences by which a number without a name may count something.
func TestPortsCounted(t *testing.T) {
	for _, text := range []string{
		"The list has the address, the number of attempts and the time.", "Number of distinct source ports:", "Anzahl der Quellports je Adresse:", "hits, source port not logged:", "Please identify by IP and source port. The number is the number of attempts.",
		"If you use CGNAT, please ask us for the source port. The list has address, attempts and last seen:", "Reports per IP address:", "Hits per address:", "Adresse, Kunde, Zeit:", "IP address, case and time:", "IP, floor, date:",
	} {
		for form, input := range askedBeside(text) {
			if strings.HasPrefix(form, "row") && isPortAsked(t, input, 2222) {
				t.Errorf("%s: %q is answered", form, input)
			}
		}
	}
}

// TestPortsOfSource writes sentences which say that the port of the source is in a column, beside others about attacks.
func TestPortsOfSource(t *testing.T) {
	for _, text := range []string{
		"IP, source port and time (UTC):", "We detected attacks from your network against our servers.\nEach line has the IP address, the source port and the time.", "Port is the source port.", "Folgende Zugriffe (IP-Adresse, Quellport, Zeitpunkt in UTC):",
		"Detectamos ataques vindos da sua rede. Seguem IP, porta de origem e hora (UTC):", "Hemos detectado ataques. A continuación la IP, el puerto de origen y la hora (UTC):", "Nous avons détecté des attaques. Voici l'adresse IP, le port source et l'heure (UTC) :", "Di seguito indirizzo IP, porta di origine e ora (UTC):",
	} {
		for form, input := range askedBeside(text) {
			if !strings.HasPrefix(form, "row") || strings.HasSuffix(form, "above") || strings.HasSuffix(form, "below") {
				continue // "IP, source port and time" right above may name the columns of all words
			}
			if !isPortAsked(t, input, 2222) {
				t.Errorf("%s: %q is refused", form, input)
			}
		}
	}
}

// TestPortsInLongText checks that nothing of a long text is passed over.
func TestPortsInLongText(t *testing.T) {
	long := strings.Repeat("We ask for the names of all users. ", 400)
	for _, text := range []string{long + "The port is the attacked port.", strings.ReplaceAll(long, ". ", ".\n") + "The port is the attacked port.", long + "The number is one of hits."} {
		for form, input := range askedBeside(text) {
			if (strings.HasPrefix(form, "row") || strings.Contains(text, "attacked")) && form != "subject" && form != "field" && form != "member" && isPortAsked(t, input, 2222) {
				t.Errorf("%s is answered", form)
			}
		}
	}
}

// TestPortsAroundJSON writes what stands around a list of JSON, and a port outside of the object of the source.
func TestPortsAroundJSON(t *testing.T) {
	const list = `[{"ip":"198.18.0.0","port":2222,"time":"2026-02-01T05:30:00Z"}]`
	for text, read := range map[string]bool{
		`{"service":"ssh","items":` + list + `}`: false, `{"honeypot":"hp1","items":` + list + `}`: false, `{"target":"203.0.113.9","items":` + list + `}`: false, `{"attacks":` + list + `}`: false, `{"type":"portscan","items":` + list + `}`: false,
		`{"items":` + list + `,"note":"port is the destination port"}`: false, `{"source":{"ip":"198.18.0.0"},"port":2222,"time":"2026-02-01T05:30:00Z"}`: false, `{"case":"12/2026","requests":` + list + `}`: true, `{"source":{"ip":"198.18.0.0","port":2222},"time":"2026-02-01T05:30:00Z"}`: true,
	} {
		if isPortAsked(t, text, 2222) != read {
			t.Errorf("%s: answered %v", text, !read)
		}
	}
}
