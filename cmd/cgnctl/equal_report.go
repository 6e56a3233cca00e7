package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// equal compares and prints how two sides differ.
func (e *env) equal(c *equality, format string) error {
	c.run()
	realms := append(c.realms(), alloc.DefaultRealm)
	form := newChangeForm(c.count, realms, format)
	switch format {
	case "json":
		form.after = fmt.Sprintf(`],"equal":%v,"differs":%s,"not_compared":%s}`+"\n", c.isEqual(), texts(c.differs), texts(c.unproven))
	case "ndjson":
		form.after = kinds("differs", c.differs) + kinds("not compared", c.unproven)
	case "table":
		form.after = paragraph("differs", c.differs) + paragraph("not compared", c.unproven)
	}
	kept := c.count
	if err := e.printForm(form, kept, func(yield func(alloc.Change) bool) { c.changes(yield) }); err != nil {
		return err
	}
	if format == "csv" { // which has no place for it
		fmt.Fprint(e.stderr, prefixed(paragraph("differs", c.differs)+paragraph("not compared", c.unproven)))
	}
	if !c.isEqual() {
		return &fault{code: exitNobody}
	}
	for _, s := range []*side{c.a, c.b} {
		if s.overlap != nil {
			return fmt.Errorf("%s: %w", s.name, s.overlap)
		}
	}
	return nil
}

// paragraph returns lines that start with a word.
func paragraph(word string, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(word + ": " + line + "\n")
	}
	return b.String()
}

// prefixed returns lines as they go to stderr.
func prefixed(lines string) string {
	if lines == "" {
		return ""
	}
	return "cgnctl: " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\ncgnctl: ") + "\n"
}

// texts returns a JSON array.
func texts(lines []string) string {
	if len(lines) == 0 {
		return "[]"
	}
	out, err := json.Marshal(lines)
	if err != nil {
		return "[]" // strings have a form
	}
	return string(out)
}

// kinds returns a JSON line for each text.
func kinds(kind string, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, `{"kind":%s,"text":%s}`+"\n", strings.Trim(texts([]string{kind}), "[]"), strings.TrimSuffix(strings.TrimPrefix(texts([]string{line}), "["), "]"))
	}
	return b.String()
}
