package rulefile

// setOption reads what stands in a set or a map besides its type and elements. The error says why it cannot be taken for what the
// file says of it; it is nil where it can.
func (x *nftReader) setOption(what, name string) *LineError {
	line, word := x.tok.line, x.take()
	var values []string
	for !x.isEnd() && x.tok.kind != '{' && len(values) < maxValueWords {
		values = append(values, x.take())
	}
	x.skipStatement()
	switch word {
	case "size", "policy", "comment", "counter", "auto-merge":
		return nil
	case "flags":
		for _, v := range values {
			switch v {
			case "interval", "constant", ",":
			default:
				return x.changing(line, what+" "+name+" has flag "+v)
			}
		}
		return nil
	case "timeout", "gc-interval":
		return x.changing(line, what+" "+name+" has "+word)
	}
	return x.at(line, bad(ErrSyntax, "%s of %s %s is not understood", printable(word), what, printable(name)))
}

// changing says that a set or a map is another one later.
func (x *nftReader) changing(line int, why string) *LineError {
	return x.at(line, bad(ErrSyntax, "what is in it changes by itself: %s", printable(why)).hint("a plan has the same subscribers all day"))
}

// at says that an error is about a line, which may have been read already.
func (x *nftReader) at(line int, err *LineError) *LineError {
	err.Line = line
	return x.locate(err)
}

// updates remembers the sets and maps that a statement changes, of which this is a word: add @seen { ip saddr }.
func (x *nftReader) updates(r *nftRule, word string) {
	switch {
	case word == "add", word == "update", word == "delete":
		r.updates = true
	case r.updates && len(word) > 1 && word[0] == '@':
		name := x.table + " " + word[1:]
		if _, ok := x.changed[name]; !ok {
			x.changed[name] = x.changing(x.tok.line, "a rule changes "+word[1:])
		}
	}
}

// doubtChanged takes what rules change for what it is.
func (x *nftReader) doubtChanged() {
	for name, err := range x.changed {
		if s := x.sets[name]; s != nil && s.err == nil {
			s.err = err
		}
		if n, ok := x.maps[name]; ok && x.p.maps[n].err == nil {
			x.p.maps[n].err = err
		}
	}
}
