package alarm

import (
	"slices"
	"time"
)

// An Observation is how much somebody uses: Used of Size ports. Protocols have port spaces of their own, so Used is that of the
// protocol that uses most. Nothing can be used up of Size 0, which counts as unused.
type Observation struct {
	Key        Key
	Used, Size uint64
}

// Counts are the numbers of one level.
type Counts struct {
	Active     uint64 // alarms that there are now
	Raised     uint64 // since the Monitor was made, like the others
	Cleared    uint64
	Suppressed uint64 // raises that were only counted
	Missed     uint64 // raises that found no room, once for every round that saw them
}

// A Monitor keeps alarms. Make one with New.
type Monitor struct {
	config Config
	alarms map[Key]*state
	counts [Subscriber + 1]Counts
	rounds uint64
	last   time.Time     // of the last round
	now    time.Duration // the sum of the steps forward since the first round
}

// A state is an alarm that there is.
type state struct {
	round      uint64 // that saw it last
	raised     time.Duration
	quiet      bool // it is at or below the clear threshold
	since      time.Duration
	left       bool // it was quiet after it was loud last: the next time would have been another alarm
	used, size uint64
	peak       uint64
	suppressed uint64
}

// New returns a Monitor without alarms. The error wraps ErrConfig.
func New(c Config) (*Monitor, error) {
	c, err := c.resolved()
	if err != nil {
		return nil, err
	}
	return &Monitor{config: c, alarms: map[Key]*state{}}, nil
}

// Configure changes what the Monitor goes by, from the next round on. Alarms stay, and are judged by the new thresholds; those of
// a level that is off from now on are cleared after the hold time. The error wraps ErrConfig, and nothing changes then.
func (m *Monitor) Configure(c Config) error {
	c, err := c.resolved()
	if err != nil {
		return err
	}
	m.config = c
	return nil
}

// Counts returns the numbers of a level.
func (m *Monitor) Counts(l Level) Counts {
	if !l.valid() {
		return Counts{}
	}
	return m.counts[l]
}

// maxStep is what a clock that jumps can do at most: so many years do not add up to more than a Duration has.
const maxStep = 30 * 24 * time.Hour

// A Round is one look at everything. Begin one, Observe, and End it; one at a time.
type Round struct {
	m      *Monitor
	at     time.Time
	events []Event
}

// Begin begins a round. Give it the time of time.Now, whose monotonic reading makes it immune against who sets the clock. A time
// before that of the last round counts as the same, and a step of more than 30 days as 30.
func (m *Monitor) Begin(at time.Time) *Round {
	if !m.last.IsZero() {
		m.now += min(max(0, at.Sub(m.last)), maxStep)
	}
	m.last = at
	m.rounds++
	return &Round{m: m, at: at}
}

// Observe takes one observation, of which there should be one for a key in a round. An observation with an invalid key is ignored.
// It takes about 50 ns.
func (r *Round) Observe(o Observation) {
	m, l := r.m, o.Key.level
	if !l.valid() {
		return
	}
	t := m.config.of(l)
	loud := !t.off() && o.Size > 0 && reaches(o.Used, o.Size, t.Raise)
	s := m.alarms[o.Key]
	switch {
	case s != nil:
		m.again(s, o, loud, t)
	case !loud:
		// Nothing to remember: this is nearly everybody.
	case m.counts[l].Active >= uint64(m.config.Limit):
		m.counts[l].Missed++
	default:
		m.alarms[o.Key] = &state{round: m.rounds, raised: m.now, used: o.Used, size: o.Size, peak: o.Used}
		m.counts[l].Active++
		m.counts[l].Raised++
		r.events = append(r.events, Event{Kind: Raised, Key: o.Key, At: r.at, Used: o.Used, Size: o.Size, Peak: o.Used, Thresholds: t})
	}
}

// again takes an observation of somebody who has an alarm. Who is loud again has never left it, however long ago the last round was:
// nobody has looked meanwhile.
func (m *Monitor) again(s *state, o Observation, loud bool, t Thresholds) {
	s.round, s.used, s.size, s.peak = m.rounds, o.Used, o.Size, max(s.peak, o.Used)
	quiet := !loud && (t.off() || o.Size == 0 || compareShare(o.Used, o.Size, t.Clear) <= 0)
	switch {
	case quiet && !s.quiet:
		s.since, s.left = m.now, true
	case loud && s.left:
		s.left = false
		s.suppressed++
		m.counts[o.Key.level].Suppressed++
	}
	s.quiet = quiet
}

// End ends the round and returns what happened: first who raised an alarm, in the order of the observations, then who cleared one,
// in the order of keys. With complete, who has an alarm and was not observed counts as unused; a round that could not see everybody
// is not complete, and clears nobody whom it has not seen. It takes time linear in the alarms that there are.
func (r *Round) End(complete bool) []Event {
	m, raised := r.m, len(r.events)
	for k, s := range m.alarms {
		seen := s.round == m.rounds
		if !seen && complete {
			m.again(s, Observation{Key: k, Size: s.size}, false, Thresholds{Raise: 1, Clear: 1})
			seen = true
		}
		if !seen || !s.quiet || m.now-s.since < m.config.hold(k.level) {
			continue
		}
		delete(m.alarms, k)
		m.counts[k.level].Active--
		m.counts[k.level].Cleared++
		r.events = append(r.events, Event{
			Kind: Cleared, Key: k, At: r.at, Used: s.used, Size: s.size, Peak: s.peak, Thresholds: m.config.of(k.level),
			Lasted: m.now - s.raised, Suppressed: s.suppressed,
		})
	}
	slices.SortFunc(r.events[raised:], func(a, b Event) int { return a.Key.compare(b.Key) })
	return r.events
}
