package ebpf

import (
	"fmt"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/parts"
)

// A subscriber who always wants more gets a burst at once, and then what the rate says: over any time no more, and over a long
// one no less.
func TestTokens(t *testing.T) {
	p := loadParts(t, [2]uint64{})
	for _, rate := range []int{1, 3, 9, 15, 16, 17, 42, 100, 255, 1000} {
		for _, burst := range []int{1, 7, 64, 1000} {
			for _, start := range []uint32{0x1234567, ^uint32(0) - 50} { // ticks of 32 bits come round
				t.Run(fmt.Sprintf("%d in 16 ticks, %d at once, from tick %#x", rate, burst, start), func(t *testing.T) {
					checkTokens(t, p, rate, burst, start)
				})
			}
		}
	}
}

// checkTokens asks for more tokens than there are, in a few hundred consecutive ticks.
func checkTokens(t *testing.T, p *partsObject, rate, burst int, start uint32) {
	p.set("account", parts.PartsCgnAccount{})
	wishes := rate/16 + 3
	ticks := min(800, (batch-burst-1)/wishes)
	var q []question
	for range burst + 1 {
		q = append(q, question{A: uint64(start), B: uint64(rate), C: uint64(burst)})
	}
	for tick := range ticks {
		for range wishes {
			q = append(q, question{A: uint64(start + 1 + uint32(tick)), B: uint64(rate), C: uint64(burst)})
		}
	}
	p.ask("ask_token", q)
	granted := 0
	for i, got := range q {
		granted += int(got.Answer)
		elapsed := int(uint32(got.A) - start)
		if most := burst + (elapsed*rate+15)/16; granted > most {
			t.Fatalf("%d granted after %d ticks and %d wishes, want at most %d", granted, elapsed, i+1, most)
		}
		if elapsed == 0 && i < burst && got.Answer == 0 {
			t.Fatalf("refused at number %d of a burst of %d", i+1, burst)
		}
	}
	// What is more than a burst in one tick is lost.
	least := burst + ticks*min(rate/16, burst)
	if burst > rate/16 {
		least = burst + ticks*rate/16 - 1
	}
	if granted < least {
		t.Errorf("%d granted in %d ticks, want at least %d", granted, ticks, least)
	}
}
