package request

import "strings"

// errQuote says that the quoted value of a row goes on in the next line.
var errQuote = refuse(ErrUnparsable, "a quoted value does not end in this line: write each row in one")

// split cuts a line into columns and takes quotes away. A quoted value ends in its line, or the error is errQuote.
func split(line string, separator byte, fields []string) ([]string, error) {
	for len(fields) < maxColumns {
		start := strings.TrimLeft(line, " ")
		if strings.HasPrefix(start, `"`) {
			value, rest, ok := cutQuoted(start[1:])
			if !ok {
				return fields, errQuote
			}
			if rest = strings.TrimLeft(rest, " "); rest != "" && rest[0] != separator {
				return fields, refuse(ErrUnparsable, "%s follows a quoted value: want the separator", quoted(rest))
			}
			fields = append(fields, value)
			if rest == "" {
				return fields, nil
			}
			line = rest[1:]
			continue
		}
		i := strings.IndexByte(line, separator)
		if i < 0 {
			return append(fields, line), nil
		}
		fields = append(fields, line[:i])
		line = line[i+1:]
	}
	return fields, refuse(ErrUnparsable, "the row has more than %d columns", maxColumns)
}

// cutQuoted returns the value up to its closing quote; two quotes are one.
func cutQuoted(text string) (value, rest string, ok bool) {
	i := strings.IndexByte(text, '"')
	if i < 0 {
		return "", "", false
	}
	if i+1 == len(text) || text[i+1] != '"' {
		return text[:i], text[i+1:], true
	}
	var b strings.Builder
	for i >= 0 && i+1 < len(text) && text[i+1] == '"' {
		b.WriteString(text[:i+1])
		text = text[i+2:]
		i = strings.IndexByte(text, '"')
	}
	if i < 0 {
		return "", "", false
	}
	b.WriteString(text[:i])
	return b.String(), text[i+1:], true
}
