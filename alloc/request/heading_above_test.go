package request

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

const countedRow = "198.18.0.0 2222 2026-02-01T05:30:00Z\n"

// namesAbove are texts with names of columns that no list knows, or that look so. In none is 2222 a port.
var namesAbove = []string{
	"Host Treffer Zuletzt\n" + countedRow,
	"HOST TREFFER ZULETZT\n" + countedRow,
	"Spalten: Host Treffer Zuletzt\n" + countedRow,
	"Host, Treffer, Zuletzt:\n" + countedRow,
	"Host Treff. Zul.\n" + countedRow,
	"Host / Treffer / Zuletzt\n" + countedRow,
	"Host/Treffer/Zuletzt\n" + countedRow,
	"**Host** **Treffer** **Zuletzt**\n" + countedRow,
	"Host Treffer Zuletzt (UTC)\n" + countedRow,
	"Host Treffer Zuletzt\n(UTC)\n" + countedRow,
	"Host Treffer Zuletzt\n\nHost Treffer Zuletzt\n" + countedRow, // a title of the same words stands apart
	"Host Treffer Zuletzt\nAlle Zeiten in UTC\n" + countedRow,
	"# Host Treffer Zuletzt\n" + countedRow,
	"Host Treffer Zuletzt\n---- ------- -------\n" + countedRow,
	"Host Treffer Zuletzt\n====================\n" + countedRow,
	"====================\nHost Treffer Zuletzt\n====================\n" + countedRow,
	"Host Treffer Zuletzt\n\n---- ------- -------\n\n" + countedRow,
	"Host Treffer Zuletzt\n+----+-------+-------+\n" + countedRow,
	// What of the rows is one name or two.
	"Host Treffer Zuletzt\n198.18.0.0 2222 2026-02-01\n",
	"Host Treffer Zuletzt\n198.18.0.0 2222 2026-02-01 05:30:00\n",
	"Host Treffer Zuletzt\n198.18.0.0 2222 2026-02-01 05:30:00 UTC\n",
	"Host Treffer Tag Moment\n198.18.0.0 2222 2026-02-01 05:30:00 UTC\n",
	"Host Treffer Tag Moment Gegend\n198.18.0.0 2222 2026-02-01 05:30:00 UTC\n",
	"Host Treffer Zuletzt\n198.18.0.0 2222 1 Feb 2026 05:30:00 +0000\n",
	"Host Treffer Beginn Ende\n198.18.0.0 2222 2026-02-01T05:30:00Z - 2026-02-01T06:30:00Z\n",
	"Adresse Treffer Zuletzt Art\n198.18.0.0 2222 2026-02-01T05:30:00Z TCP\n",
	"Adresse Treffer Zuletzt Land\n198.18.0.0 2222 2026-02-01T05:30:00Z DE\n",
	"Host Treffer Zuletzt\n1. " + countedRow,
	"Host Treffer Zuletzt\n\u2022 " + countedRow,
	"Lfd Host Treffer Zuletzt\n1) " + countedRow,
	"Host Treffer Zuletzt\n198.18.0.0    2222    2026-02-01T05:30:00Z\n",
	"Host Treffer Zuletzt\n198.18.0.0 | 2222 | 2026-02-01T05:30:00Z\n",
	"Host Treffer Zuletzt\n| 198.18.0.0 | 2222 | 2026-02-01T05:30:00Z |\n",
	"Host Treffer Zuletzt\n198.18.0.0, 2222, 2026-02-01T05:30:00Z\n",
	"Host Treffer Zuletzt\n198.18.0.0,2222,2026-02-01T05:30:00Z\n",
	"Host  Anzahl Zugriffe  Letzter Kontakt\n" + countedRow,
	"| Host | Treffer | Zuletzt |\n|---|---|---|\n| 198.18.0.0 | 2222 | 2026-02-01T05:30:00Z |\n",
	// Other scripts.
	"\u0425\u043e\u0441\u0442 \u041f\u043e\u043f\u044b\u0442\u043a\u0438 \u041f\u043e\u0441\u043b\u0435\u0434\u043d\u0438\u0439\n" + countedRow,
	"\u0394\u03b9\u03b5\u03cd\u03b8\u03c5\u03bd\u03c3\u03b7 \u03a0\u03bb\u03ae\u03b8\u03bf\u03c2 \u03a4\u03b5\u03bb\u03b5\u03c5\u03c4\u03b1\u03af\u03b1\n" + countedRow,
	"\u4e3b\u673a \u6b21\u6570 \u6700\u540e\n" + countedRow,
	"\u4e3b\u673a\u6b21\u6570\u6700\u540e\u65f6\u95f4\n" + countedRow,
	"\u4e3b\u673a\u3001\u6b21\u6570\u3001\u6700\u540e\n" + countedRow,
	"\u30db\u30b9\u30c8\u3000\u56de\u6570 \u6700\u7d42\n" + countedRow,
	// The rows of a table, whatever stands between.
	"Host Treffer Zuletzt\nevil.example 22 2026-02-01T05:30:00Z\n" + countedRow,
	"Host Treffer Zuletzt\nevil.example 22 2026-02-01T05:30:00Z\n\n" + countedRow,
	"Host Treffer Zuletzt\n" + countedRow + "\n" + countedRow,
	"Host Treffer Zuletzt\n" + countedRow + "Seite 2\n" + countedRow,
	"Host Treffer Zuletzt\n" + countedRow + "\nFortsetzung\n" + countedRow,
	"Host Treffer Zuletzt\n198.18.0.1:6000 2026-02-01T05:30:00Z\n" + countedRow,
	"Host Treffer Zuletzt\n\n" + countedRow + "\n" + countedRow + "\n" + countedRow,
	"Host Treffer Zuletzt\n\n\n" + countedRow + "\n\n\n" + countedRow,
	"IP Port Time\n198.18.0.1 6000 2026-02-01T05:30:00Z\n\nHost Treffer Zuletzt\n" + countedRow,
	"IP Port Time\n198.18.0.1 6000 2026-02-01T05:30:00Z\nHost Treffer Zuletzt\n" + countedRow,
	"Abuse report\n\n198.18.0.1 6000 2026-02-01T05:30:00Z\n\nHost Treffer Zuletzt\n" + countedRow,
	// Numbers among the names, and lines between.
	"IP Top 10 Time\n" + countedRow,
	"IP Hits 2026-02-01\n" + countedRow,
	"Host Treffer 2026\n" + countedRow,
	"Host Treffer 2026-02-01\n" + countedRow,
	"Host Treffer Zuletzt\nStand von heute frueh acht Uhr\n" + countedRow,
	"Host Treffer Zuletzt\nSeite 2\n" + countedRow,
	// Other marks and ends.
	"Host-Treffer-Zuletzt\n" + countedRow,
	"Host Treffer Zuletzt;\n" + countedRow,
	"Host, Treffer und Zuletzt\n" + countedRow,
	"Die Zeilen enthalten: Host, Treffer und Zuletzt.\n" + countedRow,
	"host,hits,last,\n198.18.0.0,2222,2026-02-01T05:30:00Z\n",
	"host,hits,last\n198.18.0.0,2222,2026-02-01T05:30:00Z,\n",
	"\"Host, Name\",\"Treffer\",\"Zuletzt\"\n198.18.0.0,2222,2026-02-01T05:30:00Z\n",
	// A heading that is understood holds no longer than its table.
	"IP Time Port\n198.18.0.1 2026-02-01T05:30:00Z 6000\n\nHost Zuletzt Treffer\n\n198.18.0.0 2026-02-01T05:30:00Z 2222\n",
	// A cell without a value.
	"Host    Port    Treffer    Zuletzt\n198.18.0.0            2222    2026-02-01 05:30:00Z\n",
}

// TestNamesAbove reads counts below names of columns that no list knows, in files, mails and quoted mails.
func TestNamesAbove(t *testing.T) {
	for _, text := range namesAbove {
		for _, in := range []string{text, "Subject: x\n\n" + text, "Subject: x\n\nDear all,\n\nplease look at this:\n\n" + text, "Subject: x\n\n> " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n> ") + "\n"} {
			got, err := read(t, strings.NewReader(in), Options{Zone: time.UTC})
			if err != nil {
				t.Errorf("%q: %v", in, err)
			}
			refused := 0
			for _, q := range got {
				if q.Err != nil {
					refused++
				}
				if q.Port == 2222 {
					t.Errorf("%q: 2222 is no port", in)
				}
			}
			if refused == 0 {
				t.Errorf("%q: nothing is refused", in)
			}
		}
	}
}

// strangeName returns words that are in no list of names.
func strangeName(r *rand.Rand, words int) string {
	var name []string
	for len(name) < words {
		letters := []rune(pick(r, "bdfgklmnprstvwzaeiou", "BDFGKLMNPRSTVWZAEIOU", "\u0431\u0432\u0433\u0434\u0436\u0437\u043a\u043b\u043c\u0430\u0435\u0438\u043e", "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03ba\u03bb", "\u4e3b\u673a\u6b21\u6570\u6700\u540e\u5730\u5740"))
		word := make([]rune, 2+r.IntN(9))
		for i := range word {
			word[i] = letters[r.IntN(len(letters))]
		}
		if known, _ := roleOf(string(word)); known == 0 && !letterWords[normal(string(word))] && !isCounter(string(word)) && !proseWords[normal(string(word))] {
			name = append(name, string(word))
		}
	}
	return strings.Join(name, " ")
}

// TestUnnamedColumns writes tables of random columns, whose names are in no list but perhaps that of the port, in every layout, and checks that no other
// number is asked about as a port, and none as a time.
func TestUnnamedColumns(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 37))
	refused, answered := 0, 0
	for range 4000 {
		mark := pick(r, " ", " ", " ", "  ", "\t", " | ", ",", ";", ", ")
		words := func() int {
			if mark == " " {
				return 1 // else nothing says how many names there are
			}
			return 1 + r.IntN(2)
		}
		names, values := []string{strangeName(r, words())}, []string{"198.18.0.0"}
		add := func(name, value string) { names, values = append(names, name), append(values, value) }
		own := r.IntN(4) == 0
		if own {
			add("Port", "6000")
		}
		if !own || r.IntN(3) == 0 {
			add(strangeName(r, words()), pick(r, "2222", "404", "80", "1530"))
		}
		if r.IntN(3) == 0 {
			add(strangeName(r, words()), pick(r, "TCP", "udp"))
		}
		when := pick(r, "2026-02-01T05:30:00Z", "2026-02-01 05:30:00", "2026-02-01 05:30:00 UTC", "2026-02-01", "01 Feb 2026 05:30:00 +0000", "1769923800")
		if times := strings.Fields(when); r.IntN(3) == 0 {
			for _, word := range times {
				add(strangeName(r, 1), word)
			}
		} else {
			add(strangeName(r, words()), when)
		}
		if r.IntN(3) == 0 { // behind the address, but for the words of the time
			last := len(names) - len(strings.Fields(when))
			if last > 1 {
				i, j := 1+r.IntN(last-1), 1+r.IntN(last-1)
				names[i], names[j], values[i], values[j] = names[j], names[i], values[j], values[i]
			}
		}
		front := pick(r, "", "", "", "- ", "1. ", "\u2022 ")
		row := front + strings.Join(values, mark) + "\n"
		head := strings.Join(names, mark)
		if mark == " | " && r.IntN(2) == 0 {
			row, head = "| "+strings.Join(values, mark)+" |\n", "| "+head+" |"
		}
		rows := []string{row, row, row}[:1+r.IntN(3)]
		text := head + pick(r, "\n", "\n", "\n---- ---- ----\n", "\n=====\n") + strings.Join(rows, pick(r, "", "", "\n", "Page 2\n"))
		if r.IntN(5) == 0 && len(rows) > 1 {
			text = head + "\n\n" + strings.Join(rows, "\n")
		}
		switch r.IntN(5) {
		case 0:
			text = "Subject: x\n\n" + text
		case 1:
			text = "Subject: x\n\nDear all,\n\nplease look at this:\n\n" + text
		case 2:
			text = "Subject: x\n\n> " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n> ") + "\n"
		case 3:
			text = "Subject: x\n\nIP Port Time\n198.18.0.7 7000 2026-02-01T05:30:00Z\n\n" + text
		}
		got, err := read(t, strings.NewReader(text), Options{Zone: time.UTC})
		if err != nil {
			continue // no format that is known
		}
		for _, q := range got {
			switch {
			case q.Err != nil:
				refused++
			case q.HasPort && q.Port != 7000 && (q.Port != 6000 || !own):
				t.Fatalf("port %d was not asked about:\n%s", q.Port, text)
			case q.From.Hour() == 15 || q.From.IsZero():
				t.Fatalf("time %v was not asked about:\n%s", q.From, text)
			default:
				answered++
			}
		}
	}
	if refused < 1000 || answered < 100 {
		t.Errorf("%d refused, %d answered", refused, answered)
	}
}
