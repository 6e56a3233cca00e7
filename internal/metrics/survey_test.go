package metrics

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
)

// A slow is a Reader of a list that takes its time.
type slow struct {
	uses  []Use
	err   error
	took  time.Duration
	reads []time.Time
}

func (s *slow) HasSessions() bool { return true }

func (s *slow) Uses(ctx context.Context, _ *alloc.Plan) iter.Seq2[Use, error] {
	return func(yield func(Use, error) bool) {
		s.reads = append(s.reads, time.Now())
		for _, u := range s.uses {
			if !yield(u, nil) {
				return
			}
		}
		select {
		case <-ctx.Done():
			yield(Use{}, ctx.Err())
		case <-time.After(s.took):
			if s.err != nil {
				yield(Use{}, s.err)
			}
		}
	}
}

func TestSurveyKeepsItsPace(t *testing.T) {
	for _, c := range []struct {
		took, want time.Duration
	}{{100 * time.Millisecond, 30 * time.Second}, {2 * time.Second, 200 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			p := twoPools(t)
			r := &slow{took: c.took, uses: []Use{{Share: share(t, p, "100.64.0.1"), Ports: Protocols{TCP: 7}}}}
			s, err := NewSurvey(r, func() *alloc.Plan { return p }, SurveyConfig{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*c.want)
			defer cancel()
			var ended []error
			if err := s.Run(ctx, func(err error) { ended = append(ended, err) }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Run says %v", err)
			}
			if len(r.reads) < 3 || r.reads[1].Sub(r.reads[0]) != c.want || r.reads[2].Sub(r.reads[1]) != c.want {
				t.Errorf("read at %v, want every %v", r.reads, c.want)
			}
			if len(ended) < 3 || errors.Join(ended...) != nil {
				t.Errorf("the readings ended with %v", ended)
			}
			u := s.Last()
			if u == nil || u.Took != c.took || u.Taken.Before(r.reads[1]) || u.Pools[0].Ports.TCP != 7 || !u.HasSessions {
				t.Errorf("last %+v", u)
			}
		})
	}
}

// TestSurveyThatFails keeps what there was, and the alarms.
func TestSurveyThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := twoPools(t)
		m, err := alarm.New(alarm.Config{Subscriber: alarm.Thresholds{Raise: 90, Clear: 50}, Hold: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var events []alarm.Event
		var alarms Alarms
		r := &slow{uses: []Use{{Share: share(t, p, "100.64.0.1"), Ports: Protocols{TCP: 1900}}}}
		s, err := NewSurvey(r, func() *alloc.Plan { return p }, SurveyConfig{
			Timeout: time.Minute, Alarms: m, Events: func(e []alarm.Event, a Alarms) { events, alarms = append(events, e...), a },
		})
		if err != nil {
			t.Fatal(err)
		}
		read := func() error { time.Sleep(time.Hour); return s.Read(t.Context()) }
		if err := read(); err != nil || len(events) != 1 || alarms.Subscriber.Active != 1 {
			t.Fatalf("%v, events %v, alarms %+v", err, events, alarms)
		}
		first := s.Last()
		broken := errors.New("the kernel has a headache")
		r.uses, r.err = nil, broken
		for range 3 {
			if err := read(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "read who uses how many ports") {
				t.Errorf("Read says %v", err)
			}
		}
		r.err, r.took = nil, time.Hour
		if err := read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a reading that never ends: %v", err)
		}
		if s.Last() != first || s.Errors() != 4 || len(events) != 1 {
			t.Errorf("failures changed something: %d errors, events %v", s.Errors(), events)
		}
		r.took = 0
		if err := errors.Join(read(), read()); err != nil || len(events) != 2 || events[1].Kind != alarm.Cleared {
			t.Errorf("%v, events %v", err, events)
		}
	})
}

func TestSurveyWithoutPlan(t *testing.T) {
	r := &slow{}
	s, err := NewSurvey(r, func() *alloc.Plan { return nil }, SurveyConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context()); err != nil || s.Last() != nil || len(r.reads) != 0 {
		t.Errorf("%v, %v, %v", err, s.Last(), r.reads)
	}
}

// TestSurveyFollowsThePlan has the first plan come late, and another one after it: both are read within a second or so, and then at the
// pace of before.
func TestSurveyFollowsThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		first, second := twoPools(t), twoPools(t)
		r := &slow{took: 50 * time.Millisecond}
		s, err := NewSurvey(r, func() *alloc.Plan {
			switch since := time.Since(began); {
			case since < 7*time.Second:
				return nil
			case since < 12*time.Second:
				return first
			}
			return second
		}, SurveyConfig{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = s.Run(ctx, nil)
		if len(r.reads) != 3 || r.reads[0].Sub(began) > 8*time.Second || r.reads[1].Sub(began) > 13*time.Second || r.reads[2].Sub(r.reads[1]) != 30*time.Second {
			t.Errorf("read at %v", r.reads)
		}
		if s.Last().Plan != second {
			t.Error("the last reading is of another plan")
		}
	})
}

func TestSurveyConfigIsChecked(t *testing.T) {
	for word, c := range map[string]SurveyConfig{
		"interval": {Interval: time.Millisecond}, "timeout": {Timeout: -1}, "share": {Share: -1}, "top": {Top: MaxTop + 1},
	} {
		if _, err := NewSurvey(&slow{}, nil, c); !errors.Is(err, ErrSurvey) || !strings.Contains(err.Error(), word) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
