package planfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
)

// entries writes a list as "line:range" with blanks between.
func entries(l *List) string {
	out := make([]string, len(l.Ranges))
	for i, r := range l.Ranges {
		out[i] = fmt.Sprintf("%d:%v", l.Lines[i], r)
	}
	return strings.Join(out, " ")
}

func TestReadList(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"plain", "100.64.0.1\n100.64.0.9\n100.64.0.2\n", "1:100.64.0.1 2:100.64.0.9 3:100.64.0.2"},
		{"prefixes and ranges", "100.64.0.0/22\n100.65.0.4-100.65.0.9\n100.66.0.1 - 100.66.0.2\n", "1:100.64.0.0/22 2:100.65.0.4-100.65.0.9 3:100.66.0.1-100.66.0.2"},
		{"no final newline", "100.64.0.1\n100.64.0.2", "1:100.64.0.1 2:100.64.0.2"},
		{"comments and blank lines", "# all\n\n100.64.0.1 # one\n   \n\t# more\n  100.64.0.2#two\n", "3:100.64.0.1 6:100.64.0.2"},
		{"byte order mark", "\ufeff100.64.0.1\n", "1:100.64.0.1"},
		{"byte order mark and comment", "\ufeff# x\n100.64.0.1\n", "2:100.64.0.1"},
		{"CRLF", "100.64.0.1\r\n\r\n100.64.0.2\r\n", "1:100.64.0.1 3:100.64.0.2"},
		{"quoted", "\"100.64.0.1\"\n\"100.64.0.2\"\n", "1:100.64.0.1 2:100.64.0.2"},
		{"indented", "\t100.64.0.1\n  100.64.0.2\t\n", "1:100.64.0.1 2:100.64.0.2"},
		{"CSV without header", "100.64.0.1,C-1\n100.64.0.2,C-2\n", "1:100.64.0.1 2:100.64.0.2"},
		{"CSV with header", "address,contract\n100.64.0.1,C-1\n", "2:100.64.0.1"},
		{"header of one column", "subscriber\n100.64.0.1\n", "2:100.64.0.1"},
		{"quoted header of one column", "\"Subscriber\"\n100.64.0.1\n", "2:100.64.0.1"},
		{"header behind comments", "# export\n\nid,subscriber\n1,100.64.0.1\n", "4:100.64.0.1"},
		{"subscriber in the middle", "id,subscriber,name\n1,100.64.0.1,A\n2,100.64.0.0/30,B\n", "2:100.64.0.1 3:100.64.0.0/30"},
		{"subscriber at the end, upper case", "id;SUBSCRIBER\n1;100.64.0.1\n", "2:100.64.0.1"},
		{"subscriber with blanks around", "id, Subscriber \n1, 100.64.0.1 \n", "2:100.64.0.1"},
		{"subscriber at the start", "Subscriber,id\n100.64.0.1,1\n", "2:100.64.0.1"},
		{"first column without a name", ",subscriber\n0,100.64.0.1\n", "2:100.64.0.1"},
		{"quoted names", "\"id\",\"subscriber\"\n\"1\",\"100.64.0.1\"\n", "2:100.64.0.1"},
		{"separator in quotes", "name,subscriber\n\"Main Street 1, ground floor\",100.64.0.1\n\"a \"\"b\"\", c\",100.64.0.2\n", "2:100.64.0.1 3:100.64.0.2"},
		{"quoted address first", "\"100.64.0.1\",\"Main Street 1, left\"\n", "1:100.64.0.1"},
		{"semicolons", "100.64.0.1;C-1\n100.64.0.2;C-2\n", "1:100.64.0.1 2:100.64.0.2"},
		{"semicolons and a quoted comma", "100.64.0.1;\"Main Street 1, left\"\n100.64.0.2;x\n", "1:100.64.0.1 2:100.64.0.2"},
		{"semicolons and a decimal comma", "subscriber;price\n100.64.0.1;9,90\n", "2:100.64.0.1"},
		{"quoted comma before a semicolon", "\"Street, floor\";subscriber\n\"Main 1, 2\";100.64.0.1\n", "2:100.64.0.1"},
		{"tabs", "id\tsubscriber\n1\t100.64.0.1\n", "2:100.64.0.1"},
		{"tabs with an empty first column", "id\tsubscriber\n\t100.64.0.1\n", "2:100.64.0.1"},
		{"tabs with an empty last column", "subscriber\tnote\n100.64.0.1\t\n", "2:100.64.0.1"},
		{"tabs and blank lines", "subscriber\tnote\n\t\n100.64.0.1\tx\r\n", "3:100.64.0.1"},
		{"comment behind CSV", "100.64.0.1,C-1 # gone soon\n", "1:100.64.0.1"},
		{"number sign in quotes", "street,subscriber\n\"Main Street #4\",100.64.0.1 # left\n", "2:100.64.0.1"},
		{"number sign in a name", "\"no #\",subscriber\n7,100.64.0.1\n", "2:100.64.0.1"},
		{"row with more columns", "subscriber,id\n100.64.0.1,1,2,3\n", "2:100.64.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ReadList(strings.NewReader(c.file), "l.csv")
			if err != nil {
				t.Fatalf("%v\n%s", err, render(err))
			}
			if got := entries(l); got != c.want || l.Name != "l.csv" {
				t.Errorf("%s: %s, want %s", l.Name, got, c.want)
			}
		})
	}
}

const listHint = "hint: write one address, prefix or range a line, or CSV with a column named subscriber\n"

func TestReadListErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "l.csv: the list holds no subscriber\nhint: write one address, prefix or range a line\n"},
		{"comments only", "# a\n\n", "l.csv: the list holds no subscriber\nhint: write one address, prefix or range a line\n"},
		{"header only", "subscriber,id\n", "l.csv: the list holds no subscriber\nhint: write one address, prefix or range a line\n"},
		{"word", "100.64.0.1\nnobody\n", "l.csv:2:1: invalid address \"nobody\": want an IPv4 address such as 100.64.0.1\n    2 | nobody\n      | ^\n" + listHint},
		{"quote that does not end", "subscriber,note\n100.64.0.1,\"hello\n100.64.0.66,boo\"\n", "l.csv:2:1: a quoted field does not end in this line\n    2 | 100.64.0.1,\"hello\n      | ^\n" + listHint},
		{"typo in a first line", "x100.640.1,anna\n100.64.0.2,bob\n", "l.csv:1:1: invalid address \"x100.640.1\": want an IPv4 address such as 100.64.0.1\n    1 | x100.640.1,anna\n      | ^\n" + listHint},
		{"several addresses in a line", "100.64.0.1,100.64.0.2,100.64.0.3\n", "l.csv:1:1: every column is an address: write one address a line, or name the column subscriber in a first line\n    1 | 100.64.0.1,100.64.0.2,100.64.0.3\n      | ^\n" + listHint},
		{"two headers", "subscriber,id\nsubscriber,id\n", "l.csv:2:1: invalid address \"subscriber\": want an IPv4 address such as 100.64.0.1\n    2 | subscriber,id\n      | ^\n" + listHint},
		{"IPv6", "2001:db8::1\n", "l.csv:1:1: invalid address \"2001:db8::1\": this is IPv6; NAT44 takes IPv4 addresses\n    1 | 2001:db8::1\n      | ^\n" + listHint},
		{"IPv6 in the first row", "fd00::1,C-1\n100.64.0.1,C-2\n", "l.csv:1:1: invalid address \"fd00::1\": this is IPv6; NAT44 takes IPv4 addresses\n    1 | fd00::1,C-1\n      | ^\n" + listHint},
		{"typing mistake in the first row", "l00.64.0.1,C-1\n100.64.0.2,C-2\n", "l.csv:1:1: invalid address \"l00.64.0.1\": want an IPv4 address such as 100.64.0.1\n    1 | l00.64.0.1,C-1\n      | ^\n" + listHint},
		{"host bits", "100.64.0.1\n\n100.64.0.1/24\n", "l.csv:3:1: invalid address 100.64.0.1/24: host bits are set; write 100.64.0.0/24 for the prefix or 100.64.0.1 for the one address\n    3 | 100.64.0.1/24\n      | ^\n" + listHint},
		{"reversed", "100.64.0.9-100.64.0.1\n", "l.csv:1:1: invalid address 100.64.0.9-100.64.0.1: the range is reversed; write 100.64.0.1-100.64.0.9\n    1 | 100.64.0.9-100.64.0.1\n      | ^\n" + listHint},
		{"too few columns", "id,name,subscriber\n1,A,100.64.0.1\n2,B\n", "l.csv:3:1: the line has 2 columns, and the address is in column 3\n    3 | 2,B\n      | ^\n" + listHint},
		{"empty field", "id,subscriber\n1,\n", "l.csv:2:1: invalid address \"\": want an IPv4 address such as 100.64.0.1\n    2 | 1,\n      | ^\n" + listHint},
		{"empty subscriber before another address", "subscriber\tgateway\n100.64.0.2\t100.64.0.1\n\t100.64.0.1\n", "l.csv:3:1: invalid address \"\": want an IPv4 address such as 100.64.0.1\n    3 |  100.64.0.1\n      | ^\n" + listHint},
		{"columns where there were none", "100.64.0.1\n100.64.0.2,C-2\n", "l.csv:2:1: invalid address \"100.64.0.2,C\": want an IPv4 address such as 100.64.0.1\n    2 | 100.64.0.2,C-2\n      | ^\n" + listHint},
		{"CR alone", "100.64.0.1\r100.64.0.2\r", "l.csv:1:1: invalid address \"100.64.0.1\\r100.64.0.2\": want an IPv4 address such as 100.64.0.1\n    1 | 100.64.0.1?100.64.0.2\n      | ^\n" + listHint},
		{"terminal control", "\x1b]0;x\a\n", "l.csv:1:1: invalid address \"\\x1b]0\": want an IPv4 address such as 100.64.0.1\n    1 | ?]0;x?\n      | ^\n" + listHint},
		{"junk", "\x7fELF\x02\x01\x00\xff\xfe", "l.csv:1:1: invalid address \"\\x7fELF\\x02\\x01\\x00\\xff\\xfe\": want an IPv4 address such as 100.64.0.1\n    1 | ?ELF?????\n      | ^\n" + listHint},
		{"UTF-16", "\xff\xfe1\x000\x00", "l.csv:1:1: invalid address \"\\xff\\xfe1\\x000\\x00\": want an IPv4 address such as 100.64.0.1\n    1 | ??1?0?\n      | ^\n" + listHint},
		{"a line of 1 MiB", "100.64.0.1\n100.64.0.2\n" + strings.Repeat("1", 1<<20) + "\n", "l.csv:3: the line is longer than 65536 bytes: this is no subscriber list\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ReadList(strings.NewReader(c.file), "l.csv")
			if l != nil || !errors.Is(err, ErrList) {
				t.Fatalf("ReadList = %v, %v; want ErrList", l, err)
			}
			wantDiagnostics(t, err, c.want)
		})
	}
}

// TestReadListLongWord checks that a message does not quote a line of 60,000 bytes.
func TestReadListLongWord(t *testing.T) {
	_, err := ReadList(strings.NewReader(strings.Repeat("x", 60_000)), "l")
	if err == nil || len(err.Error()) > 1000 || !strings.HasSuffix(err.Error(), ": want an IPv4 address such as 100.64.0.1") {
		t.Errorf("error of %d bytes: %.1000v", len(err.Error()), err)
	}
}

// A million generates lines from line 1 on without holding them.
type million struct {
	next, last int
	bad        map[int]string
	rest       []byte
}

func (m *million) Read(p []byte) (int, error) {
	for len(m.rest) < len(p) && m.next < m.last {
		m.next++
		if text, ok := m.bad[m.next]; ok {
			m.rest = append(m.rest, text+"\n"...)
			continue
		}
		n := uint64(m.next) * 2654435761 % (1 << 22) // scattered, none twice
		m.rest = fmt.Appendf(m.rest, "100.%d.%d.%d\n", 64+n>>16, n>>8&255, n&255)
	}
	n := copy(p, m.rest)
	m.rest = append(m.rest[:0], m.rest[n:]...)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestReadListMillion(t *testing.T) {
	const lines = 1_000_000
	l, err := ReadList(&million{last: lines}, "l")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Ranges) != lines || len(l.Lines) != lines || l.Lines[lines-1] != lines {
		t.Fatalf("%d ranges, %d lines, the last is %d", len(l.Ranges), len(l.Lines), l.Lines[len(l.Lines)-1])
	}
	if per := unsafe.Sizeof(l.Ranges[0]) + unsafe.Sizeof(l.Lines[0]); per != 16 {
		t.Errorf("an entry takes %d bytes, want 16", per)
	}
	if held := cap(l.Ranges)*int(unsafe.Sizeof(l.Ranges[0])) + cap(l.Lines)*int(unsafe.Sizeof(l.Lines[0])); held > lines*16*5/4+1<<16 {
		t.Errorf("%d entries hold %d bytes, more than 16 and a quarter for growth each", lines, held)
	}
	for _, at := range []int{1, 2, 500_000, 777_777, lines} {
		_, err := ReadList(&million{last: lines, bad: map[int]string{at: "100.64.0.1/24"}}, "l")
		ds := diagnosticsOf(err)
		if len(ds) != 1 || ds[0].Line != at || !strings.HasPrefix(err.Error(), fmt.Sprintf("l:%d:1: invalid address 100.64.0.1/24", at)) {
			t.Errorf("bad line %d: %v", at, err)
		}
	}
}

func TestReadListReadError(t *testing.T) {
	broken := errors.New("the cable is cut")
	_, err := ReadList(io.MultiReader(strings.NewReader("100.64.0.1\n100.64.0.2\n"), iotest.ErrReader(broken)), "l")
	if !errors.Is(err, broken) || !errors.Is(err, ErrRead) || errors.Is(err, ErrList) {
		t.Errorf("error %v, want one that wraps ErrRead and %v", err, broken)
	}
	wantDiagnostics(t, err, "l: the cable is cut\n")
}

func TestReadListInPieces(t *testing.T) {
	const file = "\ufeffid;subscriber\r\n1;100.64.0.1\r\n\r\n2;100.64.0.2"
	for name, r := range map[string]io.Reader{
		"one byte at a time": iotest.OneByteReader(strings.NewReader(file)),
		"halves":             iotest.HalfReader(strings.NewReader(file)),
		"data with EOF":      iotest.DataErrReader(strings.NewReader(file)),
	} {
		l, err := ReadList(r, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, want := entries(l), "2:100.64.0.1 4:100.64.0.2"; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestScanListStops(t *testing.T) {
	enough := errors.New("enough")
	var got []string
	err := ScanList(strings.NewReader("100.64.0.1\n\n100.64.0.2\n100.64.0.3\nnonsense\n"), "l", func(a alloc.AddrRange, line int) error {
		got = append(got, fmt.Sprintf("%d:%v", line, a))
		if line == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || diagnosticsOf(err) != nil {
		t.Errorf("error %v, want %v", err, enough)
	}
	if want := []string{"1:100.64.0.1", "3:100.64.0.2"}; !slices.Equal(got, want) {
		t.Errorf("entries (-want +got):\n%s", cmp.Diff(want, got))
	}
	if err := ScanList(strings.NewReader(""), "l", nil); err != nil {
		t.Errorf("an empty stream: %v", err)
	}
}
