package request

import (
	"strings"
	"testing"
)

// TestReportDate checks that the date of a report is not that of the event.
func TestReportDate(t *testing.T) {
	const head = "Report-Type: login-attack\nSource: 198.18.0.0\nSource-Port: 6000\n"
	const asked = "1: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	const json = `"xarf_version":"4","source_identifier":"198.18.0.0","source_port":6000`
	checkAsked(t, []want{
		{head + "Date: 2026-01-10T12:34:56Z\n", asked},
		{head + "Report-Date: 2026-01-11T09:00:00Z\n", "1: invalid time"},
		{head + "Report-Date: 2026-01-11T09:00:00Z\nDate: 2026-01-10T12:34:56Z\n", asked},
		{head + "Date: 2026-01-10T12:34:56Z\nReport-Date: 2026-01-11T09:00:00Z\nReport-Source: 192.0.2.1\nReport-Timestamp: 1\n", asked},
		{head + "Date: 2026-01-10T12:34:56Z\nDate: 2026-01-10T12:34:57Z\n", "1: unparsable"},
		{head + "Date: 2026-01-10T12:34:56Z\nDate: 2026-01-10T12:34:56Z\n", asked},
		{"{" + json + `,"report_date":"2026-01-11T09:00:00Z","timestamp":"2026-01-10T12:34:56Z"}`, asked},
		{"{" + json + `,"report-date":"2026-01-11T09:00:00Z"}`, "1: invalid time"},
		{`{"ReporterInfo":{},"Report":{"Date":"2026-01-10T12:34:56Z","ReportDate":"2026-01-11T09:00:00Z","Source":{"IP":"198.18.0.0","Port":6000}}}`, asked},
		{`{"machine_readable":{"Report-Type":"x","Source":"198.18.0.0","Source-Port":6000,"Date":"2026-01-10T12:34:56Z","Report-Date":"2026-01-11T09:00:00Z"}}`, asked},
	})
}

// TestReportSeen checks that the time of a report is refused where it lies outside of those between which the event was seen.
func TestReportSeen(t *testing.T) {
	const json = `{"xarf_version":"4","source_identifier":"198.18.0.0","source_port":6000,"timestamp":"2026-01-10T12:34:56Z"`
	const asked = "1: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for seen, want := range map[string]string{
		`"first_seen":"2026-01-10T12:00:00Z","last_seen":"2026-01-10T12:40:00Z"`:          asked,
		`"first_seen":"2026-01-10T12:34:56Z","last_seen":"2026-01-10T12:34:56Z"`:          asked,
		`"first_seen":"2026-01-10T12:34:56.5Z","last_seen":"2026-01-10T13:34:57.5+01:00"`: asked,
		`"first_seen":"2026-01-10T12:34:57Z"`:                                             "1: invalid time",
		`"last_seen":"2026-01-10T12:34:55Z"`:                                              "1: invalid time",
		`"first_seen":"2026-01-08T12:00:00Z","last_seen":"2026-01-08T12:05:00Z"`:          "1: invalid time",
		`"first_seen":"2026-01-11T12:00:00Z","last_seen":"2026-01-11T12:05:00Z"`:          "1: invalid time",
		`"first_seen":"2026-01-10T12:00:00Z","last_seen":null`:                            asked,
		`"first_seen":"2026-01-10","last_seen":"2026-01-10"`:                              "1: no time zone",
		`"first_seen":"soon"`: "1: invalid time",
		`"evidence":[{"first_seen":"2026-01-11T12:00:00Z"}],"x":{"last_seen":"yesterday"}`: asked,
	} {
		if got := askedOf(t, json+","+seen+"}", Options{}); got != want {
			t.Errorf("%s: %s, want %s", seen, got, want)
		}
	}
}

// TestQuotedReports reads reports that a reply or a forward quotes like those that stand alone.
func TestQuotedReports(t *testing.T) {
	const mail = "Subject: x\nFrom: a@example\nTo: b@example\n\n"
	const report = "Reported-From: x@example\nReport-Type: login-attack\nService: ssh\nDate: Sat, 10 Jan 2026 12:34:56 +0000\nSource-Type: ipv4\nSource: 198.18.0.0\nSource-Port: 6000\nPort: 22\nAttachment:\n  - none\nSchema-URL: x\n"
	const asked = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for _, intro := range []string{
		"", "FYI:\n", "\nFor your attention.\n\nOn Sun, Feb 1, 2026 at 5:00 PM John <j@x> wrote:\n", "On Sun, Feb 1, 2026, John wrote:\n\n", "John wrote:\n> \n",
		"Begin forwarded message:\n> From: x@example\n> Subject: abuse report\n> Date: 1 February 2026 at 17:00:00 CET\n> To: a@example\n> \n",
	} {
		for _, mark := range []string{"", "> ", ">", "> > ", ">> "} {
			quoted := mark + strings.ReplaceAll(strings.TrimSuffix(report, "\n"), "\n", "\n"+mark) + "\n"
			for text, rows := range map[string]int{
				quoted: 1,
				quoted + mark + "\n" + strings.ReplaceAll(quoted, "198.18.0.0", "198.18.0.1"): 2,
				quoted + "\nRegards\n": 1,
			} {
				got := askedOf(t, mail+intro+text, Options{})
				if !strings.Contains(got, asked) || strings.Count(got, " at ") != rows || strings.Count(got, "\n")+1 != rows {
					t.Errorf("%q: %s", intro+text, got)
				}
			}
		}
	}
}
