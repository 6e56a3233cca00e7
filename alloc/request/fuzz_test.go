package request

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fuzzLimit is the size of inputs that fuzz targets look at: long ones only slow them down.
const fuzzLimit = 16 << 10

func FuzzReader(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil || len(paths) < 20 {
		f.Fatalf("%d inputs (%v)", len(paths), err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, ".golden") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"", "\x1f\x8b", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "{", "[", "[{", `{"ip":`, "<Source>", "<IP_Address>1", "From: a\n\n", "From: a\nContent-Type: multipart/mixed; boundary=\n\n--\n\n--", "sep=,\n\"", "ip,time\n\"",
		"1.2.3.4 -> -> 5", "port port 1.2.3.4 1", "1.2.3.4 - -", "src==", "src=\"", "\t0x", "IP ( > ", "1.2.3.4 and to", "::::::::", "[", "[1.2.3.4]:", "1.2.3.4 between", "---\n:", "Report-Type:\n :", "sep=|\nip|time\n1|2", "1.2.3.4 [//::]",
		"IP:1.2.3.4\nPort:\nTime", "1) a.b: =\n- IP (: 1.2.3.4\nTime ((Z)): (", "Destination:\nIP: 1.2.3.4 port 5 (\nPort: 1/tcp (udp)\nPort: /", "IP: 1.2.3.4\nTime (DD/MM): 1/2/2026 um 1:02h (UTC - )\n", "Zone: UTC \nZone: (UTC +\nIP: 1.2.3.4",
		"From: 1\nIP: 1.2.3.4\n\n", "1.2.3.4\nPort:0 0 Por,:0", "> IP: 1.2.3.4\n> IP: 1.2.3.4 Port: 1 Port: 2 Time: 3\n", "\xc3: 1.2.3.4\n\xe2\x80: x",
		`{"a":"\\u00`, `{"a":"\\uZ UTC"}`, "UTC", "1:2 UTC +", ":utc 1.2.3.4", "ip,time,UTC\n1.2.3.4,1,\xff", "Subject: =?utf-8?B?/w==?= UTC\n\nx",
	} {
		f.Add([]byte(text))
	}
	zone := location(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzLimit {
			return
		}
		for _, o := range []Options{{}, {Dates: DayFirst, Zone: zone, Zones: func(string) (*time.Location, error) { return zone, nil }}} {
			stated, err := ReadStated(bytes.NewReader(data), o)
			if err != nil {
				t.Errorf("stated: %v", err)
			}
			for _, z := range stated.zones {
				if !printable(z.text) {
					t.Errorf("stated %q", z.text)
				}
			}
			if o.Zone != nil {
				o.Stated = stated
			}
			got, err := read(t, bytes.NewReader(data), o)
			if err != nil && (kindOf(err) == nil || !printable(err.Error())) {
				t.Errorf("error %q", err)
			}
			if len(got) > len(data)+1 {
				t.Errorf("%d questions of %d bytes", len(got), len(data))
			}
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"", "2026-03-01T12:34:56Z", "1783851029.5", "01/Mar/2026:12:34:56 +0100", "Sun, 01 Mar 2026 12:34:56 +0100 (CET)", "Sun Mar  1 12:34:56 UTC 2026", "25/12/2026 1:02 PM UTC", "2026-12-31T23:59:60Z", "20260301T123456Z",
		"2026-03-01 12:34:56 Europe/Berlin", "2026-03-29 02:30", "2026-10-25 02:30", "Jul 12", "9999-99-99", "2999-12-31 23:59", "99999999999999", "+", "-1", "Z", "UTC", "\xff", "2026-03-01-03:00", "12:34 AM", "2015-05-06T05-00-00UTC", "[", "[]", "2026-03-01 12:34:56 (UTC-03:00)", "2026-03-01 12:34h (", "2026-03-01 12:34:56 ((Z))", "2026-03-01 ()",
	} {
		f.Add(text)
	}
	zones := []*time.Location{nil, time.UTC, location(f, "Europe/Berlin"), location(f, "America/Sao_Paulo"), location(f, "Australia/Lord_Howe")}
	f.Fuzz(func(t *testing.T, text string) {
		var none time.Time
		for i, zone := range zones {
			from, to, err := ParseTime(text, zone)
			switch {
			case err != nil:
				if kindOf(err) == nil || !printable(err.Error()) || !from.IsZero() || !to.IsZero() {
					t.Errorf("%q: %v to %v, %q", text, from, to, err)
				}
			case i == 0:
				none = from
				fallthrough
			default:
				checkTimes(t, from, to)
				if !none.IsZero() && !none.Equal(from) {
					t.Errorf("%q is %v, and in %v it is %v", text, none, zone, from)
				}
			}
			if zone == nil && errors.Is(err, ErrLocalTime) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if want, err := time.Parse(time.RFC3339, text); err == nil && want.Year() >= minYear && want.Year() <= maxYear {
			from, _, err := ParseTime(text, nil)
			if err == nil && !from.Equal(want) || err != nil && !errors.Is(err, ErrZone) && !errors.Is(err, ErrTime) {
				t.Errorf("%q: %v (%v), want %v", text, from, err, want)
			}
		}
	})
}

// FuzzJSON compares what is taken for JSON with the standard library.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, `[1,2]`, `{"a":[{"b":null}]}`, `"\u00e9\ud83d\ude00\n"`, `"\x"`, `-1.5e3`, `01`, `tru`, `[1,]`, `{"a"}`, `{"a":1,}`, `{1:2}`, "\"\n\"", `""x`, `[`, `"`, "\"\xff\"", ` [ { "a" : 1 } , 2 ] `, `1 2`, `nullnull`, `[[[]]]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > fuzzLimit || strings.Count(text, "{")+strings.Count(text, "[") > maxDepth/2 || len(text) > maxNumber {
			return
		}
		j := jsonText{r: bufio.NewReader(strings.NewReader(text)), line: 1}
		err := j.skip(0)
		if err == nil {
			if _, end := j.peek(); end == nil {
				err = ErrUnparsable
			}
		}
		if valid := json.Valid([]byte(text)); valid != (err == nil) {
			t.Errorf("%q: %v, and the standard library says %v", text, err, valid)
		}
	})
}
