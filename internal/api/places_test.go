package api

import (
	"context"
	"testing"
)

func TestPlaces(t *testing.T) {
	p := newPlaces(10, 4)
	for _, c := range []struct {
		who  string
		n    int
		want bool
	}{
		{"a", 3, true}, {"a", 2, false}, {"a", 1, true}, {"a", 1, false}, // its part
		{"b", 7, false}, {"b", 5, true}, {"b", 1, false}, // more than its part, at once
		{"c", 2, false}, {"c", 1, true}, {"d", 1, false}, // all
	} {
		if got := p.try(c.who, c.n); got != c.want {
			t.Fatalf("%+v: %t, %v", c, got, p.of)
		}
	}
	p.give("b", 5)
	p.give("a", 4)
	p.give("c", 1)
	if len(p.of) != 0 || p.n != 0 {
		t.Errorf("%d, %v", p.n, p.of)
	}
	if !p.try("a", 11) {
		t.Error("what is more than all is never served, not even alone")
	}
}

// TestTake waits until a place is given back, or the time is over.
func TestTake(t *testing.T) {
	p := newPlaces(1, 1)
	if !p.take(t.Context(), "a") {
		t.Fatal("there is a place")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if p.take(over, "b") {
		t.Fatal("there is none")
	}
	got := make(chan bool)
	go func() { got <- p.take(t.Context(), "b") }()
	p.give("a", 1)
	if !<-got {
		t.Error("it was given back")
	}
}
