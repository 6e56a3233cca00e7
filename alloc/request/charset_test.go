package request

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// accented are inputs that say with accents which zone their times are of.
var accented = map[string]string{
	"Brasília":      "Todos os horários são de Brasília.\n\n" + statedRow,
	"México":        "Hora local de México.\n" + statedRow,
	"German":        "Alle Zeiten in mitteleuropäischer Zeit.\n" + statedRow,
	"French":        "Les heures sont en heure française.\n" + statedRow,
	"a letter":      "IP: 198.18.0.0\nPorta: 6000\nData: 2026-01-10\nHora: 12:34:00\nFuso horário: Brasília\n",
	"a table":       "IP;Porta;Data/Hora;Fuso Horário\n198.18.0.0;6000;2026-01-10 12:34:00;Brasília\n",
	"a remark":      "IP;Porta;Data/Hora;Observação\n198.18.0.0;6000;2026-01-10 12:34:00;horário de Brasília\n",
	"a column":      "IP;Porta;Data;Horário (Brasília)\n198.18.0.0;6000;2026-01-10;12:34:00\n",
	"json":          `{"note":"horário de Brasília","requests":[` + statedObject + `}]}`,
	"acns":          "<Infringement><Note>horário de Brasília</Note>" + statedNotice + "</Infringement>",
	"behind a dash": "Fuso – horário de Brasília\n" + statedRow,
	"many lines":    strings.Repeat(statedRow, 3000) + "horário de Brasília\n",
	"a long line":   statedRow + strings.Repeat("números ", 20000) + "horário de Brasília\n",
}

// inWindows1252 writes a text as spreadsheets of Windows do.
func inWindows1252(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch c, ok := map[rune]byte{'–': 0x96, '•': 0x95, '…': 0x85, '“': 0x93, '”': 0x94}[r]; {
		case ok:
			b.WriteByte(c)
		case r <= 0xff:
			b.WriteByte(byte(r))
		default:
			panic(string(r))
		}
	}
	return b.String()
}

// apart writes accents behind their letters.
var apart = strings.NewReplacer("á", "a\u0301", "é", "e\u0301", "í", "i\u0301", "ó", "o\u0301", "ú", "u\u0301", "ã", "a\u0303", "õ", "o\u0303", "ä", "a\u0308", "ç", "c\u0327", "ê", "e\u0302")

// told returns all that is said about the questions of a text.
func told(t *testing.T, text string, o Options) string {
	t.Helper()
	var err error
	if o.Stated, err = ReadStated(iotest.HalfReader(strings.NewReader(text)), o); err != nil {
		t.Errorf("%.100q: %v", text, err)
	}
	got, err := read(t, strings.NewReader(text), o)
	var lines []string
	for _, q := range got {
		lines = append(lines, fmt.Sprintln(q.Line, q.Part, q.Text, answer(q)))
	}
	return strings.Join(lines, "") + fmt.Sprint(err)
}

// TestCharsets checks that a text says the same whatever it is written in.
func TestCharsets(t *testing.T) {
	o := Options{Zone: time.UTC, Zones: time.LoadLocation}
	for name, text := range accented {
		want := told(t, text, o)
		if strings.Contains(want, " at 2026-") || !strings.Contains(want, "zone") {
			t.Errorf("%s, UTF-8: %.300s", name, want)
		}
		if got := told(t, inWindows1252(text), o); got != want {
			t.Errorf("%s, Windows-1252:\ngot  %.300s\nwant %.300s", name, got, want)
		}
		if got := told(t, apart.Replace(text), o); got != want {
			t.Errorf("%s, accents apart:\ngot  %.300s\nwant %.300s", name, got, want)
		}
		mail := func(charset, encoding, text string) string {
			return told(t, fmt.Sprintf("From: a@example\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: %s\n\n%s", charset, encoding, text), o)
		}
		want = mail("utf-8", "8bit", text)
		if strings.Contains(want, " at 2026-") {
			t.Errorf("%s, a mail: %.300s", name, want)
		}
		for _, charset := range []string{"iso-8859-1", "ISO-8859-15", `"Windows-1252"`, "us-ascii", "utf-8"} {
			written := inWindows1252(strings.ReplaceAll(text, "–", "-"))
			want := strings.ReplaceAll(want, "–", "-")
			var quoted strings.Builder
			w := quotedprintable.NewWriter(&quoted)
			fmt.Fprint(w, written)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for encoding, body := range map[string]string{"8bit": written, "quoted-printable": quoted.String(), "base64": base64.StdEncoding.EncodeToString([]byte(written))} {
				if got := mail(charset, encoding, body); got != want {
					t.Errorf("%s, %s as %s:\ngot  %.300s\nwant %.300s", name, charset, encoding, got, want)
				}
			}
		}
	}
}

// TestCharsetInFiles checks that the files of golden tests say the same in Windows-1252.
func TestCharsetInFiles(t *testing.T) {
	for _, name := range []string{"brasil.csv", "letter.txt", "plain.txt", "refused.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.NewReplacer("→", "->", "\u202f", "\u00a0", "\u2212", "–").Replace(string(text))
		if want, got := told(t, other, Options{}), told(t, inWindows1252(other), Options{}); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// TestCharsetOfSubject checks that the subject of a mail is heard in any charset.
func TestCharsetOfSubject(t *testing.T) {
	for _, subject := range []string{
		"Horário de Brasília", inWindows1252("Horário de Brasília"), apart.Replace("Horário de Brasília"), "=?iso-8859-1?Q?Hor=E1rio_de_Bras=EDlia?=", "=?windows-1252?Q?Hor=E1rio_de_Bras=EDlia?=",
		"=?ISO-8859-15?B?" + base64.StdEncoding.EncodeToString([]byte(inWindows1252("Horário de Brasília"))) + "?=", "=?koi8-r?Q?=C1=C2_UTC-3?=",
	} {
		if got := told(t, "From: a@example\nSubject: "+subject+"\n\n"+statedRow, Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, "the input says") {
			t.Errorf("%q: %s", subject, got)
		}
	}
}

// TestUnknownCharset checks that of a text in a charset that is not known, what is ASCII is read, and that what else it states counts as unknown.
func TestUnknownCharset(t *testing.T) {
	mail := func(charset, text string) string {
		return "From: a@example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + statedRow + "\n--b\nContent-Type: text/plain; charset=" + charset + "\n\n" + text + "\n--b--\n"
	}
	const block = "IP: 198.18.0.0\nSource port: 6000\nTime: 2026-01-10 12:34:00 UTC\n"
	const six = "198.18.0.0:6000 at 2026-01-10T12:34:00Z"
	local := Options{Zone: time.UTC}
	for charset, text := range map[string]string{
		"iso-8859-2": "Szanowni Pa\xf1stwo", "KOI8-R": "\xf5\xd7\xc1\xd6\xc1\xc5\xcd\xd9\xc5", "windows-1250": "nadu\xbfycie", "windows-1254": "Say\xfdn yetkili", "cp850": "Gr\x81\xe1e",
		"gb2312": "\xb1\xb1\xbe\xa9\xca\xb1\xbc\xe4", "GBK": "IP\xa3\xba", "big5": "\xae\xc9\xb6\xa1", "euc-kr": "\xbd\xc3\xb0\xa3", "ks_c_5601-1987": "\xbd\xc3\xb0\xa3", "shift_jis": "\x83\x7c\x81\x5b\x83\x67",
	} {
		for _, o := range []Options{local, {}} {
			if got := told(t, mail(charset, block), o); strings.Count(got, six) != 1+strings.Count(told(t, mail("utf-8", ""), o), six) {
				t.Errorf("%s, ASCII: %s", charset, got)
			}
			for _, with := range []string{text + "\n\n" + block, block + "\n" + text + "\n", block + "\n" + strings.Repeat("all of it\n", 10000) + text} {
				if got := told(t, mail(charset, with), o); strings.Count(got, six) != 1 || o.Zone != nil && !strings.Contains(got, charset) {
					t.Errorf("%s, %.40q: %s", charset, with, got)
				}
			}
		}
		if got := told(t, "From: a@example\nContent-Type: text/html; charset="+charset+"\n\n<p>"+text+"</p>\n", local); strings.Contains(got, six) {
			t.Errorf("%s, HTML: %s", charset, got)
		}
	}
	for charset, text := range map[string]string{"utf-16": "x", "utf-7": "x", "UCS-2": "x", "iso-2022-jp": block + "\x1b$B;~4V\x1b(B\n", "hz-gb-2312": block + "~{VPND~}\n"} {
		for _, o := range []Options{local, {}} {
			got := told(t, mail(charset, text), o)
			if !strings.Contains(got, "text/plain") || !strings.Contains(got, fmt.Sprintf("the text is written in %q", charset)) || strings.Contains(got, six) {
				t.Errorf("%s: %s", charset, got)
			}
		}
	}
	if got := told(t, mail("iso-2022-jp", block), local); strings.Count(got, six) != 2 {
		t.Errorf("iso-2022-jp, ASCII: %s", got)
	}
	// Four bytes of GB 18030, of which two look like digits, are no digits of the address behind them.
	if got := told(t, mail("gb18030", "\x81\x30\x84\x31"+"98.18.0.0:6000 2026-01-10T12:34:00Z\n"), Options{}); strings.Contains(got, "198.18.0.0:6000 at") {
		t.Errorf("gb18030: %s", got)
	}
}

// TestDecoder checks that lines of any length are decoded as when each is read at once.
func TestDecoder(t *testing.T) {
	rng := rand.New(rand.NewPCG(testseed.New(t), 0))
	for range 50 {
		var text, want bytes.Buffer
		for range 1 + rng.IntN(20) {
			line := randomLine(rng)
			want.WriteString(line)
			if rng.IntN(2) == 0 {
				line = inWindows1252(line)
			} else {
				line = apart.Replace(line)
			}
			text.WriteString(line)
		}
		got, err := io.ReadAll(decoded(bufio.NewReaderSize(&text, 64+rng.IntN(200)), windows1252))
		if err != nil || string(got) != want.String() {
			t.Fatalf("%q, %v, want %q", got, err, want.String())
		}
	}
	for in, want := range map[string]string{
		"": "", "\xe1": "á", "\xa4\x80\x9d": "¤€\ufffd", "a\u0301": "á", "\u0301a": "\u0301a", "a\u0301\u0301": "á\u0301", "x\u0301": "x\u0301", "á\n\xe1\n": "á\ná\n",
		strings.Repeat("\xe1", 5000): strings.Repeat("á", 5000),
	} {
		if got, err := io.ReadAll(decoded(bufio.NewReader(strings.NewReader(in)), windows1252)); err != nil || string(got) != want {
			t.Errorf("%.100q: %.100q, %v", in, got, err)
		}
	}
	if got := string(latin9.appendLine(nil, []byte("\xa4\xa6\xe1"))); got != "€Šá" {
		t.Errorf("ISO-8859-15: %q", got)
	}
}

// randomLine returns a line in which an accent is never far, so that each piece of it shows what it is written in.
func randomLine(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(500) {
		b.WriteString([]string{"é", "ção", " ", "a", "ü "}[rng.IntN(5)])
	}
	return b.String() + "í í\n"
}
