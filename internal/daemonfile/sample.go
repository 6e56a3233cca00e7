package daemonfile

import (
	"fmt"
	"slices"
	"strings"
)

// inSample are the keys that the sample sets; it has the others as comments.
var inSample = []string{"ledger", "listen", "listen.group"}

const sampleHead = `# Configuration of cgnd; see cgnd.yaml(5). What begins with "#" is a comment: a key with its default
# or an example. Check a change with "cgnd --check -c FILE". It takes a restart of cgnd, which loses
# no packet.
`

// sampleWidth is how long the comments of the sample are.
const sampleWidth = 100

// Sample returns a configuration to begin with: it follows a ledger, and has every other key as a comment.
func Sample() string {
	var b strings.Builder
	b.WriteString(sampleHead)
	addSample(&b, "", "", fields)
	return b.String()
}

func addSample(b *strings.Builder, prefix, indent string, fields []field) {
	for _, f := range fields {
		doc := f.doc
		if len(f.choices) > 0 {
			doc = choicesOf(f) + doc
		}
		value, mark := " "+f.example, "#"
		switch {
		case f.kind == section:
			value = ""
		case strings.Contains(f.example, ":"):
			value = ` "` + f.example + `"`
		}
		if f.kind != section {
			doc += " Default: " + f.initial + "."
		}
		if slices.Contains(inSample, prefix+f.key) {
			mark = ""
		}
		b.WriteString("\n")
		for _, line := range wrap(strings.ReplaceAll(doc, "`", ""), sampleWidth-len(indent)) {
			fmt.Fprintf(b, "%s# %s\n", indent, line)
		}
		fmt.Fprintf(b, "%s%s%s:%s\n", indent, mark, f.key, value)
		if f.kind == section {
			addSample(b, prefix+f.key+".", indent+"  ", f.fields)
		}
	}
}

// wrap cuts text into lines of at most so many bytes, where words allow it.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
