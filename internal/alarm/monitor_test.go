package alarm

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func subscriber(i int) Key {
	return SubscriberKey("fttx", "default", netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}))
}

func monitor(tb testing.TB, c Config) *Monitor {
	tb.Helper()
	m, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// TestFlapping is the story of the package: one raise, a count, one clear.
func TestFlapping(t *testing.T) {
	m := monitor(t, Config{Subscriber: Thresholds{Raise: 90, Clear: 50}, Hold: time.Minute})
	var events []Event
	for i, used := range []uint64{10, 95, 40, 91, 30, 100, 60, 89, 50, 10, 10, 10, 10, 10, 10, 10} {
		r := m.Begin(start.Add(time.Duration(i) * 10 * time.Second))
		r.Observe(Observation{Key: subscriber(1), Used: used, Size: 100})
		events = append(events, r.End(true)...)
	}
	want := []Event{
		{Kind: Raised, Key: subscriber(1), At: start.Add(10 * time.Second), Used: 95, Size: 100, Peak: 95, Thresholds: Thresholds{Raise: 90, Clear: 50}},
		{
			Kind: Cleared, Key: subscriber(1), At: start.Add(140 * time.Second), Used: 10, Size: 100, Peak: 100, Thresholds: Thresholds{Raise: 90, Clear: 50},
			Lasted: 130 * time.Second, Suppressed: 2,
		},
	}
	if fmt.Sprint(events) != fmt.Sprint(want) || len(events) != 2 || events[0] != want[0] || events[1] != want[1] {
		t.Errorf("got  %+v\nwant %+v", events, want)
	}
	if got, want := m.Counts(Subscriber), (Counts{Raised: 1, Cleared: 1, Suppressed: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestBetweenThresholdsIsNotQuiet: who was below the clear threshold once, and stays between the two, keeps the alarm. It was not raised
// anew, either.
func TestBetweenThresholdsIsNotQuiet(t *testing.T) {
	m := monitor(t, Config{Subscriber: Thresholds{Raise: 90, Clear: 70}, Hold: time.Minute})
	var got []string
	for i, used := range []uint64{95, 69, 89, 89, 89, 89, 89, 70, 71, 70, 70, 70, 70, 70, 70, 70, 70} {
		r := m.Begin(start.Add(time.Duration(i) * 30 * time.Second))
		r.Observe(Observation{Key: subscriber(1), Used: used, Size: 100})
		for _, e := range r.End(true) {
			got = append(got, fmt.Sprint(i, " ", e.Kind))
		}
	}
	if want := "[0 raised 11 cleared]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if c := m.Counts(Subscriber); c.Suppressed != 0 {
		t.Errorf("counts %+v", c)
	}
}

// TestThresholdsAreExact looks at the edges: at the threshold counts, one port below does not.
func TestThresholdsAreExact(t *testing.T) {
	for _, c := range []struct {
		used, size uint64
		percent    int
		want       int
	}{
		{90, 100, 90, 0}, {89, 100, 90, -1}, {91, 100, 90, 1},
		{1814, 2016, 90, -1}, {1815, 2016, 90, 1},
		{1, 1, 100, 0}, {0, 1, 1, -1},
		{1 << 63, 1 << 63, 100, 0}, {1<<64 - 1, 1<<64 - 1, 99, 1}, {1, 1<<64 - 1, 1, -1},
	} {
		if got := compareShare(c.used, c.size, c.percent); got != c.want {
			t.Errorf("compareShare(%d, %d, %d) = %d, want %d", c.used, c.size, c.percent, got, c.want)
		}
	}
}

func TestUnseenIsUnused(t *testing.T) {
	for _, complete := range []bool{true, false} {
		m := monitor(t, Config{Address: Thresholds{Raise: 80, Clear: 60}, Hold: time.Second})
		key := AddressKey("fttx", netip.MustParseAddr("192.0.2.1"))
		r := m.Begin(start)
		r.Observe(Observation{Key: key, Used: 90, Size: 100})
		r.End(true)
		var cleared []Event
		for i := range 3 {
			cleared = append(cleared, m.Begin(start.Add(time.Duration(i+1)*time.Second)).End(complete)...)
		}
		if complete && (len(cleared) != 1 || cleared[0].Used != 0 || cleared[0].Size != 100) || !complete && len(cleared) != 0 {
			t.Errorf("complete %v: %v", complete, cleared)
		}
	}
}

// TestClockJumps: time that goes back stands still, and goes on from there.
func TestClockJumps(t *testing.T) {
	m := monitor(t, Config{Pool: Thresholds{Raise: 80, Clear: 60}, Hold: 10 * time.Second})
	seconds := []int{0, 5, -3600, -3595, -3590, -3585}
	var got []string
	for i, s := range seconds {
		used := uint64(10)
		if i == 0 {
			used = 99
		}
		r := m.Begin(start.Add(time.Duration(s) * time.Second))
		r.Observe(Observation{Key: PoolKey("fttx"), Used: used, Size: 100})
		for _, e := range r.End(true) {
			got = append(got, fmt.Sprintf("%d %v %v", s, e.Kind, e.Lasted))
		}
	}
	if want := "[0 raised 0s -3590 cleared 15s]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestYearsOfJumpsDoNotOverflow(t *testing.T) {
	m := monitor(t, Config{Pool: Thresholds{Raise: 80, Clear: 60}})
	for i := range 1000 {
		m.Begin(start.AddDate(250*(i%2), 0, 0)).End(true)
	}
	if m.now < 0 {
		t.Errorf("the time since the start is %v", m.now)
	}
}

// TestLimitIsByLevel: many subscribers in trouble do not hide the pool, and are counted.
func TestLimitIsByLevel(t *testing.T) {
	both := Thresholds{Raise: 90, Clear: 50}
	m := monitor(t, Config{Pool: both, Subscriber: both, Limit: 3})
	r := m.Begin(start)
	for i := range 10 {
		r.Observe(Observation{Key: subscriber(i), Used: 99, Size: 100})
	}
	r.Observe(Observation{Key: PoolKey("fttx"), Used: 99, Size: 100})
	if events := r.End(true); len(events) != 4 || events[3].Key != PoolKey("fttx") {
		t.Errorf("events %v", events)
	}
	if got, want := m.Counts(Subscriber), (Counts{Active: 3, Raised: 3, Missed: 7}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if len(m.alarms) != 4 {
		t.Errorf("%d keys are remembered, want 4", len(m.alarms))
	}
}

// TestHoldIsByLevel: a pool waits longer than a subscriber, and who has no time of its own as long as the Config says.
func TestHoldIsByLevel(t *testing.T) {
	m := monitor(t, Config{
		Pool: Thresholds{Raise: 90, Clear: 50, Hold: 30 * time.Second}, Address: Thresholds{Raise: 90, Clear: 50},
		Subscriber: Thresholds{Raise: 90, Clear: 50, Hold: 10 * time.Second}, Hold: 20 * time.Second,
	})
	var got []string
	for second := range 40 {
		r, used := m.Begin(start.Add(time.Duration(second)*time.Second)), uint64(10)
		if second == 0 {
			used = 95
		}
		for _, k := range []Key{PoolKey("fttx"), AddressKey("fttx", netip.MustParseAddr("192.0.2.1")), subscriber(1)} {
			r.Observe(Observation{Key: k, Used: used, Size: 100})
		}
		for _, e := range r.End(true) {
			if e.Kind == Cleared {
				got = append(got, fmt.Sprint(e.Key.Level(), " ", second))
			}
		}
	}
	if want := "[subscriber 11 address 21 pool 31]"; fmt.Sprint(got) != want {
		t.Errorf("cleared %v, want %s", got, want)
	}
}

func TestIgnored(t *testing.T) {
	m := monitor(t, Config{Pool: Thresholds{Raise: 90, Clear: 50}})
	r := m.Begin(start)
	for _, o := range []Observation{
		{Key: PoolKey("empty"), Used: 5},            // nothing can be used
		{Key: subscriber(1), Used: 100, Size: 100},  // a level that nobody looks at
		{Used: 100, Size: 100},                      // no key
		{Key: PoolKey("calm"), Used: 89, Size: 100}, // below
	} {
		r.Observe(o)
	}
	if events := r.End(true); len(events) != 0 || len(m.alarms) != 0 {
		t.Errorf("events %v, %d remembered", events, len(m.alarms))
	}
	if got := m.Counts(0); got != (Counts{}) {
		t.Errorf("the invalid level has %+v", got)
	}
}

func TestConfigure(t *testing.T) {
	m := monitor(t, Config{Subscriber: Thresholds{Raise: 90, Clear: 50}, Hold: time.Second})
	look := func(second int) []Event {
		r := m.Begin(start.Add(time.Duration(second) * time.Second))
		r.Observe(Observation{Key: subscriber(1), Used: 95, Size: 100})
		return r.End(true)
	}
	if got := look(0); len(got) != 1 {
		t.Fatalf("events %v", got)
	}
	if err := m.Configure(Config{Subscriber: Thresholds{Raise: 50, Clear: 90}}); !errors.Is(err, ErrConfig) {
		t.Errorf("Configure says %v", err)
	}
	if got := look(1); len(got) != 0 {
		t.Errorf("a configuration that was refused did something: %v", got)
	}
	if err := m.Configure(Config{Hold: time.Second}); err != nil {
		t.Fatal(err)
	}
	if got := append(look(2), look(3)...); len(got) != 1 || got[0].Kind != Cleared {
		t.Errorf("nobody looks at subscribers any longer: %v", got)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []struct {
		config Config
		word   string
	}{
		{Config{Pool: Thresholds{Raise: 50, Clear: 50}}, "not below"},
		{Config{Pool: Thresholds{Raise: 101, Clear: 50}}, "1 to 100"},
		{Config{Address: Thresholds{Raise: 90, Clear: 0}}, "address"},
		{Config{Subscriber: Thresholds{Raise: -1, Clear: -5}}, "subscriber"},
		{Config{Pool: Thresholds{Raise: 90, Clear: 50, Hold: -1}}, "pool: hold"},
		{Config{Address: Thresholds{Hold: MaxHold + 1}}, "address: hold"},
		{Config{Hold: -1}, "hold"},
		{Config{Hold: MaxHold + 1}, "hold"},
		{Config{Limit: -1}, "limit"},
		{Config{Limit: MaxLimit + 1}, "limit"},
	} {
		_, err := New(c.config)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
	if _, err := New(DefaultConfig()); err != nil {
		t.Error(err)
	}
}

// BenchmarkRound is a look at a million subscribers, of whom one in a thousand is in trouble.
func BenchmarkRound(b *testing.B) {
	m := monitor(b, DefaultConfig())
	keys := make([]Key, 1_000_000)
	for i := range keys {
		keys[i] = SubscriberKey("fttx", "default", netip.AddrFrom4([4]byte{100, 64 + byte(i>>16), byte(i >> 8), byte(i)}))
	}
	at := start
	for b.Loop() {
		at = at.Add(time.Minute)
		r := m.Begin(at)
		for i, k := range keys {
			used := uint64(60)
			if i%1000 == 0 {
				used = 2000
			}
			r.Observe(Observation{Key: k, Used: used, Size: 2016})
		}
		r.End(true)
	}
}
