package metrics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
)

// A Reader reads the live state of a backend.
type Reader interface {
	// Uses iterates over the subscribers of a plan that use something, each once, in any order. An error is the last pair. It ends
	// soon after ctx does, with an error.
	Uses(ctx context.Context, plan *alloc.Plan) iter.Seq2[Use, error]
	// HasSessions says whether Uses has sessions.
	HasSessions() bool
}

// ErrSurvey says that a Survey was asked for something it cannot be.
var ErrSurvey = errors.New("invalid survey")

// planEvery is how often another plan is looked for. Where there is one, a reading that takes 1 s begins at most every soonShare seconds.
const (
	planEvery = time.Second
	soonShare = 10
)

// Limits of a SurveyConfig.
const (
	DefaultInterval = 30 * time.Second
	MinInterval     = time.Second
	DefaultTimeout  = 5 * time.Minute
	DefaultShare    = 100
)

// A SurveyConfig is how a Survey goes about it. The zero value of a field is its default.
type SurveyConfig struct {
	// Interval is how often it reads, at most: from the beginning of one to that of the next. It is at least MinInterval.
	Interval time.Duration
	// Timeout ends a reading that takes longer: what there was before stays.
	Timeout time.Duration
	// Share keeps reading below one Share-th of the time: with 100, what takes 2 s is done every 200 s. 1 = no such limit.
	Share int
	// Top is how many subscribers who use most are listed, by address: 0 = nobody, up to MaxTop. It is personal data.
	Top int
	// Rank is how many subscribers Usage.Most has: 0 = nobody, up to MaxTop.
	Rank int
	// Keep has Usage.Of know what every subscriber uses, for 24 bytes each that uses something.
	Keep bool
	// Alarms, if not nil, is told of every reading, and is used by nobody else while Run runs. Events gets what comes of it, after
	// every reading, also when it is nothing; it is called by the goroutine of Run.
	Alarms *alarm.Monitor
	Events func([]alarm.Event, Alarms)
}

// A Survey reads who uses how much, in the background.
type Survey struct {
	config SurveyConfig
	reader Reader
	plan   func() *alloc.Plan
	last   atomic.Pointer[Usage]
	failed atomic.Uint64
	of     *alloc.Plan // the plan that pools are of
	pools  []Pool
}

// NewSurvey returns a Survey. plan returns the plan in force, or nil while there is none. The error wraps ErrSurvey.
func NewSurvey(reader Reader, plan func() *alloc.Plan, c SurveyConfig) (*Survey, error) {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Share == 0 {
		c.Share = DefaultShare
	}
	switch {
	case c.Interval < MinInterval:
		return nil, fmt.Errorf("%w: interval %v: it must be at least %v", ErrSurvey, c.Interval, MinInterval)
	case c.Timeout < 0:
		return nil, fmt.Errorf("%w: timeout %v is negative", ErrSurvey, c.Timeout)
	case c.Share < 1 || c.Share > 10_000:
		return nil, fmt.Errorf("%w: share %d: it goes from 1 to 10000", ErrSurvey, c.Share)
	case c.Top < 0 || c.Top > MaxTop:
		return nil, fmt.Errorf("%w: top %d: it goes from 0 to %d", ErrSurvey, c.Top, MaxTop)
	case c.Rank < 0 || c.Rank > MaxTop:
		return nil, fmt.Errorf("%w: rank %d: it goes from 0 to %d", ErrSurvey, c.Rank, MaxTop)
	}
	return &Survey{config: c, reader: reader, plan: plan}, nil
}

// Last returns what the last reading that succeeded has found, or nil.
func (s *Survey) Last() *Usage { return s.last.Load() }

// Errors returns how many readings have failed.
func (s *Survey) Errors() uint64 { return s.failed.Load() }

// Run reads until ctx ends, and returns its error. ended, if not nil, is told of every reading why it failed; nil = it did not.
func (s *Survey) Run(ctx context.Context, ended func(error)) error {
	for {
		began, of := time.Now(), s.plan()
		if err := s.Read(ctx); ctx.Err() == nil && ended != nil {
			ended(err)
		}
		took := time.Since(began)
		if err := s.rest(ctx, of, began.Add(max(s.config.Interval, took*time.Duration(s.config.Share))), began.Add(took*soonShare)); err != nil {
			return err
		}
	}
}

// rest waits for an instant, or until there is another plan than was read, because of that nothing is known; but for the latter not
// before soon.
func (s *Survey) rest(ctx context.Context, of *alloc.Plan, until, soon time.Time) error {
	for {
		now, changed := time.Now(), s.plan() != of
		if of != nil && !now.Before(until) || changed && !now.Before(soon) {
			return nil
		}
		wait := planEvery
		if left := until.Sub(now); of != nil {
			wait = min(wait, left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Read reads once. Alarms of those whom a reading that failed has not seen stay as they are. It is not for several goroutines at once.
func (s *Survey) Read(ctx context.Context) error {
	plan := s.plan()
	if plan == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	began := time.Now()
	var round *alarm.Round
	if s.config.Alarms != nil {
		round = s.config.Alarms.Begin(began)
	}
	usage, err := s.read(ctx, plan, round)
	if round != nil {
		events := round.End(err == nil)
		if s.config.Events != nil {
			s.config.Events(events, AlarmsOf(s.config.Alarms))
		}
	}
	if err != nil {
		s.failed.Add(1)
		return fmt.Errorf("read who uses how many ports: %w", err)
	}
	usage.Taken, usage.Took, usage.HasSessions = began, time.Since(began), s.reader.HasSessions()
	s.last.Store(usage)
	return nil
}

func (s *Survey) read(ctx context.Context, plan *alloc.Plan, round *alarm.Round) (*Usage, error) {
	t := NewTally(plan, s.config.Top)
	t.Rank(s.config.Rank)
	if s.config.Keep {
		t.Keep()
	}
	for u, err := range s.reader.Uses(ctx, plan) {
		if err != nil {
			return nil, err
		}
		t.Add(u, round)
	}
	if s.of != plan {
		s.of, s.pools = plan, PoolsOf(plan)
	}
	return t.Usage(s.pools, round), nil
}
