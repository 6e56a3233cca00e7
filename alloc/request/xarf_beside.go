package request

import "strings"

// xarfOthers are keys of reports that say nothing about the question, as normal writes them.
var xarfOthers = setOfWords(`reportedfrom category reporttype reportid reportdate service version useragent schemaurl attachment occurrences tlp sourcetype port ports
	domain uri url filetype reportedto xarf evidence samplecount ongoing impact comment description type subtype note severity confidence tags`)

// isXARFKey reports whether a line is one of a report: a key that reports have, or a part of a list or of the value before without an address.
func isXARFKey(line string) bool {
	n := normal(beforeColon(line))
	return xarfKeys[n] != 0 || xarfOthers[n] || (line[0] == ' ' || line[0] == '\t' || line[0] == '-') && !hasAddress(line)
}

// beforeColon returns the key of a line, or "".
func beforeColon(line string) string { return line[:max(strings.IndexByte(line, ':'), 0)] }

// isForeign reports whether a line that begins a part of the text is none of a report. Outside of a mail a line that is not understood belongs to
// the report, which it makes wrong, unless it asks something by itself.
func isForeign(line string, prose bool) bool {
	return !isXARFKey(line) && (prose || hasAddress(line))
}

// endsBefore reports whether a report ends before a line: behind a blank line when that is no key of one, or one that was there. What is none ends
// where one begins.
func (r *report) endsBefore(line string) bool {
	if r != nil && r.foreign && isXARFLine(strings.ToLower(line)) {
		return true
	}
	return r != nil && r.gap && (r.foreign || !isXARFKey(line) || r.keys[normal(beforeColon(line))])
}

// isBeside reports whether a line among those of a report has an address and is none of them.
func (r *report) isBeside(line string) bool {
	if !hasAddress(line) || isXARFKey(line) {
		return false
	}
	generic, _ := roleOf(strings.TrimLeft(beforeColon(line), " \t-"))
	part := line[0] == ' ' || line[0] == '\t' || line[0] == '-'
	return len(r.keys) == 0 || part && generic == roleAddress || !part && !isLetter(line[0]) || hasAddress(beforeColon(line))
}

// beside returns a question that cannot be answered for a line with an address that belongs to no report.
func beside(line string, n int) (Request, bool) {
	if !hasAddress(line) {
		return Request{}, false
	}
	err := refuse(ErrUnparsable, "this line stands beside an X-ARF report and has an address: write it into a file of its own if it is a request")
	return Request{Line: n, Text: clip(line, maxText), Err: err}, true
}

// hasXARF reports whether a text has a line that only reports have.
func hasXARF(head []byte) bool {
	for line := range strings.Lines(string(head)) {
		if isXARFLine(strings.ToLower(strings.TrimLeft(line, "> "))) {
			return true
		}
	}
	return false
}
