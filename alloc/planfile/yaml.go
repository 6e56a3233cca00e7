package planfile

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// breaks turns everything that YAML 1.1 takes for the end of a line into one character.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// A syntaxError is a complaint about a text that is not YAML.
type syntaxError struct {
	line, column int // column is 0 when it is not known
	msg, hint    string
}

// parseYAML returns the root node of a text with breaks replaced, or nil for a text without content.
func parseYAML(text string) (*yaml.Node, *syntaxError) {
	if bad := unreadable(text); bad != nil {
		return nil, bad
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		err = dec.Decode(&more)
	}
	switch {
	case err == nil:
		return nil, &syntaxError{line: more.Line, column: more.Column, msg: "the file holds more than one document", hint: "write one plan a file"}
	case !errors.Is(err, io.EOF):
		return nil, explain(text, err)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// unreadable returns the first character that no plan file has, or nil.
func unreadable(text string) *syntaxError {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return &syntaxError{line: 1, msg: "this is not YAML: the file is in UTF-16", hint: "save it as UTF-8"}
	}
	line, column := 1, 0
	for i, r := range text {
		column++
		switch {
		case r == '\n':
			line, column = line+1, 0
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return &syntaxError{line, column, fmt.Sprintf("this is not YAML: byte 0x%02X is not UTF-8", text[i]), "save it as UTF-8"}
		case r < ' ' && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
			return &syntaxError{line, column, fmt.Sprintf("this is not YAML: control character %U", r), ""}
		}
	}
	return nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line \d+: )?(.*)`)

// yamlMessage returns what is wrong without the line, which the YAML library often gets wrong: it names the start of the
// surrounding block, counted from 0 or from 1, or nothing.
func yamlMessage(err error) string {
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return err.Error()
}

// explain finds the line that a text fails on, and says more about indentation with tabs.
func explain(text string, err error) *syntaxError {
	bad := &syntaxError{msg: "this is not YAML: " + yamlMessage(err)}
	var line string
	bad.line, line = failingLine(text, yamlMessage(err))
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		bad.column, bad.hint = tab+1, "indent with spaces, not with tabs"
	}
	return bad
}

// maxSearch bounds the text that failingLine parses again and again.
const maxSearch = 128 << 10

// failingLine returns the number and text of the first line of which this is true: the text up to its end fails with the
// same message, and so it does up to every later line.
func failingLine(text, msg string) (int, string) {
	in := &lineReader{text: text}
	fail(in)
	if in.at < len(text) && text[in.at-1] != '\n' {
		rest, _, _ := strings.Cut(text[in.at:], "\n")
		in.at += len(rest)
	}
	lines := strings.SplitAfter(strings.TrimRight(text[:in.at], "\n"), "\n")
	ends := make([]int, len(lines)+1) // ends[i] = length of the first i lines
	for i, l := range lines {
		ends[i+1] = ends[i] + len(l)
	}
	good, bad := 0, len(lines)
	if in.at <= maxSearch {
		for step := 1; good == 0 && bad-step > 0; step *= 2 {
			if fail(strings.NewReader(text[:ends[bad-step]])) != msg {
				good = bad - step
			} else {
				bad -= step
			}
		}
		for bad-good > 1 {
			if middle := (good + bad) / 2; fail(strings.NewReader(text[:ends[middle]])) == msg {
				bad = middle
			} else {
				good = middle
			}
		}
	}
	return bad, strings.TrimRight(lines[bad-1], "\n")
}

// fail returns the message with which reading YAML ends, or "".
func fail(r io.Reader) string {
	dec := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return ""
		case err != nil:
			return yamlMessage(err)
		}
	}
}

// A lineReader hands out no more than a line at a time, so that it shows how far its reader looked.
type lineReader struct {
	text string
	at   int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if r.at == len(r.text) {
		return 0, io.EOF
	}
	line := r.text[r.at:min(r.at+len(p), len(r.text))]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end+1]
	}
	r.at += copy(p, line)
	return len(line), nil
}
