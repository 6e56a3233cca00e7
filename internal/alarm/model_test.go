package alarm

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A sample is what a slow model remembers of one round: everything.
type sample struct {
	at         time.Duration // of the rounds, forward steps only
	seen       bool          // also: known to be unused
	used, size uint64
}

// story says from its whole history what has become of one key: in which round what happened, from first principles. A sample is
// above when it reaches the raise threshold, and below at or under the clear threshold. In between it keeps an alarm, and raises none.
func story(history []sample, t Thresholds, hold time.Duration) (out []string) {
	above := func(s sample) bool { return s.size > 0 && 100*s.used >= uint64(t.Raise)*s.size }
	below := func(s sample) bool { return s.size == 0 || 100*s.used <= uint64(t.Clear)*s.size }
	for first := 0; first < len(history); first++ {
		if !history[first].seen || !above(history[first]) {
			continue
		}
		out = append(out, fmt.Sprintf("%d raised", first))
		last := len(history)
		for i := first + 1; i < len(history) && last == len(history); i++ {
			// The alarm ends in round i when some sample since the raise is below, all after it are, and hold has passed.
			from := -1
			for j := i; j > first && (!history[j].seen || below(history[j])); j-- {
				if history[j].seen {
					from = j
				}
			}
			if from >= 0 && history[i].seen && history[i].at-history[from].at >= hold {
				last = i
			}
		}
		if last == len(history) {
			return out
		}
		suppressed, peak, state := 0, uint64(0), true
		for _, s := range history[first : last+1] {
			switch {
			case !s.seen:
				continue
			case above(s) && !state:
				state = true
				suppressed++
			case below(s):
				state = false
			}
			peak = max(peak, s.used)
		}
		out = append(out, fmt.Sprintf("%d cleared, suppressed %d, peak %d, lasted %v", last, suppressed, peak, history[last].at-history[first].at))
		first = last
	}
	return out
}

func TestPropertyMonitorEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.IntRange(1, 99).Draw(t, "clear")
		config := Config{
			Subscriber: Thresholds{Raise: rapid.IntRange(low+1, 100).Draw(t, "raise"), Clear: low},
			Hold:       time.Duration(rapid.IntRange(1, 60).Draw(t, "hold")) * time.Second,
		}
		m, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		keys := rapid.IntRange(1, 4).Draw(t, "keys")
		histories, got := make([][]sample, keys), make([][]string, keys)
		at, elapsed := start, time.Duration(0)
		for round := range rapid.IntRange(1, 60).Draw(t, "rounds") {
			if round > 0 {
				step := time.Duration(rapid.IntRange(-20, 40).Draw(t, "step")) * time.Second
				at, elapsed = at.Add(step), elapsed+max(0, step)
			}
			complete := rapid.Bool().Draw(t, "complete")
			r := m.Begin(at)
			for k := range keys {
				s := sample{at: elapsed, seen: complete}
				if n := len(histories[k]); n > 0 {
					s.size = histories[k][n-1].size
				}
				if rapid.IntRange(0, 9).Draw(t, "unseen") > 0 {
					s.seen, s.size = true, uint64(rapid.SampledFrom([]int{0, 1, 100, 2016}).Draw(t, "size"))
					s.used = rapid.Uint64Range(0, s.size+2).Draw(t, "used")
					r.Observe(Observation{Key: subscriber(k), Used: s.used, Size: s.size})
				}
				histories[k] = append(histories[k], s)
			}
			for _, e := range r.End(complete) {
				for k := range keys {
					switch {
					case e.Key != subscriber(k):
					case e.Kind == Raised:
						got[k] = append(got[k], fmt.Sprintf("%d raised", round))
					default:
						got[k] = append(got[k], fmt.Sprintf("%d cleared, suppressed %d, peak %d, lasted %v", round, e.Suppressed, e.Peak, e.Lasted))
					}
				}
			}
		}
		var raised uint64
		for k, h := range histories {
			want := story(h, config.Subscriber, config.Hold)
			if fmt.Sprint(got[k]) != fmt.Sprint(want) {
				t.Fatalf("key %d: got %q, want %q\nhistory %+v", k, got[k], want, h)
			}
			for i := 0; i < len(want); i += 2 {
				raised++
			}
		}
		if c := m.Counts(Subscriber); c.Raised != raised || c.Raised-c.Cleared != c.Active || int(c.Active) != len(m.alarms) {
			t.Fatalf("counts %+v, raised %d, remembered %d", c, raised, len(m.alarms))
		}
	})
}
