package request

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// foreign are the first bytes of formats that questions also come in and that are not read.
var foreign = []struct{ magic, why string }{
	{"PK\x03\x04", "a zip archive or a file of an office program: unpack it, or save the table as CSV"},
	{"%PDF", "a PDF: ask for the table as CSV"},
	{"\xd0\xcf\x11\xe0", "a file of an office program: save the table as CSV, the mail as .eml"},
	{"\xff\xfe", "text in UTF-16: save it as UTF-8"},
	{"\xfe\xff", "text in UTF-16: save it as UTF-8"},
	{"\x1f\x8b", "a gzip in a gzip: unfold it once"},
	{"BZh", "a bzip2 archive: unfold it"},
	{"\xfd7zXZ", "an xz archive: unfold it"},
	{"\x28\xb5\x2f\xfd", "a zstd archive: unfold it"},
	{"7z\xbc\xaf", "a 7z archive: unpack it"},
	{"\xd4\xc3\xb2\xa1", "a packet capture: write it with tcpdump -n -tt -r"},
	{"\xa1\xb2\xc3\xd4", "a packet capture: write it with tcpdump -n -tt -r"},
	{"\x4d\x3c\xb2\xa1", "a packet capture: write it with tcpdump -n -tt -r"},
	{"\x0a\x0d\x0d\x0a", "a packet capture: write it with tcpdump -n -tt -r"},
	{"-----BEGIN PGP MESSAGE", "encrypted: decrypt it"},
	{"From ", "a mailbox: save each mail as a file of its own"},
}

// foreignFormat refuses an input that begins like those.
func foreignFormat(head []byte, prose bool) error {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) && (!prose || f.magic != "From ") {
			return refuse(ErrFormat, "the input is %s", f.why)
		}
	}
	return nil
}

// detect says which format the beginning of an input has that is no mail. whole means that head is all of it; prose, that lines of plain text
// may come first.
func detect(head []byte, whole, prose bool) (Format, error) {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		if !whole {
			return 0, errFormat(nil)
		}
		return 0, refuse(ErrFormat, "the input is empty")
	}
	if f := documentFormat(text); f != 0 {
		return f, nil
	}
	return detectLines(head, whole, prose)
}

// documentFormat tells JSON and XML by how they begin.
func documentFormat(text []byte) Format {
	switch {
	case text[0] == '{', text[0] == '[' && startsJSON(text[1:]):
		for _, mark := range []string{`"xarf_version"`, `"ReporterInfo"`, `"Schema-URL"`, `"Report-Type"`, `"machine_readable"`} {
			if bytes.Contains(text, []byte(mark)) {
				return XARF
			}
		}
		return JSON
	case text[0] == '<' && (hasFold(text, "<infringement") || hasFold(text, "<ip_address") || hasFold(text, "acns")):
		return ACNS
	}
	return 0
}

// startsJSON reports whether text goes on as an array; [2026-… is a plain line.
func startsJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '{' || text[0] == ']' || text[0] == '['
}

func hasFold(text []byte, lower string) bool {
	return bytes.Contains(bytes.ToLower(text), []byte(lower))
}

// detectLines takes the first line that tells its format. The mark of ACNS tells it wherever it stands, and in prose a
// sentence that only mentions an address tells less than a line of a format.
func detectLines(head []byte, whole, prose bool) (Format, error) {
	var first []byte
	var found, likely Format
	for rest := head; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !ended && !whole && first != nil {
			break // cut off
		}
		rest = after
		line = trimEnd(line)
		if prose {
			line = unquote(line)
		}
		if skipped(line) && !isCountedHeading(string(line)) {
			if likely == 0 && hasAddress(string(line)) {
				likely = Plain
			}
			continue
		}
		if first == nil {
			first = line
		}
		if found != 0 {
			if isMark(line, "start acns xml") {
				return ACNS, nil
			}
			continue
		}
		text := spaced(line)
		f := lineFormat(text)
		if prose && isSentence(f, text) {
			likely, f = Plain, 0
		}
		found = f
	}
	switch {
	case found != 0:
		return found, nil
	case likely != 0:
		return likely, nil
	}
	return 0, errFormat(first)
}

// isSentence reports whether a line has an address, also one between two commas, and no question.
func isSentence(f Format, line string) bool {
	if f == CSV {
		p := csvParser{settings: &settings{}}
		if separatorLine(line) != 0 || p.heading(line) || !p.bare(line) {
			return false
		}
		line = strings.Join(p.fields, "|")
	}
	return (f == Plain || f == CSV) && !isQuestion(line)
}

// isQuestion reports whether a plain line has an address and something like a time.
func isQuestion(line string) bool {
	p := plainParser{settings: &settings{}}
	_, err := p.question(line)
	switch {
	case errors.Is(err, ErrTime), errors.Is(err, ErrUnparsable), errors.Is(err, ErrAddress):
		return false
	case errors.Is(err, ErrPort), errors.Is(err, ErrPortRange), errors.Is(err, ErrProtocol):
		return slices.ContainsFunc(strings.Fields(line), isTime) // or it only mentions a port
	}
	return true
}

func errFormat(first []byte) error {
	if first == nil {
		return refuse(ErrFormat, "the input has no line with an address")
	}
	return refuse(ErrFormat, "the input has none of the formats that are read: no line at its beginning has an address, and none names columns such as ip, port and time; it begins with %s",
		quoted(string(first[:min(len(first), 4*maxGiven)])))
}

// lineFormat returns the format that a line tells, or 0.
func lineFormat(line string) Format {
	lower := strings.ToLower(line)
	switch {
	case strings.Contains(lower, "start acns xml"), strings.HasPrefix(lower, "<infringement"):
		return ACNS
	case isXARFLine(lower):
		return XARF
	case isTcpdump(line):
		return Tcpdump
	case isCLF(line) && !isNetflow(withoutQuoted(lower)): // what a client asked for may look like anything
		return CLF
	case isNetflow(lower):
		return NetFlow
	case isCSV(line):
		return CSV
	case hasAddress(line):
		return Plain
	}
	return 0
}
