package alarm_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

func Example() {
	m, err := alarm.New(alarm.Config{Subscriber: alarm.Thresholds{Raise: 90, Clear: 50}, Hold: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key := alarm.SubscriberKey("fttx", "default", netip.MustParseAddr("100.64.0.2"))
	for _, used := range []uint64{1900, 900, 2000, 100, 100, 100} {
		r := m.Begin(at)
		r.Observe(alarm.Observation{Key: key, Used: used, Size: 2016})
		for _, e := range r.End(true) {
			fmt.Println(at.Format(time.TimeOnly), e)
		}
		at = at.Add(30 * time.Second)
	}
	// Output:
	// 12:00:00 alarm raised: subscriber 100.64.0.2 in realm "default": 1900 of 2016 ports
	// 12:02:30 alarm cleared: subscriber 100.64.0.2 in realm "default": 100 of 2016 ports, at most 2000, after 2m30s, raises suppressed: 1
}
