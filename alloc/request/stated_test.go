package request

import (
	"strings"
	"testing"
	"time"
)

// TestStatedZone checks that a zone which an input states outside of its questions is not passed over: where it is another one
// than the option, times without a zone are refused.
func TestStatedZone(t *testing.T) {
	const row = "198.18.0.0:6000 2026-01-10 12:34:00\n"
	const block = "IP: 198.18.0.0\nSource port: 6000\nDate: 2026-01-10 12:34:00\n"
	const table = "IP,Port,Time\n198.18.0.0,6000,2026-01-10 12:34:00\n"
	const letter = "From: police@example\nTo: isp@example\nDate: Mon, 12 Jan 2026 09:00:00 -0300\nSubject: x\nContent-Type: text/plain\n\n"
	saoPaulo := location(t, "America/Sao_Paulo")
	const refused, there, utc = "ambiguous time zone", "198.18.0.0:6000 at 2026-01-10T15:34:00Z", "198.18.0.0:6000 at 2026-01-10T12:34:00Z"
	for _, c := range []struct {
		text string
		zone *time.Location
		want string
	}{
		{"Time zone: UTC\n\n" + block, saoPaulo, refused},
		{"Time zone: UTC\n\n" + block, time.UTC, utc},
		{"Time zone: UTC-03:00\n\n" + block, saoPaulo, there},
		{"Time zone: -0300\n\n" + block, saoPaulo, there},
		{"Time zone: America/Sao_Paulo\n\n" + block, saoPaulo, there},
		{"Time zone: America/Sao_Paulo\n\n" + block, time.UTC, refused},
		{"Time zone: +01:00\n\n" + block, saoPaulo, refused},
		{"Times are given in UTC+0.\n\n" + block, saoPaulo, refused},
		{"All times are in (GMT).\n\n" + block, saoPaulo, refused},
		{"Times are Coordinated Universal Time\n\n" + block, saoPaulo, refused},
		{"Os horários estão em UTC −3.\n\n" + block, saoPaulo, there},
		{"Os horários estão em UTC −3.\n\n" + block, time.UTC, refused},
		{"All times are CET.\n\n" + block, saoPaulo, refused},
		{block + "\nAll times are UTC.\n", saoPaulo, refused},
		{"# all times are UTC\n" + table, saoPaulo, refused},
		{"# all times are UTC\n" + table, time.UTC, utc},
		{"# all times are UTC\n" + row, saoPaulo, refused},
		{letter + "All times are UTC.\n" + row, saoPaulo, refused},
		{letter + "All times are UTC.\n" + row, time.UTC, utc},
		{letter + "Hello\n" + row, saoPaulo, there},
		{"Call +55 11 4004 at any time, and/or write.\n\n" + block, saoPaulo, there},
		{"Hora local\n\n" + block, saoPaulo, there},
		{"Horário de Brasília\n\n" + block, saoPaulo, there},
		{"Horário de Brasília\n\n" + block, time.UTC, refused},
		{"All times are Brasilia time.\n\n" + block, time.UTC, refused},
		{"Die Uhrzeiten sind in Berlin abgelesen.\n\n" + block, saoPaulo, refused},
		{"All times are local time in New York.\n\n" + block, saoPaulo, refused},
		{"Times are given in Lisbon local time\n\n" + block, saoPaulo, refused},
		{"Horários de São Paulo\n\n" + block, saoPaulo, there},
		{"# times: German time\n" + table, saoPaulo, refused},
		{"# times: German time\n" + table, location(t, "Europe/Berlin"), "198.18.0.0:6000 at 2026-01-10T11:34:00Z"},
		{"Alle Zeiten in mitteleuropäischer Zeit.\n\n" + block, location(t, "Europe/Berlin"), refused},
		{"All times are Eastern Time (US).\n\n" + block, saoPaulo, refused},
		{"Times are Zulu.\n\n" + block, saoPaulo, refused},
		{"# Times are Pacific Standard Time\n" + row, saoPaulo, refused},
		{"Please answer in time.\nOur office is in Berlin.\n\n" + block, saoPaulo, there},
		{"At the time of the attack Paris was not the host, as Mr. Rome and Mrs. London say\n\n" + block, location(t, "Europe/Paris"), "198.18.0.0:6000 at 2026-01-10T11:34:00Z"},
		{"This happened several times. Thank you.\n\n" + block, saoPaulo, there},
		{"# all times are UTC\n198.18.0.0:6000 2026-01-10T12:34:00+00:00\n", saoPaulo, utc},
	} {
		got := askedOf(t, c.text, Options{Zone: c.zone, Zones: time.LoadLocation})
		if _, after, _ := strings.Cut(got, ": "); !strings.HasPrefix(after, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%q in %v: %s, want %s", c.text, c.zone, got, c.want)
		}
	}
}

// TestStatedInMail checks that what the text of a mail says holds for what is attached to it.
func TestStatedInMail(t *testing.T) {
	const text = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nAll times are UTC.\n--b\nContent-Type: text/csv\n" +
		"Content-Disposition: attachment; filename=x.csv\n\nip,port,time\n198.18.0.0,6000,2026-01-10 12:34:00\n--b--\n"
	if got := askedOf(t, text, Options{Zone: location(t, "America/Sao_Paulo")}); got != "2: ambiguous time zone" {
		t.Error(got)
	}
}
