package request

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// htmlMail is a mail with a body in HTML and a table.
func htmlMail(header, body string) string {
	return "From: a@example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html" + header + "\n\n" + body +
		"\n--b\nContent-Type: text/csv\n\nip,port,time\n198.18.0.0,6000,2026-01-10 12:34:00\n--b--\n"
}

// TestStatedInHTML checks that what a body in HTML says about the zone of a table beside it is heard.
func TestStatedInHTML(t *testing.T) {
	const at = "198.18.0.0:6000 at 2026-01-10T12:34:00Z"
	filler := strings.Repeat("<p style=\"color: black\">All of this is <b>text</b>.</p>\n", 3000)
	for body, heard := range map[string]bool{
		"<html><body><p>All times are in CET (UTC+1).</p></body></html>": true,
		"<p>Hor&aacute;rio de Bras&#237;lia</p>":                         true,
		"<p>Horário de <b>Bra</b>sília</p>":                              true,
		"<p>All times are given\nin <i>Eastern</i>\nTime</p>":            true,
		"<td>Time&nbsp;zone:</td><td>-03:00</td>":                        true,
		"All times are CET":                                              true,
		"<p class=it's>All times are CET</p>":                            true,
		"<script>if (a<b) x()</script>All times are CET":                 true,
		"1 < 2, and all times are CET":                                   true,
		"<!--[if mso]><p>x</p><![endif]-->All times are CET":             true,
		filler + "<p>All times are CET</p>":                              true,
		"<p>All times are UTC</p>":                                       false,
		"<style>zone { time: CET; }</style><p>x</p>":                     false,
		"<!-- All times are CET --><p>x</p>":                             false,
		"<p lang=\"CET\">x</p>":                                          false,
		filler:                                                           false,
	} {
		for _, whole := range []bool{true, false} {
			text, o := htmlMail("", body), Options{Zone: time.UTC, Zones: time.LoadLocation}
			got := askedOf(t, text, o)
			if whole {
				got = told(t, text, o)
			}
			if whole && heard == strings.Contains(got, at) || !whole && heard != strings.Contains(got, ErrZone.Error()) {
				t.Errorf("%.200q: %s", body, got)
			}
		}
	}
	if got := told(t, htmlMail("; charset=utf-16", "x"), Options{Zone: time.UTC}); strings.Contains(got, at) {
		t.Errorf("in UTF-16: %s", got)
	}
	if got := told(t, htmlMail("; charset=iso-8859-1", inWindows1252("<p>Horário de Brasília</p>")), Options{Zone: time.UTC}); strings.Contains(got, at) {
		t.Errorf("in ISO-8859-1: %s", got)
	}
}

// FuzzHTML reads HTML for what it states in pieces of any size.
func FuzzHTML(f *testing.F) {
	for _, text := range []string{"<p>x</p>", "<", "<!", "<!--", "<!-->", "<script", "<script><", "</", "&", "&amp", "&amp;lt;", "&#0;&#xd800;", "a<b>c", "<style></style", "<\xff>", "&\xff;"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(r io.Reader) string {
			s := &settings{zone: time.UTC, names: time.LoadLocation, stated: &Stated{}}
			if err := s.hearHTML(r); err != nil && kindOf(err) == nil {
				t.Errorf("%q: %v", text, err)
			}
			var said []string
			for _, z := range s.stated.zones {
				if !printable(z.text) {
					t.Errorf("stated %q", z.text)
				}
				said = append(said, z.text)
			}
			return strings.Join(said, "\n")
		}
		if a, b := read(strings.NewReader(text)), read(iotest.OneByteReader(strings.NewReader(text))); a != b {
			t.Errorf("%q states %q, and %q byte by byte", text, a, b)
		}
	})
}
