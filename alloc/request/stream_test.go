package request

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// read returns all that an input asks.
func read(t testing.TB, r io.Reader, o Options) ([]Request, error) {
	t.Helper()
	in, err := NewReader(r, o)
	if err != nil {
		return nil, err
	}
	var out []Request
	for q, err := range in.All() {
		if err != nil {
			return out, err
		}
		checkRequest(t, q)
		if q.Number != len(out)+1 {
			t.Errorf("number %d of request %d", q.Number, len(out)+1)
		}
		out = append(out, q)
	}
	return out, nil
}

// A repeater repeats text until it has given n bytes, and then tail.
type repeater struct {
	text string
	n    int
	tail string
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && r.n > 0 {
		c := copy(p[n:], r.text[r.at:])
		r.at = (r.at + c) % len(r.text)
		n, r.n = n+c, r.n-c
	}
	if n == 0 {
		if r.tail == "" {
			return 0, io.EOF
		}
		n = copy(p, r.tail)
		r.tail = r.tail[n:]
	}
	return n, nil
}

// rows returns n bytes of head and repeated rows.
func rows(head, row string, n int, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &repeater{text: row, n: n / len(row) * len(row), tail: tail})
}

const plainRow = "198.18.0.0:6000 2026-03-01T12:34:56Z\n"

// TestConstantMemory reads streams of 64 MiB and looks at what the heap holds on the way.
func TestConstantMemory(t *testing.T) {
	size := 64 << 20
	if testing.Short() {
		size = 8 << 20
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(plainRow, 3))) + "\r\n"
	for _, c := range []struct {
		name string
		in   io.Reader
		min  int // questions
	}{
		{"plain", rows("", plainRow, size, ""), size / 40},
		{"blocks", rows("", "IP: 198.18.0.0\nPort: 6000\nTime: 2026-03-01T12:34:56Z\n\n", size/4, ""), size / 4 / 60},
		{"csv", rows("ip,port,time\n", "198.18.0.0,6000,2026-03-01T12:34:56Z\n", size/4, ""), size / 4 / 40},
		{"ndjson", rows("", `{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z"}`+"\n", size/4, ""), size / 4 / 60},
		{"json array", rows(`[{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z"}`, `,{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z"}`, size/4, "]"), size / 4 / 60},
		{"json with a long string", rows(`[{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z","note":"`, "x", size, `"}]`), 1},
		{"json with a long list", rows(`[{"ip":"198.18.0.0:6000","time":"2026-03-01T12:34:56Z","notes":[1`, ",2", size/4, `]}]`), 1},
		{"acns", rows("<Infringements>", "<Infringement><Source><TimeStamp>2026-07-12T19:38:25Z</TimeStamp><IP_Address>1.2.3.4</IP_Address></Source></Infringement>", size/4, "</Infringements>"), size / 4 / 130},
		{"x-arf", rows("", "Report-Type: x\nSource: 198.18.0.0\nDate: 2026-03-01T12:34:56Z\n---\n", size/4, ""), size / 4 / 80},
		{"long line", rows(plainRow, "x", size, "\n"+plainRow), 3},
		{"mail", rows("From: a@example.com\nContent-Transfer-Encoding: base64\n\n", encoded, size/4, ""), size / 4 / 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(c.in, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n, most := 0, uint64(0)
			look := func() {
				if runtime.ReadMemStats(&now); now.HeapAlloc > before.HeapAlloc+8<<20 { // with garbage, when others need the processors
					runtime.GC()
					runtime.ReadMemStats(&now)
				}
				most = max(most, now.HeapAlloc)
			}
			for _, err := range r.All() {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%100_000 == 0 {
					look()
				}
			}
			look()
			if n < c.min {
				t.Errorf("%d questions, want %d", n, c.min)
			}
			if grown := int64(most) - int64(before.HeapAlloc); grown > 8<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
		})
	}
}

func zipped(t testing.TB, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	good := zipped(t, strings.NewReader(strings.Repeat(plainRow, 1000)))
	got, err := read(t, bytes.NewReader(good), Options{})
	if err != nil || len(got) != 1000 {
		t.Errorf("%d questions (%v)", len(got), err)
	}
	if _, err := read(t, bytes.NewReader(append(bytes.Clone(good), good...)), Options{}); err != nil {
		t.Errorf("two members: %v", err)
	}
	for _, trailing := range []string{"x", "\x00\x00\x00x", "trailing bytes, more than a header has"} {
		_, err := read(t, bytes.NewReader(append(bytes.Clone(good), trailing...)), Options{})
		if !errors.Is(err, ErrUnparsable) || !strings.Contains(err.Error(), "is whole") {
			t.Errorf("%q behind it: %v", trailing, err)
		}
	}
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"zeros behind it": {append(bytes.Clone(good), make([]byte, 512)...), nil},
		"cut off":         {good[:len(good)-9], ErrUnparsable},
		"cut in header":   {good[:5], ErrUnparsable},
		"damaged":         {append(bytes.Clone(good[:len(good)-8]), 1, 2, 3, 4, 5, 6, 7, 8), ErrUnparsable},
		"gzip in gzip":    {zipped(t, bytes.NewReader(good)), ErrFormat},
		"bomb":            {zipped(t, rows(plainRow, "\n", 40<<20, "")), ErrLimit},
		"bomb of letters": {zipped(t, rows(plainRow, "x", 40<<20, "")), ErrLimit},
	} {
		if _, err := read(t, bytes.NewReader(c.in), Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestCutOff checks that a line that an error cuts is no question: half a port is another port.
func TestCutOff(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(strings.Repeat(plainRow, 3000)+"2026-03-01T12:34:56Z 198.18.0.0 60"), iotest.ErrReader(broken))
	got, err := read(t, in, Options{})
	if !errors.Is(err, broken) || len(got) != 3000 {
		t.Errorf("%d questions (%v)", len(got), err)
	}
	if _, err := NewReader(iotest.ErrReader(broken), Options{}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestSmallReads(t *testing.T) {
	text := strings.Repeat(plainRow, 100)
	got, err := read(t, iotest.OneByteReader(strings.NewReader(text)), Options{})
	if err != nil || len(got) != 100 {
		t.Errorf("%d questions (%v)", len(got), err)
	}
}

// TestStop checks that All ends when its caller does, in every format, and that it runs once.
func TestStop(t *testing.T) {
	for name, text := range map[string]string{
		"plain":  plainRow + plainRow,
		"block":  "IP: 198.18.0.0\nPort: 1\nIP: 198.18.0.0\nPort: 1\n",
		"json":   `[{"ip":"198.18.0.0"},{"ip":"198.18.0.0"}]`,
		"nested": `{"list":[{"ip":"198.18.0.0"},{"ip":"198.18.0.0"}]}`,
		"ndjson": `{"ip":"198.18.0.0"}` + "\n" + `{"ip":"198.18.0.0"}`,
		"acns":   "<Source><Port>1</Port></Source><Source><Port>1</Port></Source>",
		"x-arf":  "Report-Type: a\n---\nReport-Type: a\n",
		"mail":   "From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + plainRow + "\n--b\n\n" + plainRow + "\n--b--\n",
	} {
		r, err := NewReader(strings.NewReader(text), Options{})
		if name == "acns" {
			r, err = NewReader(strings.NewReader("<Infringement>"+text+"</Infringement>"), Options{})
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := 0
		for range 2 {
			for _, err := range r.All() {
				if n++; err != nil {
					t.Error(err)
				}
				break
			}
		}
		if n != 1 {
			t.Errorf("%s: %d questions", name, n)
		}
	}
}

func TestLongLines(t *testing.T) {
	long := "198.18.0.0:6000 " + strings.Repeat("x", maxLine)
	for _, end := range []string{"", "\n", "\r\n" + plainRow} {
		got, err := read(t, strings.NewReader(plainRow+long+end), Options{})
		if err != nil || len(got) < 2 || !errors.Is(got[1].Err, ErrUnparsable) || got[1].Line != 2 || !strings.HasPrefix(got[1].Text, "198.18.0.0:6000 xxx") || !strings.HasSuffix(got[1].Text, "…") {
			t.Errorf("%q: %v (%v)", end, got, err)
		}
		if len(end) > 2 && (len(got) != 3 || got[2].Err != nil || got[2].Line != 3) {
			t.Errorf("%q: %v", end, got)
		}
	}
	for length := maxLine - 2; length < maxLine+20; length++ {
		line := plainRow[:36] + strings.Repeat(" ", length-36)
		got, err := read(t, strings.NewReader(line+"\n"+plainRow), Options{})
		if err != nil || len(got) != 2 || (got[0].Err == nil) != (length <= maxLine) || got[1].Err != nil || got[1].Line != 2 {
			t.Errorf("length %d: %d questions, %v (%v)", length, len(got), got[0].Err, err)
		}
	}
}

func TestLimits(t *testing.T) {
	deepMail := "Subject: x\n\n" + plainRow
	for range maxMailDepth + 1 {
		deepMail = "Subject: x\nContent-Type: message/rfc822\n\n" + deepMail
	}
	manyParts := "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nhello\n", maxParts+1) + "--b--\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"JSON depth":  {`[{"a":` + strings.Repeat("[", 100000), ErrLimit},
		"JSON depth2": {strings.Repeat(`{"a":`, 100000), ErrLimit},
		"JSON depth3": {strings.Repeat(`[`, 100000), ErrLimit},
		"JSON number": {`[{"a":` + strings.Repeat("1", 100) + "}]", ErrUnparsable},
		"JSON ends":   {`[{"a":1}`, ErrUnparsable},
		"JSON comma":  {`[{"a":1},]`, ErrUnparsable},
		"XML depth":   {"<Infringement>" + strings.Repeat("<a>", 100), ErrLimit},
		"XML token":   {"<Infringement>" + strings.Repeat("a", maxToken+10), ErrLimit},
		"XML comment": {"<Infringement><!--" + strings.Repeat("a", maxToken+10), ErrLimit},
		"XML open":    {"<Infringement><Source>", ErrUnparsable},
		"XML closed":  {"<Infringement></Source>", ErrUnparsable},
		"XML charset": {`<?xml version="1.0" encoding="UTF-16"?><Infringement></Infringement>`, ErrUnparsable},
		"mail depth":  {deepMail, ErrLimit},
		"mail parts":  {manyParts, ErrLimit},
		"mail header": {"Subject: " + strings.Repeat("x", maxMailHeader) + "\n\n" + plainRow, ErrLimit},
		"empty mail":  {"Subject: x\n\n", ErrFormat},
	} {
		if _, err := read(t, strings.NewReader(c.text), Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		} else if !printable(err.Error()) {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestColumns(t *testing.T) {
	row := "198.18.0.0,2026-03-01T12:34:56Z" + strings.Repeat(",", maxColumns)
	got, err := read(t, strings.NewReader("ip,time\n"+row+"\n"), Options{})
	if err != nil || len(got) != 1 || !errors.Is(got[0].Err, ErrUnparsable) {
		t.Errorf("%v (%v)", got, err)
	}
	got, err = read(t, strings.NewReader("198.18.0.0:6000 2026-03-01T12:34:56Z"+strings.Repeat(" x", maxWords)), Options{})
	if err != nil || len(got) != 1 || !errors.Is(got[0].Err, ErrUnparsable) {
		t.Errorf("%v (%v)", got, err)
	}
	got, err = read(t, strings.NewReader("ip,time\n198.18.0.0,"+strings.Repeat("2", maxValue+1)+"\n"), Options{})
	if err != nil || len(got) != 1 || !errors.Is(got[0].Err, ErrUnparsable) {
		t.Errorf("%v (%v)", got, err)
	}
}

func TestFormats(t *testing.T) {
	for text, want := range map[string]Format{
		"\ufeffip,port,time\n":                  CSV,
		"# a\n\nIP Address;Date (UTC)\n":        CSV,
		"sep=;\nip;time\n":                      CSV,
		"report of today\nip,port,time\n":       CSV,
		"[]":                                    JSON,
		" {}":                                   JSON,
		"IP 1.2.3.4.5 > 5.6.7.8.443: Flags [S]": Tcpdump,
		"reading from file a.pcap, link-type EN10MB (Ethernet)": Tcpdump,
		"src=1.2.3.4 dst=5.6.7.8":                               NetFlow,
		"Date first seen          Duration Proto":               NetFlow,
		"<Infringement/>":                                       ACNS,
		"x 1.2.3.4\n-----Start ACNS XML\n":                      ACNS,
		"Reported-From: a@example.com\nSource: 1.2.3.4\n":       XARF,
		`{"Report-Type": "x"}`:                                  XARF,
		"1.2.3.4 - - [12/Jul/2026:19:38:25 +0200] \"GET\"":      CLF,
		"[2026-03-01T12:34:56Z] 1.2.3.4:5":                      Plain,
		"hello\n1.2.3.4\n":                                      Plain,
		"2001:db8::1 443":                                       Plain,
		"IP: 1.2.3.4\nPort: 5\n":                                Plain,
		"Source IP (public): 1.2.3.4\nPort: 5\n":                Plain,
		"IP: 1.2.3.4\nFrom: 2026-03-01 12:34\nTo: 2026-03-01\n": Plain,
		"IP: 1.2.3.4\nSubject: x\n":                             Plain,
		"From: 1.2.3.4 <a@example.com>\n\n":                     Mail,
		"Received: from x\n by y\n\n":                           Mail,
	} {
		r, err := NewReader(strings.NewReader(text), Options{})
		if err != nil || r.Format() != want {
			t.Errorf("%q: %v (%v), want %v", text, r, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                    "the input is empty",
		" \n":                 "the input is empty",
		"PK\x03\x04":          "the input is a zip archive or a file of an office program: unpack it, or save the table as CSV",
		"\xff\xfei\x00p\x00":  "the input is text in UTF-16: save it as UTF-8",
		"\xd4\xc3\xb2\xa1":    "the input is a packet capture: write it with tcpdump -n -tt -r",
		"From a@example.com ": "the input is a mailbox: save each mail as a file of its own",
		"# only\n":            "the input has no line with an address",
		"name,phone\n":        `the input has none of the formats that are read: no line at its beginning has an address, and none names columns such as ip, port and time; it begins with "name,phone"`,
	} {
		if _, err := NewReader(strings.NewReader(text), Options{}); !errors.Is(err, ErrFormat) || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got := Format(0).String() + Format(99).String(); got != "invalid Formatinvalid Format" {
		t.Error(got)
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "a\tb\r\n c ": "a b c", "\x1b[31m": "?[31m", "\xff\u202e": "??", "äöü": "äöü", "12345": "12345", "123456": "1234…", "1234 6": "1234…", "äöüäö": "äöüäö", "äöüäöü": "äöüä…", "  a  ": "a",
	} {
		if got := clip(in, 5); got != want {
			t.Errorf("clip(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestNames checks that no spelling has two roles, and that all are as normal writes them.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for r, names := range spellings {
		if r == 0 {
			continue
		}
		if roleNames[r] == "" || (names == "") != (role(r) >= roleFirstSeen) { // those from there on are of reports and tables of flows only
			t.Errorf("role %d has no name", r)
		}
		for name := range strings.FieldsSeq(names) {
			if seen[name] || normal(name) != name {
				t.Errorf("%q is there twice, or is not normal", name)
			}
			seen[name] = true
		}
	}
	for name, want := range map[string]string{
		"Source IP": "1", "src_ip": "1", "Endereço IP": "1", "SRC-PORT": "2", "Time (UTC)": "5 utc", "timestamp_utc": "3 utc", "Port (UTC)": "0", "": "0", "inside": "0", strings.Repeat("x", 1000): "0",
	} {
		r, utc := roleOf(name)
		got := fmt.Sprint(r)
		if utc {
			got += " utc"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
