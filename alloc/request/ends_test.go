package request

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestLineEnds checks that every format is read with the line ends of old Macs.
func TestLineEnds(t *testing.T) {
	for name, text := range map[string]string{
		"plain":   plainRow + "\n" + plainRow,
		"csv":     "ip,port,time\n198.18.0.0,6000,2026-03-01T12:34:56Z\n198.18.0.0,6000,2026-03-01T12:34:56Z\n",
		"block":   "IP: 198.18.0.0\nPort: 6000\nTime: 2026-03-01T12:34:56Z\n\nIP: 198.18.0.0\nPort: 6000\nTime: 2026-03-01T12:34:56Z",
		"ndjson":  strings.Repeat(`{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z"}`+"\n", 2),
		"json":    "[\n{\"ip\":\"198.18.0.0:6000\",\"time\":\"2026-03-01T12:34:56Z\"},\n{\"ip\":\"198.18.0.0:6000\",\"time\":\"2026-03-01T12:34:56Z\"}]",
		"tcpdump": strings.Repeat("1772368496 IP 198.18.0.0.6000 > 203.0.113.9.443: tcp 1\n", 2),
		"x-arf":   strings.Repeat("Report-Type: x\nSource: 198.18.0.0\nSource-Port: 6000\nDate: 2026-03-01T12:34:56Z\n---\n", 2),
		"acns":    "hello\n-----Start ACNS XML\n<Infringement>\n" + strings.Repeat("<Source><TimeStamp>2026-03-01T12:34:56Z</TimeStamp>\n<IP_Address>198.18.0.0</IP_Address><Port>6000</Port></Source>\n", 2) + "</Infringement>\n-----End ACNS XML\n",
		"mail":    "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + plainRow + "\n--b\n\n" + plainRow + "\n--b--\n",
		"base64":  "Subject: x\nContent-Transfer-Encoding: base64\n\nMTk4LjE4LjAuMDo2MDAwIDIwMjYtMDMtMDFUMTI6MzQ6NTZaDTE5OC4xOC4wLjA6NjAwMCAyMDI2LTAz\nLTAxVDEyOjM0OjU2Wg0=\n",
	} {
		want := askedOf(t, text, Options{})
		if strings.Count(want, "198.18.0.0:6000") != 2 {
			t.Errorf("%s: %s", name, want)
		}
		for _, end := range []string{"\r", "\r\n", "\r\r\n"} {
			if isMail([]byte(text)) && end == "\r\r\n" {
				continue // a header cannot have them
			}
			if got := askedOf(t, strings.ReplaceAll(text, "\n", end), Options{}); got != want {
				t.Errorf("%s, %q: %s, want %s", name, end, got, want)
			}
		}
	}
	got, err := read(t, bytes.NewReader(zipped(t, strings.NewReader(strings.ReplaceAll(strings.Repeat(plainRow, 50), "\n", "\r")))), Options{})
	if err != nil || len(got) != 50 || got[49].Line != 50 {
		t.Errorf("%d questions (%v)", len(got), err)
	}
}

// TestLineEndsReader compares the reader with replacements in the whole text, in pieces of every size.
func TestLineEndsReader(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "\r": "\n", "a\rb": "a\nb", "a\r\nb": "a\r\nb", "a\r\r\nb": "a\r\r\nb", "a\r\rb\r": "a\n\nb\n", "\n\r": "\n\n", "\r\n\r\r\r": "\r\n\n\n\n",
		strings.Repeat("\r", 5000) + "x": strings.Repeat("\n", 5000) + "x", strings.Repeat("\r", 5000) + "\n": strings.Repeat("\r", 5000) + "\n",
		"\x0a\x0d\x0d\x0a": "\x0a\x0d\x0d\x0a",
	} {
		for size := range 5 {
			for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
				var b strings.Builder
				if _, err := io.CopyBuffer(struct{ io.Writer }{&b}, struct{ io.Reader }{&lineEnds{r: in}}, make([]byte, 1+size*size*40)); err != nil || b.String() != want {
					t.Errorf("%.20q, pieces of %d: %.20q (%v), want %.20q", text, 1+size, b.String(), err, want)
				}
			}
		}
	}
}
