package flowlog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestJoin follows flows with one pair of endpoints through what conntrack tells of them.
func TestJoin(t *testing.T) {
	const ends = " src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000 "
	line := func(second float64, kind, rest string) string {
		return fmt.Sprintf("[%.6f]\t%s tcp      6 %s %s\n", float64(noon.Unix())+second, kind, ends, rest)
	}
	began, goesOn, ended := "[NEW]", "[UPDATE]", "[DESTROY]"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"begins and ends", line(0, began, "") + line(10, goesOn, "") + line(400, ended, "delta-time=390"), []string{"12:00:00(-1)-12:06:29(+11)"}},
		{"short", line(0, began, "") + line(40, ended, "delta-time=3"), []string{"12:00:00(-1)-12:00:02(+38)"}},
		{"out of order", line(400, ended, "delta-time=390") + line(0, began, ""), []string{"12:00:00(-1)-12:06:29(+11)"}},
		{"without delta-time", line(0, began, "") + line(400, ended, ""), []string{"12:00:00(-1)-12:04:40(+120)"}},
		{"short, without delta-time", line(0, began, "") + line(40, ended, ""), []string{"12:00:00(-1)-12:00:00(+40)"}},
		{"the beginning is missing", line(10, goesOn, "") + line(400, ended, "delta-time=300"), []string{"12:00:10(-31)-12:04:40(+120)"}},
		{"the end is that of a later flow", line(10, goesOn, "") + line(400, ended, "delta-time=200"), []string{"12:00:10-12:00:10 earlier later", "12:03:20(-121)-12:04:40(+120)"}},
		{"the beginning is told by the end", line(10, goesOn, "") + line(400, ended, "delta-time=395"), []string{"12:00:05(-121)-12:04:40(+120)"}},
		{"one after the other", line(0, began, "") + line(10, ended, "delta-time=8") + line(20, began, "") + line(30, ended, "delta-time=9"), []string{"12:00:00(-1)-12:00:07(+3)", "12:00:20(-1)-12:00:28(+2)"}},
		{"lost in between", line(0, began, "") + line(4000, ended, "delta-time=300"), []string{"12:00:00(-1)-12:00:00 later", "13:01:40(-121)-13:04:40(+120)"}},
		{"goes on", line(0, began, "") + line(10, goesOn, ""), []string{"12:00:00(-1)-12:00:10 later"}},
		{"told twice", line(0, began, "") + line(0.001, began, "") + line(5, ended, "delta-time=4") + line(5.001, ended, "delta-time=4"), []string{"12:00:00(-1)-12:00:03(+2)", "11:58:00.001-12:00:05.001 vague"}},
	} {
		d, err := NewReader(strings.NewReader(c.text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range Join(slices.Collect(d.Flows())) {
			text, flags, _ := strings.Cut(show(f), " 6 100.64.0.2:40000 > 203.0.113.9:443 as 198.18.0.0:6000")
			_, text, _ = strings.Cut(text, ": ")
			got = append(got, text+flags)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// A life is that of a flow in the kernel.
type life struct{ began, ended time.Time }

// lives makes up flows with one pair of endpoints, one after the other, and what conntrack tells of them. The kernel comes across
// a flow that has run out up to 110 s later, but not later than the next one begins. Where the lines say how long flows lived, some get lost; then
// there is more time between flows than the kernel may take.
func lives(r *rand.Rand) (all []life, log string) {
	const ends = "src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000"
	stamp := func(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
	how, at := r.IntN(3), noon
	var b strings.Builder
	event := func(at time.Time, kind, rest string) {
		if how == 0 || r.IntN(4) > 0 {
			fmt.Fprintf(&b, "[%s]\t[%s] tcp      6 %s %s\n", stamp(at), kind, ends, rest)
		}
	}
	for range 1 + r.IntN(4) {
		length := time.Duration(r.Int64N(int64(5 * time.Second)))
		if r.IntN(2) == 0 {
			length = time.Duration(r.Int64N(int64(10 * time.Minute)))
		}
		l := life{at, at.Add(length)}
		all = append(all, l)
		event(at.Add(time.Duration(r.Int64N(int64(min(length, time.Second/2))+1))), "NEW", "[UNREPLIED]")
		if how == 0 && length > 2*time.Second { // when something is lost, nothing says whose it is
			event(at.Add(length/2), "UPDATE", "")
		}
		told, rest := l.ended.Add(time.Duration(r.Int64N(int64(110*time.Second)))), ""
		if how > 0 {
			rest = fmt.Sprintf("delta-time=%d", length/time.Second)
		}
		if how > 1 {
			rest += fmt.Sprintf(" [start=%s] [stop=%s]", l.began.Format(time.ANSIC), l.ended.Format(time.ANSIC))
		}
		event(told, "DESTROY", rest)
		at = told.Add(2*time.Second + time.Duration(r.Int64N(int64(3*time.Minute))))
		if how > 0 { // what is lost is noticed
			at = at.Add(sweepLag)
		}
	}
	return all, b.String()
}

// TestLives compares answers with how long flows lived: Yes only where one did, and No only where none did.
func TestLives(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	answers := map[Match]int{}
	for range 3000 {
		all, log := lives(r)
		if log == "" {
			continue
		}
		d, err := NewReader(strings.NewReader(log), Options{Zone: time.UTC})
		if err != nil {
			t.Fatal(err)
		}
		records := slices.Collect(d.Flows())
		if bad, n := d.Bad(); n > 0 {
			t.Fatalf("%v in\n%s", bad, log)
		}
		joined, told := Join(slices.Clone(records)), len(records)
		for range 30 {
			l := all[r.IntN(len(all))]
			from := l.began.Add(time.Duration(r.Int64N(int64(l.ended.Sub(l.began)+8*time.Second))) - 4*time.Second)
			q := Filter{From: from, To: from.Add(time.Duration(r.IntN(2)*r.IntN(3000)) * time.Millisecond)}
			lived := slices.ContainsFunc(all, func(l life) bool { return !l.began.After(q.To) && !l.ended.Before(q.From) })
			for _, flows := range [][]Flow{records, joined} {
				best := No
				for _, f := range flows {
					best = max(best, f.Match(q))
				}
				answers[best]++
				if best == Yes && !lived || best == No && lived && told >= 2*len(all) {
					t.Fatalf("from %v to %v: %v, and a flow lived then: %t\nflows %v\n%s", q.From, q.To, best, lived, flows, log)
				}
			}
		}
	}
	if answers[Yes] < 1000 || answers[Maybe] < 1000 || answers[No] < 1000 {
		t.Errorf("%v", answers)
	}
}
