package request

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/google/go-cmp/cmp"
)

func TestPairs(t *testing.T) {
	for line, want := range map[string]string{
		"IP: 198.18.0.0":                                        "IP=198.18.0.0/1",
		"IP:198.18.0.0":                                         "IP=198.18.0.0/1",
		"Source IP Address : 198.18.0.0":                        "Source IP Address=198.18.0.0/1",
		"  • Porta lógica:\t6000":                               "Porta lógica=6000/2",
		"2. Port = 6000":                                        "Port=6000/2",
		"a) Port: 6000":                                         "Port=6000/2",
		"**Time zone**: UTC-3":                                  "Time zone**=UTC-3/12",
		"Data/Hora (UTC-03:00): 2026-03-01 12:34":               "Data/Hora=2026-03-01 12:34/3",
		"Time (UTC): 12:34":                                     "Time (UTC)=12:34/5",
		"IP (source): 198.18.0.0":                               "IP (source)=198.18.0.0/1",
		"IP (victim): 198.18.0.0":                               "IP (victim)=198.18.0.0/0",
		"Port (TCP): 6000":                                      "Port=6000/2",
		"Port (first): 6000":                                    "Port (first)=6000/0",
		"IP: 198.18.0.0 Source Port: 6000 - Hora: 1:02":         "IP=198.18.0.0/1 Source Port=6000 -/2 Hora=1:02/5",
		"IP: 198.18.0.0, porta: 6000":                           "IP=198.18.0.0,/1 porta=6000/2",
		"Time: 2026-03-01 12:34:56 UTC":                         "Time=2026-03-01 12:34:56 UTC/5",
		"Note: it began at this time: 12:34":                    "Note=it began at this time: 12:34/0",
		"Case: 7 IP: 198.18.0.0":                                "Case=7/0 IP=198.18.0.0/1",
		"Request 2: IP":                                         "",
		"Request #2:":                                           "",
		"Dear Sirs, please note: time":                          "",
		"this is one of the longer sentences that end in: time": "",
		"198.18.0.0:6000 2026-03-01T12:34:56Z":                  "",
		"Sun, 01 Mar 2026 12:34:56 +0100":                       "",
		"12:34":                                                 "", ":": "", "": "", "IP (": "", "((:": "", "- : x": "",
	} {
		var got []string
		for _, p := range pairsOf(line) {
			got = append(got, fmt.Sprintf("%s=%s/%d", strings.TrimSpace(p.label), strings.TrimSpace(p.value), p.role))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// askedOf returns what is asked, or the kind of the refusal, one line a request.
func askedOf(t *testing.T, text string, o Options) string {
	t.Helper()
	got, err := read(t, strings.NewReader(text), o)
	if err != nil {
		t.Errorf("%q: %v", text, err)
	}
	var lines []string
	for _, q := range got {
		what := answer(q)
		if q.Err != nil {
			what = kindOf(q.Err).Error()
		}
		lines = append(lines, fmt.Sprintf("%d: %s", q.Line, what))
	}
	return strings.Join(lines, "\n")
}

func TestBlocks(t *testing.T) {
	const rest = "Port: 6000\nTime: 2026-03-01 12:34:56 UTC\n"
	const whole = "198.18.0.0:6000 at 2026-03-01T12:34:56Z"
	for name, c := range map[string]struct{ text, want string }{
		"plain":                  {"IP: 198.18.0.0\n" + rest, "1: " + whole},
		"remark":                 {"IP: 198.18.0.0 (of yours)\nCase: 7\nReporter: a@192.example\n" + rest, "1: " + whole},
		"bare port behind one":   {"IP: 198.18.0.0 (of yours)\nCase: 7\nReporter: 192.0.2.1\n" + rest, "1: invalid port"},
		"port behind":            {"IP: 198.18.0.0, port 6000\nTime: 2026-03-01 12:34:56 UTC\n", "1: " + whole},
		"endpoint":               {"IP:Port: 198.18.0.0:6000\nTime: 2026-03-01 12:34:56 UTC\n", "1: " + whole},
		"endpoint with a slash":  {"IP/Port: 198.18.0.0:6000\nTime: 2026-03-01 12:34:56 UTC\n", "1: " + whole},
		"port as in firewalls":   {"IP: 198.18.0.0\nPort: TCP/6000\nTime: 2026-03-01 12:34:56 UTC\n", "1: 198.18.0.0:6000 tcp at 2026-03-01T12:34:56Z"},
		"two protocols":          {"IP: 198.18.0.0\nProtocol: udp\nPort: TCP/6000\nTime: 2026-03-01 12:34:56 UTC\n", "1: unparsable"},
		"same value twice":       {"IP: 198.18.0.0\nSource IP: 198.18.0.0\n" + rest, "1: " + whole},
		"comment between":        {"IP: 198.18.0.0\n# 2\n" + rest, "1: invalid time\n3: invalid address"},
		"heading between":        {"IP: 198.18.0.0\nRequest 2:\n" + rest, "1: invalid time\n2: invalid address\n3: invalid address"},
		"rule between":           {"IP: 198.18.0.0\nTime: 2026-03-01\n-----\n" + rest, "1: no time zone\n4: invalid address"},
		"unknown label again":    {"Case: 1\nIP: 198.18.0.0\nTime: 2026-03-01T12:34:56Z\nCase: 2\n" + rest, "2: 198.18.0.0 at 2026-03-01T12:34:56Z\n5: invalid address"},
		"bare port":              {"Source: 198.18.0.0\nDestination: 203.0.113.9\n" + rest, "1: invalid port"},
		"bare port, then source": {"Destination: 203.0.113.9\nSource: 198.18.0.0\n" + rest, "1: invalid port"},
		"sections":               {"Source:\nIP: 198.18.0.0\n" + rest + "Destination details\nIP: 203.0.113.9\nPort: 443\n", "2: 198.18.0.0:6000 -> 203.0.113.9:443 at 2026-03-01T12:34:56Z"},
		"sections of two":        {strings.Repeat("Source:\nIP: 198.18.0.0\n"+rest+"Destination:\nIP: 203.0.113.9\n", 2), "2: 198.18.0.0:6000 -> 203.0.113.9:0 at 2026-03-01T12:34:56Z\n8: 198.18.0.0:6000 -> 203.0.113.9:0 at 2026-03-01T12:34:56Z"},
		"sections apart":         {"Source:\nIP: 198.18.0.0\n\nDestination:\nIP: 203.0.113.9\n" + rest, "2: invalid time\n5: invalid address"},
		"negative offset":        {"IP: 198.18.0.0\nPort: 6000\nTime: 2026-03-01 09:34:56\nZone: -03:00", "1: " + whole},
		"zone in the label":      {"IP: 198.18.0.0\nPort: 6000\nTime (UTC -3): 2026-03-01 09:34:56", "1: " + whole},
		"two zones":              {"IP: 198.18.0.0\nTime (UTC-3): 2026-03-01 09:34:56\nZone: UTC+1", "1: unparsable"},
		"form in the label":      {"IP: 198.18.0.0\nPort: 6000\nDate (YYYY-MM-DD): 2026-03-01\nTime (hh:mm:ss, 24h): 12:34:56\nZone: UTC", "1: " + whole},
		"order in the label":     {"IP: 198.18.0.0\nPort: 6000\nDate (DD/MM/YYYY): 01/03/2026\nTime (UTC): 12:34:56", "1: " + whole},
		"several ports":          {"IP: 198.18.0.0\nPorts: 6000-6010\nTime: 2026-03-01 12:34:56 UTC\n", "1: port range"},
		"many lines":             {"IP: 198.18.0.0\n" + rest + numbered(maxBlock), "1: unparsable"},
		"a date and an interval": {"IP: 198.18.0.0\nDate: 2026-03-01\nStart time: 12:34\nEnd time: 12:35\nZone: UTC", "1: invalid time"},
		"two ports":              {"IP: 198.18.0.0\n" + rest + "Port: 6001\n", "1: " + whole + "\n4: invalid address"},
		"same port twice":        {"IP: 198.18.0.0\n" + rest + "Port: 6000\n", "1: " + whole},
		"two times":              {"IP: 198.18.0.0\n" + rest + "Time: 2026-03-01 12:34:57 UTC\nCase: 7\n", "1: " + whole + "\n4: invalid address"},
		"without any address":    {"IP: 198.18.0.0\n" + rest + "\nfoo: x\nbar: y\n\n" + rest, "1: " + whole + "\n8: invalid address"},
		"prose around":           {"Dear Sirs,\nDate: today\n\nIP: 198.18.0.0\n" + rest + "\nRegards\nAddress: 1 Street\nTime: 9:00", "4: " + whole},
	} {
		if diff := cmp.Diff(c.want, askedOf(t, c.text, Options{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	text := "IP: 198.18.0.0\nDate (MM/DD/YYYY): 01/03/2026\nTime (UTC): 12:34:56"
	if got := askedOf(t, text, Options{Dates: DayFirst}); got != "1: day and month could be exchanged" {
		t.Error(got)
	}
}

// numbered returns n lines with labels that differ.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%dx: 1\n", i)
	}
	return b.String()
}

// TestBlocksAtRandom writes blocks with random labels in random order, some of them damaged, and checks that no question mixes
// two of them: whatever is asked was asked.
func TestBlocksAtRandom(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 3))
	labels := [][]string{
		{"IP", "Source IP", "Endereço IP", "Dirección IP", "Quell-IP", "IP address"},
		{"Source port", "Porta de origem", "Puerto de origen", "Quellport"},
		{"Timestamp", "Data/Hora", "Fecha y hora", "Zeitstempel", "Date and time"},
	}
	between := []string{"\n", "\nRequest\n", "\nPedido 2:\n", "----\n", "# x\n"}
	type key struct {
		addr netip.Addr
		port uint16
		at   time.Time
	}
	for range 500 {
		asked, want := map[key]bool{}, 0
		var text strings.Builder
		glued := r.IntN(4) == 0 // nothing but the label that comes again divides them
		for range 1 + r.IntN(8) {
			q := randomQuestion(r)
			values := []string{q.outside.Addr().String(), fmt.Sprint(q.outside.Port()), q.at.In(q.zone).Format(time.RFC3339)}
			asked[key{q.outside.Addr(), q.outside.Port(), q.at}] = true
			asked[key{q.outside.Addr(), 0, q.at}] = true
			order, missing, choice := r.Perm(3), r.IntN(12), r.IntN(4)
			if glued {
				order, missing, choice = []int{0, 1, 2}, 3, 0
			}
			if missing != 0 && missing != 2 {
				want++ // without a port it can be asked
			}
			for _, i := range order {
				if i != missing {
					fmt.Fprintf(&text, "%s: %s\n", labels[i][choice], values[i])
				}
			}
			if !glued {
				text.WriteString(between[r.IntN(len(between))])
			}
		}
		got, err := read(t, strings.NewReader(text.String()), Options{})
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("%v\n%s", err, &text)
		}
		n := 0
		for _, q := range got {
			if q.Err != nil {
				continue
			}
			if n++; !asked[key{q.Outside, q.Port, q.From}] {
				t.Fatalf("%+v was not asked\n%s", q, &text)
			}
		}
		if n != want {
			t.Fatalf("%d questions, want %d\n%s", n, want, &text)
		}
	}
}

// TestLabels checks labels as they are written in four languages.
func TestLabels(t *testing.T) {
	for want, names := range map[role]string{
		roleAddress:         "IP|IP address|Source IP|Source IP Address|Public IP|Endereço IP|Endereço IP de origem|IP de origem|Dirección IP|IP de origen|IP-Adresse|Quell-IP|Öffentliche IP",
		rolePort:            "Port|Source Port|Source port number|Porta|Porta lógica|Porta de origem|Porta lógica de origem|Puerto|Puerto de origen|Puerto lógico|Quellport|Portnummer",
		roleTime:            "Timestamp|Date/Time|Date and time|Data/Hora|Data e hora|Data e horário|Fecha y hora|Fecha/Hora|Zeitstempel|Datum/Uhrzeit|Datum und Uhrzeit",
		roleDate:            "Date|Data|Fecha|Datum",
		roleClock:           "Time|Hora|Horário|Uhrzeit",
		roleFrom:            "From|Start|Desde|Von|Início",
		roleTo:              "To|End|Hasta|Até|Bis|Ende",
		roleZone:            "Time zone|Timezone|TZ|UTC offset|Fuso|Fuso horário|Zona horaria|Huso horario|Zeitzone",
		roleProto:           "Protocol|Protocolo|Protokoll",
		roleDestination:     "Destination|Destination IP|Destination IP Address|IP de destino|IP destino|Ziel-IP|Server IP|Endereço IP de destino|Dirección IP de destino",
		roleDestinationPort: "Destination Port|Porta de destino|Puerto de destino|Zielport",
		0:                   "Inside IP|Private IP|Reporter IP|Name|CPF|Case|Subject|Victim IP",
	} {
		for name := range strings.SplitSeq(names, "|") {
			if got, _ := roleOf(name); got != want {
				t.Errorf("%s: role %d, want %d", name, got, want)
			}
		}
	}
}

// TestLongLabels reads lines that would take minutes if each colon were looked at together with all that is before it.
func TestLongLabels(t *testing.T) {
	for _, piece := range []string{":", "a:", "a: ", "IP: ", "(", "(:", ")", " ", "=", "1.2.3.4:", "\u2022"} {
		line := "IP: 198.18.0.0 " + strings.Repeat(piece, 60_000/len(piece))
		got, err := read(t, strings.NewReader(strings.Repeat(line+"\nPort: 6000\n", 20)), Options{})
		if err != nil || len(got) == 0 {
			t.Errorf("%q: %d questions (%v)", piece, len(got), err)
		}
	}
}
