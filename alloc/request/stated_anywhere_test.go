package request

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// askedTwice is askedOf with all of the text read for what it states, before it is read for its questions.
func askedTwice(t *testing.T, text string, o Options) string {
	t.Helper()
	var err error
	if o.Stated, err = ReadStated(strings.NewReader(text), o); err != nil {
		t.Errorf("%.100q: %v", text, err)
	}
	return askedOf(t, text, o)
}

const (
	statedRow    = "198.18.0.0:6000 2026-01-10 12:34:00\n"
	statedBlock  = "IP: 198.18.0.0\nSource port: 6000\nDate: 2026-01-10 12:34:00\n"
	statedObject = `{"ip":"198.18.0.0","port":6000,"time":"2026-01-10 12:34:00"`
	statedNotice = "<Source><IP_Address>198.18.0.0</IP_Address><Port>6000</Port><TimeStamp>2026-01-10 12:34:00</TimeStamp></Source>"
)

// statedAnywhere are inputs that state UTC in places of all kinds.
var statedAnywhere = map[string]string{
	"beside a clock":     "Incident of 2026-01-10 12:30, all times are UTC.\n\n" + statedBlock,
	"behind a clock":     "Incidents between 09:00 and 12:30 (all times UTC)\n\n" + statedBlock,
	"of the clocks":      "All times, such as 12:30 UTC, are those of our server.\n\n" + statedBlock,
	"over two lines":     "We ask for the names of those who used these addresses; all times are given in Coordinated Universal\nTime.\n\n" + statedBlock,
	"Zulu":               "Log (Zulu):\n" + statedBlock,
	"beside an address":  "Who used 198.18.0.0? All times are UTC.\n" + statedRow,
	"in a comment":       "# Log of 198.18.0.0, times in UTC\n" + statedRow,
	"behind all":         statedRow + strings.Repeat("\n", 2*headSize) + "All times are UTC.\n",
	"behind many":        strings.Repeat(statedRow, 2000) + "All times are UTC.\n",
	"json, a note":       `{"note":"all times are UTC","requests":[` + statedObject + `}]}`,
	"json, behind":       `{"requests":[` + statedObject + `}],"note":"all times are UTC"}`,
	"json, escaped":      `{"requests":[` + statedObject + `}],"note":"all times\nare \u0055TC"}`,
	"json, a member":     `{"timezone":"UTC","requests":[` + statedObject + `}]}`,
	"json, an offset":    `{"zona":{"valor":"+00:00"},"requests":[` + statedObject + `}]}`,
	"json, inside":       statedObject + `,"note":"all times are UTC"}`,
	"json, an array":     `[` + statedObject + `,"notes":["x","all times are UTC"]}]`,
	"acns":               "<Infringement><Note>all times are UTC</Note>" + statedNotice + "</Infringement>",
	"acns, behind":       "<Infringement>" + statedNotice + "<Note>all times are UTC</Note></Infringement>",
	"acns, an attribute": `<Infringement Timezone="UTC">` + statedNotice + "</Infringement>",
	"x-arf":              "Schema-URL: x\nSource-Type: ip-address\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-01-10 12:34:00\nNote: all times are UTC\n",
	"a subject":          "From: a@example\nSubject: request, all times are UTC\n\n" + statedRow,
	"an encoded subject": "From: a@example\nSubject: =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("Horários em UTC")) + "?=\n\n" + statedRow,
	"a part behind":      statedMail("all times are UTC", "7bit"),
	"an encoded part":    statedMail(base64.StdEncoding.EncodeToString([]byte("All times\nare UTC.")), "base64"),
	"a heading":          "IP;Port;Time;All times are UTC\n198.18.0.0;6000;2026-01-10 12:34:00;\n",
	"a column UTC":       "IP;Port;Time;UTC\n198.18.0.0;6000;2026-01-10 12:34:00;+00:00\n",
	"a column GMT":       "IP;Port;Time;GMT\n198.18.0.0;6000;2026-01-10 12:34:00;+00:00\n",
	"a column Zona":      "IP;Port;Time;Zona\n198.18.0.0;6000;2026-01-10 12:34:00;+00:00\n",
	"a column Tijdzone":  "IP;Port;Time;Tijdzone\n198.18.0.0;6000;2026-01-10 12:34:00;UTC\n",
	"a column of logs":   "IP,Port,Time,Timezone of log\n198.18.0.0,6000,2026-01-10 12:34:00,+00:00\n",
	"a column of places": "IP,Port,Time,Region\n198.18.0.0,6000,2026-01-10 12:34:00,Europe/London\n",
	"a column X":         "IP,Source port,Time,X1\n198.18.0.0,6000,2026-01-10 12:34:00,+00:00\n",
	"json, a place":      `{"region":"Europe/London","requests":[` + statedObject + `}]}`,
	"a place":            "The clocks of all the servers of this office are those of Europe/London\n\n" + statedBlock,
	"a column of notes":  "IP,Port,Time,Note\n198.18.0.0,6000,2026-01-10 12:34:00,\"time is UTC, as always\"\n",
}

// statedMail is a mail with a table and a text behind it.
func statedMail(text, encoding string) string {
	return "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=x.csv\n\n" +
		"ip,port,time\n198.18.0.0,6000,2026-01-10 12:34:00\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: " + encoding + "\n\n" + text + "\n--b--\n"
}

// TestStatedAnywhere checks that a zone is heeded wherever it is stated, and that nothing is refused where it is the one that was given.
func TestStatedAnywhere(t *testing.T) {
	const there, utc = "2026-01-10T15:34:00Z", "198.18.0.0:6000 at 2026-01-10T12:34:00Z"
	for name, text := range statedAnywhere {
		if got := askedTwice(t, text, Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation}); strings.Contains(got, there) || !strings.Contains(got, "ambiguous time zone") {
			t.Errorf("%s: %.200s", name, got)
		}
		if got := askedTwice(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, utc) {
			t.Errorf("%s, as given: %.200s", name, got)
		}
	}
}

// TestStatedNowhere checks that what states no other zone stops nothing.
func TestStatedNowhere(t *testing.T) {
	const there = "198.18.0.0:6000 at 2026-01-10T15:34:00Z"
	for _, text := range []string{
		"Report of 2026-01-12 09:00:00 UTC\n\n" + statedBlock,
		"Written on 12 January 2026 at 9:00 AM (GMT+01:00)\n\n" + statedBlock,
		"Amazon, horizontal, +1 more -3\n\n" + statedBlock,
		"See http://utc.example and gmt-4.example\n\n" + statedBlock,
		"IP,Source port,Time,Response time,Uptime\n198.18.0.0,6000,2026-01-10 12:34:00,-1,+5\n",
		"IP,Port,Time,Zone name\n198.18.0.0,6000,2026-01-10 12:34:00,-03:00\n",
		"IP;Port;Time;Zona\n198.18.0.0;6000;2026-01-10 12:34:00;-03:00\n",
		"IP;Port;Time;UTC\n198.18.0.0;6000;2026-01-10 12:34:00;-03:00\n",
		`{"written":"2026-01-12T09:00:00Z","sent":"2026-01-12 09:00:00 UTC","requests":[` + statedObject + `}]}`,
		"From: a@example\nDate: Mon, 12 Jan 2026 09:00:00 +0000\nSubject: in time\n\n" + statedRow,
	} {
		if got := askedTwice(t, text, Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation}); !strings.Contains(got, there) {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestStatedMany checks that a zone is heeded behind any number of others, and quoted though its line is long.
func TestStatedMany(t *testing.T) {
	text := strings.Repeat("Horário de Brasília\n", 100)
	for i := range 20 {
		text += fmt.Sprintf("Time zone of site %d: -03:%02d\n", i, i)
	}
	o := Options{Zone: location(t, "America/Sao_Paulo"), Zones: time.LoadLocation}
	if got := askedTwice(t, text+"\n"+statedBlock, o); !strings.Contains(got, "ambiguous time zone") {
		t.Error(got)
	}
	long := strings.Repeat("x ", maxLine) + "all times are UTC" + strings.Repeat(" x", maxLine) + "\n" + statedRow
	o.Stated, _ = ReadStated(strings.NewReader(long), o)
	if len(o.Stated.zones) != 1 || !strings.Contains(o.Stated.zones[0].text, "all times are UTC") {
		t.Errorf("%+v", o.Stated.zones)
	}
}

// TestReadStatedError checks that the error of the input is returned, and that damage is left to the Reader.
func TestReadStatedError(t *testing.T) {
	if _, err := ReadStated(broken{}, Options{Zone: time.UTC}); err == nil {
		t.Error("no error")
	}
	if _, err := ReadStated(bytes.NewReader([]byte("\x1f\x8b\x08damaged")), Options{Zone: time.UTC}); err != nil {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("the disk is gone") }
