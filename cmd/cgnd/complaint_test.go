package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestComplaint(t *testing.T) {
	var b bytes.Buffer
	c := &complaint{log: slog.New(slog.NewTextHandler(&b, nil)), about: "x"}
	one, other := errors.New("one"), errors.New("other")
	for _, err := range []error{nil, one, one, one, other, nil, nil, one} {
		c.hear(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		_, text, _ := strings.Cut(line, "level=")
		got = append(got, strings.TrimSuffix(text, " about=x\n"))
	}
	want := []string{`WARN msg="cannot be read: one"`, `WARN msg="cannot be read: other"`, `INFO msg="read again"`, `WARN msg="cannot be read: one"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
}
