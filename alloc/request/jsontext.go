package request

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

const (
	maxDepth  = 32
	maxNumber = 64
)

// A jsonText reads JSON token by token, so that a value of any size needs no memory. The standard library's decoder holds
// every value whole.
type jsonText struct {
	r    *bufio.Reader
	line int
	head []byte // the beginning of the value at hand, for Request.Text
}

// errSyntax says that a text is no JSON, and where.
func (j *jsonText) errSyntax(why string) error {
	return refuse(ErrUnparsable, "line %d: this is no JSON: %s", j.line, why)
}

// read returns the next byte.
func (j *jsonText) read() (byte, error) {
	b, err := j.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, j.errSyntax("it ends too early")
	}
	if err != nil {
		return 0, err
	}
	if b == '\n' {
		j.line++
	}
	if len(j.head) < 4*maxText {
		j.head = append(j.head, b)
	}
	return b, nil
}

// peek passes over blanks and returns the byte behind them without reading it, or io.EOF.
func (j *jsonText) peek() (byte, error) {
	for {
		b, err := j.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, j.r.UnreadByte()
		}
		if err := j.r.UnreadByte(); err != nil {
			return 0, err
		}
		if _, err := j.read(); err != nil {
			return 0, err
		}
	}
}

// want passes over blanks and reads one of the bytes of set.
func (j *jsonText) want(set string) (byte, error) {
	b, err := j.peek()
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if err == nil && strings.IndexByte(set, b) < 0 {
		return 0, j.errSyntax("want one of " + set)
	}
	return j.read()
}

// text reads a string and returns it, or only that it is longer than a value may be.
func (j *jsonText) text() (string, error) {
	if _, err := j.want(`"`); err != nil {
		return "", err
	}
	raw := []byte{'"'}
	escaped := false
	for {
		b, err := j.read()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			j.line--
			return "", j.errSyntax("a string does not end in its line")
		}
		if b < ' ' {
			return "", j.errSyntax("a control character in a string")
		}
		if len(raw) <= 6*maxValue || escaped || b == '"' || b == '\\' {
			if len(raw) <= 6*maxValue {
				raw = append(raw, b)
			}
		}
		if b == '"' && !escaped {
			break
		}
		escaped = b == '\\' && !escaped
	}
	if len(raw) > 6*maxValue {
		return strings.Repeat("?", maxValue+1), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", j.errSyntax("a string with a wrong escape")
	}
	return s, nil
}

// scalar reads a number, true, false or null and returns its text, "" for null.
func (j *jsonText) scalar() (string, error) {
	var raw []byte
	for {
		b, err := j.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err == nil {
			if err := j.r.UnreadByte(); err != nil {
				return "", err
			}
		}
		if err != nil || strings.IndexByte(" \t\r\n,]}:[{\"", b) >= 0 {
			break
		}
		if len(raw) == maxNumber {
			return "", j.errSyntax("a number of more than 64 characters")
		}
		if b, err = j.read(); err != nil {
			return "", err
		}
		raw = append(raw, b)
	}
	if !json.Valid(raw) {
		return "", j.errSyntax("want a value")
	}
	if string(raw) == "null" {
		return "", nil
	}
	return string(raw), nil
}

// A visitor takes the members of an object. Names of members of objects inside it are joined with dots.
type visitor interface {
	member(name, value string) error
	// list is called at the [ of a member that is an array, and reads all of it.
	list(name string, depth int) error
}

// object reads an object.
func (j *jsonText) object(path string, depth int, v visitor) error {
	if depth > maxDepth {
		return refuse(ErrLimit, "line %d: the JSON is nested more than %d levels deep", j.line, maxDepth)
	}
	if _, err := j.want("{"); err != nil {
		return err
	}
	if b, err := j.peek(); err == nil && b == '}' {
		if _, err = j.read(); err != nil || path == "" {
			return err
		}
		return v.member(path, "") // {} is no value
	}
	for {
		name, err := j.text()
		if err != nil {
			return err
		}
		if _, err = j.want(":"); err != nil {
			return err
		}
		if err := j.member(join(path, name), depth, v); err != nil {
			return err
		}
		if b, err := j.want(",}"); err != nil || b == '}' {
			return err
		}
	}
}

// join makes one name of two; what is too long for a name of ours stays too long.
func join(path, name string) string {
	if path == "" {
		return name
	}
	if len(path) > maxName {
		return path
	}
	return path + "." + name
}

// member reads the value of a member.
func (j *jsonText) member(name string, depth int, v visitor) error {
	b, err := j.peek()
	if errors.Is(err, io.EOF) {
		_, err = j.read()
	}
	if err != nil {
		return err
	}
	switch b {
	case '{':
		return j.object(name, depth+1, v)
	case '[':
		return v.list(name, depth+1)
	}
	value, err := j.value(b)
	if err != nil {
		return err
	}
	return v.member(name, value)
}

// value reads a string or another scalar that begins with b.
func (j *jsonText) value(b byte) (string, error) {
	if b == '"' {
		return j.text()
	}
	return j.scalar()
}

// skip reads a value of any kind.
func (j *jsonText) skip(depth int) error { return j.member("", depth, nobody{j}) }

// A nobody is a visitor to which nothing matters.
type nobody struct{ j *jsonText }

func (nobody) member(string, string) error { return nil }

func (n nobody) list(_ string, depth int) error {
	return n.j.array(depth, func(byte) error { return n.j.skip(depth) })
}

// array reads an array and calls element at each element, which must read it.
func (j *jsonText) array(depth int, element func(first byte) error) error {
	if depth > maxDepth {
		return refuse(ErrLimit, "line %d: the JSON is nested more than %d levels deep", j.line, maxDepth)
	}
	if _, err := j.want("["); err != nil {
		return err
	}
	b, err := j.peek()
	if err == nil && b == ']' {
		_, err = j.read()
		return err
	}
	for {
		if b, err = j.peek(); errors.Is(err, io.EOF) {
			_, err = j.read()
		}
		if err != nil {
			return err
		}
		if err := element(b); err != nil {
			return err
		}
		if b, err := j.want(",]"); err != nil || b == ']' {
			return err
		}
	}
}
