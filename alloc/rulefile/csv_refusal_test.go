package rulefile_test

import (
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestCSVWidth reads rows with more fields than the first line: ports would get lost.
func TestCSVWidth(t *testing.T) {
	checkRefusals(t, "csv", []refusal{
		{"ports", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1-9,5000\n", rulefile.ErrSyntax, "rules:2: the line has 4 columns, and the first line has 3"},
		{"by place", "10.0.0.1;198.18.0.1;1;9\n10.0.0.2;198.18.0.1;10;19;5000\n", rulefile.ErrSyntax, "rules:2: the line has 5 columns"},
		{"with a pool", "pool,subscriber,outside,ports\na,10.0.0.1,198.18.0.1,1-9,10-19\n", rulefile.ErrSyntax, "rules:2: "},
	})
	if got := rowsOf(parse(t, "csv", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1-9, \n10.0.0.2,198.18.0.1,10-19,,\n")); got != twoRows {
		t.Errorf("empty fields behind the last: got\n%s", got)
	}
}

// TestCSVColumns reads columns that say for what a row holds, and when.
func TestCSVColumns(t *testing.T) {
	rows := func(column, first, second string) string {
		return "subscriber,outside," + column + ",ports\n10.0.0.1,198.18.0.1," + first + ",1-9\n10.0.0.2,198.18.0.1," + second + ",10-19\n"
	}
	checkRefusals(t, "csv", []refusal{
		{"status", rows("status", "active", "deleted"), rulefile.ErrSyntax, `rules:3: column status says "deleted"`},
		{"until", rows("Valid Until", "", "2026-03-01"), rulefile.ErrSyntax, `rules:3: column valid_until says "2026-03-01"`},
		{"from", rows("from", "2026-03-01T00:00:00Z", ""), rulefile.ErrSyntax, `rules:2: column from says`},
		{"disabled", rows("disabled", "no", "yes"), rulefile.ErrSyntax, `rules:3: column disabled says "yes"`},
		{"end date", rows("End date", "", "2020-01-01"), rulefile.ErrSyntax, `rules:3: column end_date says "2020-01-01"`},
		{"deleted at", rows("deletedAt", "", "2020-01-01T00:00:00Z"), rulefile.ErrSyntax, `rules:3: column deletedat says`},
		{"deleted", rows("deleted_at", "0000-00-00", ""), rulefile.ErrSyntax, `rules:2: column deleted_at says`},
		{"date to", rows("date-to", "", "31.12.2020"), rulefile.ErrSyntax, `rules:3: column date_to says`},
		{"terminated on", rows("Terminated On", "", "2020"), rulefile.ErrSyntax, `rules:3: column terminated_on says`},
		{"action", rows("action", "src-nat", "deny"), rulefile.ErrSyntax, `rules:3: column action says "deny"`},
		{"accepted", rows("Action", "accept", ""), rulefile.ErrSyntax, `rules:2: column action says "accept"`},
		{"is active", rows("is_active", "1", "f"), rulefile.ErrSyntax, `rules:3: column is_active says "f"`},
		{"obsolete", rows("obsolete", "no", "yes"), rulefile.ErrSyntax, `rules:3: column obsolete says "yes"`},
		{"current", rows("current", "yes", "no"), rulefile.ErrSyntax, `rules:3: column current says "no"`},
		{"flags", rows("flags", "", "X"), rulefile.ErrSyntax, `rules:3: column flags says "X"`},
		{"Latin-1", rows("situa\xe7\xe3o", "ativo", "cancelado"), rulefile.ErrSyntax, `says "cancelado"`},
		{"unknown protocol", rows("protocol", "tcp", "carrier pigeon"), rulefile.ErrSyntax, `rules:3: "carrier pigeon" are no protocols`},
		{"protocol without ports", rows("protocol", "tcp", "gre"), rulefile.ErrSyntax, `rules:3: "gre" are no protocols`},
		{"no protocol", rows("protocol", "tcp", "/"), rulefile.ErrSyntax, `rules:3: "/" are no protocols`},
		{"protocols differ", "subscriber,outside,protocol,ports\n10.0.0.1,198.18.0.1,tcp,1-9\n10.0.0.1,198.18.0.1,udp,10-19\n", rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1 gets ports 10-19 for udp here and 1-9 for tcp in line 2"},
		{"outsides differ", "subscriber,outside,protocol,ports\n10.0.0.1,198.18.0.1,tcp,1-9\n10.0.0.1,198.18.0.2,udp,1-9\n", rulefile.ErrConflict, "rules:3: subscriber 10.0.0.1 stands in line 2"},
	})
	for _, c := range []struct{ column, holds, does string }{ // in other languages, in which requests are read as well
		{"estado", "Ativo", "inativo"}, {"Situação", "ativa", "cancelada"}, {"ativo", "sim", "não"}, {"activo", "sí", "no"}, {"aktiv", "ja", "nein"}, {"actif", "oui", "non"}, {"attivo", "sì", "no"}, {"statut", "actif", "résilié"}, {"stato", "attivo", "cessato"},
		{"Inativo", "não", "sim"}, {"gesperrt", "nein", "ja"}, {"veraltet", "nein", "ja"}, {"désactivé", "non", "oui"}, {"gültig", "ja", "nein"}, {"decommissioned", "", "yes"}, {"live", "yes", "no"}, {"release_time", "", "2026-01-01"},
		{"fim", "", "2026-01-01"}, {"data_fim", "", "01/02/2026"}, {"Data de término", "", "2026"}, {"fecha_fin", "", "2026-01-01"}, {"Fecha de baja", "", "2026"}, {"fin", "", "2026"}, {"hasta", "", "2026"}, {"até", "", "2026"}, {"data_baixa", "", "2026"},
		{"gueltig_bis", "", "2026-01-01"}, {"Gültig bis", "", "2026"}, {"Ende", "", "2026"}, {"bis", "", "2026"}, {"Enddatum", "", "2026"}, {"date_fin", "", "2026"}, {"Date de fin", "", "2026"}, {"jusqu'à", "", "2026"}, {"scadenza", "", "2026"}, {"data fine", "", "2026"}, {"início", "", "2027"},
	} {
		checkRefusals(t, "csv", []refusal{{c.column, rows(c.column, c.holds, c.does), rulefile.ErrSyntax, "rules:3: column "}})
		if got := rowsOf(parse(t, "csv", rows(c.column, c.holds, c.holds))); got != twoRows {
			t.Errorf("%v: got\n%s", c, got)
		}
	}
	for _, c := range []struct{ column, first, second string }{
		{"status", "Active", ""}, {"enabled", "1", "yes"}, {"deleted", "0", "false"}, {"deleted_at", "", ""}, {"action", "SNAT", "translate"}, {"Is Active", "1", "true"}, {"until", "", " "}, {"protocol", "all", "any"}, {"protocol", "*", "tcp/udp/icmp"},
	} {
		table := parse(t, "csv", rows(c.column, c.first, c.second))
		if got := rowsOf(table); got != twoRows || len(table.Unread()) > 0 {
			t.Errorf("%v: got\n%s, unread %v", c, got, table.Unread())
		}
		for s := range table.All() {
			if p := s.Protocols; !p.TCP || !p.UDP || !p.ICMP {
				t.Errorf("%v: %v holds for %v", c, s.Inside, p)
			}
		}
	}
	table := parse(t, "csv", rows("Customer", "a", "b"))
	if got := table.Unread(); !slices.Equal(got, []string{"Customer"}) || !hasFinding(table, "columns are not read", 1, 1) {
		t.Errorf("unread: got %v, %+v", got, table.Findings())
	}
}

// TestCSVProtocols reads rows that hold for some protocols.
func TestCSVProtocols(t *testing.T) {
	table := parse(t, "csv", "subscriber,outside,proto,ports\n10.0.0.1,198.18.0.1,TCP,1-9\n10.0.0.2,198.18.0.1,tcp+udp,10-19\n10.0.0.1,198.18.0.1,17,1-9\n10.0.0.3,198.18.0.1,tcp,20-29\n")
	for who, want := range map[string]string{"10.0.0.1": "tcp, udp", "10.0.0.2": "tcp, udp", "10.0.0.3": "tcp"} {
		if s, ok := table.Find(addr(who)); !ok || s.Protocols.String() != want {
			t.Errorf("%s: got %v, %v, want %s", who, s.Protocols, ok, want)
		}
	}
	if !hasFinding(table, "subscribers have rules for tcp and none for udp", 5, 1) {
		t.Errorf("findings %+v", table.Findings())
	}
}
