package request

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestTables writes tables whose columns have names that are known, or not, in every layout, and checks that no number is asked about as a port
// but the one below the name of the port.
func TestTables(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 31))
	answered := map[bool]int{}
	for range 1500 {
		names := []string{pick(r, "IP", "IP address", "Source IP", "IP de origem", "Attacker", "Host", "Angreifer"), pick(r, "Time", "Last seen", "Timestamp (UTC)", "Zuletzt", "When", "last activity")}
		values := []string{"198.18.0.0", "2026-01-10T12:34:56Z"}
		own := r.IntN(2) == 0
		if own {
			names, values = append(names, pick(r, "Port", "Source port", "Porta de origem", "SPT", "Quellport")), append(values, "6000")
		}
		if !own || r.IntN(3) == 0 {
			names = append(names, pick(r, "Hits", "Count", "ASN", "Dest port", "Target port", "Dest. port", "Port attacked", "Attacked port", "DPT", "Zielport", "Porta destino", "Treffer", "Ocorrências", "Nr"))
			values = append(values, "2222")
		}
		swap := func(i, j int) { names[i], names[j], values[i], values[j] = names[j], names[i], values[j], values[i] }
		if r.IntN(3) == 0 {
			r.Shuffle(len(names), swap)
		} else { // the number right behind the address
			swap(1, len(names)-1)
		}
		between := func(texts []string, mark string) string {
			if mark != "" {
				return strings.Join(texts, mark)
			}
			line := ""
			for _, text := range texts {
				line += fmt.Sprintf("%-24s", text)
			}
			return line
		}
		mark := pick(r, "", "  ", " ", "\t", " | ", ",", ";", ", ")
		below := mark
		if mark == ", " || r.IntN(8) == 0 {
			below = " "
		}
		gap := pick(r, "\n", "\n", "\n\n", "\n------ ----- ----\n")
		strange := func(name string) bool { r, _ := roleOf(name); return r != roleAddress && !isTimeRole(r) }
		several := func(name string) bool { return mark == " " && strings.Contains(name, " ") }
		if (mark == " " || below != mark) && !slices.ContainsFunc(names, func(name string) bool { return !strange(name) }) && (gap == "\n\n" || slices.ContainsFunc(names, several)) {
			continue // nothing tells them from a title
		}
		text := between(names, mark) + gap + strings.Repeat(between(values, below)+"\n", 1+r.IntN(2))
		if r.IntN(3) == 0 {
			text = pick(r, "# ", "Columns: ") + text
		}
		if r.IntN(2) == 0 {
			text = "Subject: x\n\nDear all,\nplease look at this:\n\n" + text
		}
		got, err := read(t, strings.NewReader(text), Options{})
		if err != nil {
			continue // no format that is known
		}
		for _, q := range got {
			switch {
			case q.Err != nil:
			case q.HasPort && (q.Port != 6000 || !own):
				t.Fatalf("port %d was not asked about:\n%s", q.Port, text)
			case q.HasPort:
				answered[true]++
			default:
				answered[false]++
			}
		}
	}
	if answered[true] < 200 || answered[false] < 30 {
		t.Errorf("answered with and without a port: %v", answered)
	}
}

// TestHeadingsOfTables reads numbers below names of columns, and below lines that are none.
func TestHeadingsOfTables(t *testing.T) {
	const (
		row  = "198.18.0.0 6000 2026-01-10T12:34:56Z\n"
		wide = "198.18.0.0    6000    2026-01-10T12:34:56Z\n"
		mail = "Subject: x\n\n"
		six  = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
		bad  = "invalid port"
	)
	checkAsked(t, []want{
		// Names that are known, of one word or more.
		{"IP address    Source port    Last seen\n" + wide, "2: " + six},
		{"IP address Source port Time\n" + row, "2: " + six},
		{"IP address    Source port    Last activity\n" + wide, "1: invalid address\n2: " + six}, // the column of the number is understood
		{mail + "IP address    Source port    Last activity\n" + wide, "2: " + six},
		{mail + "IP   Port (TCP)   Time (UTC)\n" + wide, "2: " + six},
		{mail + "Columns: IP, port, time\n" + row, "2: " + six},
		{mail + "Source Port Time\n" + row, "2: " + six},
		{mail + "Port Source Time\n6000 198.18.0.0 2026-01-10T12:34:56Z\n", "2: " + six},
		// Names that are not, or are those of another port.
		{mail + "IP address    Hits    Last seen\n" + wide, "2: " + bad},
		{mail + "IP address Hits Last seen\n" + row, "2: " + bad},
		{mail + "IP address, hits, last seen:\n" + row, "2: " + bad},
		{mail + "IP Hits Time:\n" + row, "2: " + bad},
		{mail + "IP Treffer Zuletzt\n\n" + row, "3: " + bad},
		{mail + "|Host|Treffer|Zuletzt|\n|---|---|---|\n|198.18.0.0|6000|2026-01-10T12:34:56Z|\n", "3: " + bad},
		{mail + "Source IP   Dest port   Time\n" + wide, "2: " + bad},
		{"Dest port  Source IP  Time\n6000  198.18.0.0  2026-01-10T12:34:56Z\n", "2: " + bad},
		{"Port attacked Attacker When\n6000 198.18.0.0 2026-01-10T12:34:56Z\n", "1: invalid address\n2: " + bad},
		{mail + "IP   Port   Victim   Time\n198.18.0.0   6000   2026-01-10T12:34:56Z\n", "2: " + bad},
		{"host,hits,last activity\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "1: unparsable\n2: " + bad},
		{"# host,hits,last activity\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: " + bad},
		{"# ip,hits,time,country\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "2: " + bad},
		{"host,source port,last activity\n198.18.0.0,6000,2026-01-10T12:34:56Z\n", "1: unparsable\n2: " + six},
		{mail + "Host;Treffer;Zuletzt\n198.18.0.0;6000;2026-01-10T12:34:56Z\n", "2: " + bad},
		// There may be numbers in a name.
		{mail + "IP    Last 7 days    Last seen\n" + wide, "2: " + bad},
		{mail + "IP | Events in 24 hours | Last seen\n198.18.0.0 | 6000 | 2026-01-10T12:34:56Z\n", "2: " + bad},
		{mail + "IP\tTop 10\tTime\n198.18.0.0\t6000\t2026-01-10T12:34:56Z\n", "2: 198.18.0.0 at 2026-01-10T12:34:56Z"},
		{mail + "IP    Layer 4 port (dst)    Time\n" + wide, "2: " + bad},
		{mail + "On day 3    we saw    what follows\n" + row, "2: " + six},
		// They hold for all rows below, whatever else stands between.
		{mail + "IP    Hits    Last seen\n" + wide + "Page 2\n" + wide + "and so on, as before\n" + row, "2: " + bad + "\n4: " + bad + "\n6: " + bad},
		{mail + "Host  Hits  Last\nevil.example  22  2026-01-10T12:34:56Z\n" + wide, "3: " + bad},
		{mail + "IP    Hits    Last seen\n" + wide + "IP  Port  Time\n" + wide, "2: " + bad + "\n4: " + six},
		// A port that is written as one needs no name.
		{mail + "IP address    Hits    Last seen\n198.18.0.0:6000    12    2026-01-10T12:34:56Z\n198.18.0.0:6000    2026-01-10T12:34:56Z\n", "2: invalid time\n3: " + six},
		{mail + "Host  Hits  Last\n198.18.0.0 port 6000  2026-01-10T12:34:56Z\n", "2: " + six},
		// Sentences are no names of columns.
		{mail + "Please identify the users:\n" + row, "2: " + six},
		{mail + "Dear Sirs,\n\nplease tell us who this was\n" + row, "4: " + six},
		{mail + "Abuse report\n\n" + row, "3: " + six},
		{mail + "Attacks from your network\n\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "3: " + bad},
		{mail + "Abuse from your network:\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "2: " + six},
		{mail + "All times UTC\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "2: " + six},
		{mail + "Timezone is UTC\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "2: " + six},
		{mail + "IP/Port/Time\n" + row, "2: " + six},
		{mail + "IP Port Datum/Uhrzeit UTC\n198.18.0.0 6000 2026-01-10 12:34:56Z\n", "2: " + six},
		{mail + "All times in UTC\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "2: " + six},
		{mail + "IP Port Time\n" + row + "Page 2 of 3\n198.18.0.0 6000 2026-01-10 12:34:56 UTC\n", "2: " + six + "\n4: " + six},
		{mail + "The IP address and the time are these.\n" + row, "2: " + six},
		{mail + "It began on Sunday 1 February\n" + row, "2: " + six},
	})
}
