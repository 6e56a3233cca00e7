package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// version is the value of "cgnkit_ledger". It changes when the meaning of a record does.
const version = 1

// A record is a line of the file. The order of its fields is the order in the line.
type record struct {
	Version   int             `json:"cgnkit_ledger"`
	Seq       uint64          `json:"seq"`
	From      string          `json:"from"`
	Settled   string          `json:"settled,omitempty"` // left out where it is From
	Added     string          `json:"added"`
	By        string          `json:"by,omitempty"`
	Note      string          `json:"note,omitempty"`
	Backdated bool            `json:"backdated,omitempty"`
	Stray     bool            `json:"unknown,omitempty"` // called so when it stood only where the plan is in no earlier record; it is never in this one
	SHA256    string          `json:"plan_sha256"`
	Plan      json.RawMessage `json:"plan,omitempty"` // left out where an earlier record has it
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
}

const (
	planKey = `,"plan":`
	hashKey = `,"hash":"`
	prevKey = `,"prev":"`
	// hashTail is the length of what a line's hash does not cover: the hash itself.
	hashTail = len(hashKey) + 2*sha256.Size + len(`"}`)
	// bodyTail is the length of what stands behind a plan.
	bodyTail = len(prevKey) + 2*sha256.Size + len(`"`) + hashTail
)

// origin is what the first record has for the hash of the record before.
var origin = hex.EncodeToString(make([]byte, sha256.Size))

// encode returns the record of an epoch as a line without its newline. body is nil where an earlier record has it.
func encode(e Epoch, body []byte, prev string) ([]byte, error) {
	r := record{
		Version: version, Seq: e.Seq, From: stamp(e.From), Added: stamp(e.Added), By: e.By, Note: e.Note, Backdated: e.Backdated, Stray: e.Stray,
		SHA256: e.PlanSHA256, Plan: body, Prev: prev, Hash: origin, // as long as the real one
	}
	if !e.Settled.Equal(e.From) {
		r.Settled = stamp(e.Settled)
	}
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	hex.Encode(line[len(line)-2*sha256.Size-len(`"}`):], sum(line[:len(line)-hashTail]))
	return line, nil
}

// line marshals a record without HTML's escapes, which would change nothing but make notes hard to read.
func (r record) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode a record: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// decode reads a line without its newline: the epoch, the place of the body in the line (0, 0 where there is none), and the
// hash of the record before. Only what encode writes is accepted, byte for byte. msg says what is wrong. The body, which may be
// nearly all of the line, is looked at in place.
func decode(line []byte) (e Epoch, body [2]int, prev, msg string) {
	if len(line) <= hashTail || !bytes.HasPrefix(line[len(line)-hashTail:], []byte(hashKey)) {
		return e, body, "", "this is not a record"
	}
	rest := line
	if at := bytes.Index(line, []byte(planKey)); at >= 0 { // a quote in a text is escaped, so this is the key
		body = [2]int{at + len(planKey), max(at+len(planKey), len(line)-bodyTail)}
		rest = slices.Concat(line[:at], line[body[1]:])
	}
	var r record
	dec := json.NewDecoder(bytes.NewReader(rest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return e, [2]int{}, "", "this is not a record: " + err.Error()
	}
	if r.Version != version {
		return e, [2]int{}, "", fmt.Sprintf("version %d; this program reads version %d", r.Version, version)
	}
	if want := hex.EncodeToString(sum(line[:len(line)-hashTail])); r.Hash != want {
		return e, [2]int{}, "", "its hash does not fit: the record was changed"
	}
	if e, msg = r.epoch(body[0] > 0); msg != "" {
		return e, [2]int{}, "", msg
	}
	again, err := r.line()
	plan := line[body[0]:body[1]]
	if err != nil || r.Plan != nil || !bytes.Equal(again, rest) || body[0] > 0 && !isCompact(plan) {
		return e, [2]int{}, "", "this is not how a record is written"
	}
	if got := hex.EncodeToString(sum(plan)); body[0] > 0 && got != r.SHA256 {
		return e, [2]int{}, "", "its plan does not have the hash that it states"
	}
	return e, body, r.Prev, ""
}

// isCompact reports whether b is one JSON value as encode writes it: without blanks between its parts.
func isCompact(b []byte) bool {
	text := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\' && text:
			i++
		case c == '"':
			text = !text
		case c <= ' ' && !text:
			return false
		}
	}
	return json.Valid(b)
}

// epoch returns what a record says, which has a plan or refers to one.
func (r record) epoch(hasPlan bool) (e Epoch, msg string) {
	e = Epoch{Seq: r.Seq, By: r.By, Note: r.Note, Backdated: r.Backdated, Stray: r.Stray || r.oldStray() && !hasPlan, PlanSHA256: r.SHA256, Hash: r.Hash}
	for _, f := range []struct {
		text string
		to   *time.Time
	}{{r.From, &e.From}, {r.Added, &e.Added}, {r.Settled, &e.Settled}} {
		if f.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, f.text)
		if err != nil || stamp(t) != f.text {
			return e, fmt.Sprintf("%q is not a time", f.text)
		}
		*f.to = t.UTC()
	}
	if r.Settled == "" {
		e.Settled = e.From
	}
	if e.Settled.Before(e.From) {
		return e, "it settles before it begins"
	}
	if r.Stray && (hasPlan || !isHash(e.PlanSHA256)) {
		return e, "it says that its plan is not known"
	}
	return e, ""
}
