package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// firstKey begins every record.
const firstKey = `{"cgnkit_ledger":`

// isBeginning reports whether b can be the beginning of a record that was cut off: JSON that is right as far as it goes, and
// not complete.
func isBeginning(b []byte) bool {
	n := min(len(b), len(firstKey))
	if string(b[:n]) != firstKey[:n] {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return false
		}
	}
}

// isWhole reports whether b is a record.
func isWhole(b []byte) bool {
	_, _, _, msg := decode(b)
	return msg == ""
}
