package request

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPassages counts what is looked at of a line: no passage is longer than the bound, all of them together are about twice the line, and each place counts
// in one, with what stands around it.
func TestPassages(t *testing.T) {
	for _, n := range []int{0, 1, maxPassage - 1, maxPassage, maxPassage + 1, 3*maxPassage/2 - 1, 3 * maxPassage / 2, 3*maxPassage/2 + 1, 5 * maxPassage, 64<<10 + 7} {
		line := strings.Repeat("0123456789", n/10+1)[:n]
		start, next, work := 0, 0, 0
		for p := range passages(line) {
			work += len(p.text)
			if len(p.text) > maxPassage || !strings.HasPrefix(line[start:], p.text) {
				t.Fatalf("line of %d: a passage of %d at %d", n, len(p.text), start)
			}
			if start+p.from != next || start > 0 && p.from < maxPassage/4 || start+len(p.text) < n && len(p.text)-p.to < maxPassage/4 {
				t.Errorf("line of %d: the passage at %d counts from %d to %d, want from %d", n, start, p.from, p.to, next-start)
			}
			next, start = start+p.to, start+maxPassage/2
		}
		if next != n+1 || work > 2*n+maxPassage {
			t.Errorf("line of %d: counted to %d, looked at %d", n, next, work)
		}
	}
}

// TestStatedInLongLine has a statement anywhere in a long line. What stands behind a clock is the zone of that, wherever the line is cut.
func TestStatedInLongLine(t *testing.T) {
	hear := func(line string) []statedZone {
		s := &settings{zone: time.UTC, stated: &Stated{}}
		s.heed(line)
		return s.stated.zones
	}
	words := strings.Repeat("lorem ipsum ", 600)
	for at := 0; at < 3*maxPassage; at += 37 {
		at += strings.IndexByte(words[at:], ' ') + 1
		found := hear(words[:at] + "All times are UTC+3. " + words)
		if len(found) != 1 || found[0].zone == nil || !strings.Contains(found[0].text, "UTC+3") {
			t.Errorf("a statement at %d: %+v", at, found)
		}
		if found := hear(words[:at] + "seen at 2026-01-10 12:00:00 -0300, " + words); len(found) != 0 {
			t.Errorf("the zone of a clock at %d: %+v", at, found)
		}
	}
	clocks := strings.Repeat("2026-01-10 12:00:00 UTC+03:00, ", 1000)
	if found := hear(clocks); len(found) != 0 {
		t.Errorf("zones behind clocks: %+v", found)
	}
}

// TestStatedLongNames has columns with long names, which are heard once as a whole, and their ends with each value.
func TestStatedLongNames(t *testing.T) {
	long := strings.Repeat("lorem ipsum ", 2000)
	for _, name := range []string{long + "time zone", "Times are UTC+3 " + long} {
		text := fmt.Sprintf("ip,port,time,mark,%s\n198.18.0.0,6000,2026-01-10 12:00:00,x,UTC+3\n", name)
		stated, err := ReadStated(strings.NewReader(text), Options{Zone: time.UTC})
		if err != nil || len(stated.zones) != 1 {
			t.Errorf("%.30s… %.30s: %+v %v", name, name[max(0, len(name)-30):], stated, err)
		}
	}
}
