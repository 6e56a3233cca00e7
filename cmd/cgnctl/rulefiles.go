package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// detectBytes is how much of a file may be needed to see what it is.
const detectBytes = 64 << 10

// openRules opens a file, or standard input, for reading with a look at its start.
func (e *env) openRules(path string) (in *bufio.Reader, name string, closing func(), err error) {
	if path == "-" {
		return bufio.NewReaderSize(e.stdin, detectBytes), "standard input", func() {}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", nil, badInput("", "%s: %v", path, errors.Unwrap(err))
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, "", nil, badInput("name a file, or - for standard input", "%s: this is a directory", path)
	}
	return bufio.NewReaderSize(f, detectBytes), path, func() { f.Close() }, nil
}

// formatOf returns the format that a flag names, or that the file's start shows. also are names that the flag takes besides.
func formatOf(flag, value, name string, in *bufio.Reader, also ...string) (rulefile.Format, error) {
	if value != "" {
		f, err := rulefile.ParseFormat(value)
		if err != nil {
			return 0, badInput("for example --"+flag+" nftables", "--%s: %v", flag, strings.Join(append([]string{err.Error()}, also...), ", or "))
		}
		return f, nil
	}
	head, err := in.Peek(detectBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, badInput("", "%s: %v", name, err)
	}
	if f, ok := rulefile.Detect(head); ok {
		return f, nil
	}
	return 0, badInput("say it: --"+flag+" "+strings.Join(append(also, rulefile.FormatNames()...), "|"), "%s: the format is not evident", name)
}

// findings prints what a table does not say.
func (e *env) findings(t *rulefile.Table) {
	for _, f := range t.Findings() {
		var about []string
		if f.Count > 1 {
			about = append(about, fmt.Sprintf("%d times, first here", f.Count))
		}
		if f.Text != "" {
			about = append(about, f.Text)
		}
		text := ""
		if len(about) > 0 {
			text = " (" + strings.Join(about, ": ") + ")"
		}
		fmt.Fprintf(e.stderr, "cgnctl: note: %s:%d: %s%s\n", t.Name(), f.Line, f.Msg, text)
	}
}

// isPlan reports whether a file starts as a plan file does, or as a plan in canonical form, which is one.
func isPlan(head []byte) bool {
	if text, ok := bytes.CutPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")); ok {
		return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte(`"cgnkit_plan"`))
	}
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("version:")) || bytes.HasPrefix(line, []byte("pools:")) {
			return true
		}
	}
	return false
}
