package api

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

func who(i int) alloc.Subscriber {
	return alloc.SubscriberFrom("", netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}))
}

func TestRefusals(t *testing.T) {
	r := NewRefusals(noon)
	if got := r.Of(who(1)); got.Last != nil || !got.Since.Equal(noon) {
		t.Errorf("%+v", got)
	}
	r.Add(who(1), "exhausted", noon.Add(time.Second))
	r.Add(who(1), "limit", noon.Add(2*time.Second))
	r.Add(who(1), "rate", noon.Add(3*time.Second))
	r.Add(who(2), "rate", noon.Add(4*time.Second))
	if got := r.Of(who(1)); got.Exhausted != 1 || got.Limit != 1 || got.Rate != 1 || got.LastKind != "rate" || !got.Last.Equal(noon.Add(3*time.Second)) {
		t.Errorf("%+v", got)
	}
	if got := r.Of(who(1)); got.LastExhausted == nil || !got.LastExhausted.Equal(noon.Add(time.Second)) {
		t.Errorf("%+v", got)
	}
	if got := r.Of(who(2)); got.LastExhausted != nil {
		t.Errorf("%+v", got)
	}
	r.Add(who(2), "limit", noon.Add(time.Second)) // which is told late
	if got := r.Of(who(2)); got.Limit != 1 || got.LastKind != "rate" || !got.Last.Equal(noon.Add(4*time.Second)) {
		t.Errorf("%+v", got)
	}
}

// TestRefusalsAreBounded: who was refused longest ago is forgotten, and nobody is told that he was not refused before that.
func TestRefusalsAreBounded(t *testing.T) {
	r := NewRefusals(noon)
	for i := range MaxRefused {
		r.Add(who(i), "exhausted", noon.Add(time.Duration(i+1)*time.Second))
	}
	r.Add(who(0), "exhausted", noon.Add(24*time.Hour)) // the first is the last now
	r.Add(who(MaxRefused), "exhausted", noon.Add(25*time.Hour))
	if got := r.Of(who(0)); got.Exhausted != 2 {
		t.Errorf("%+v", got)
	}
	got := r.Of(who(1))
	if got.Last != nil || !got.Since.Equal(noon.Add(2*time.Second)) || len(r.by) != MaxRefused || r.order.Len() != MaxRefused {
		t.Errorf("%+v, %d and %d", got, len(r.by), r.order.Len())
	}
}
