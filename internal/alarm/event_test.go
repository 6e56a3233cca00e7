package alarm

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestEventInWordsAndAsLog(t *testing.T) {
	inside, outside := netip.MustParseAddr("100.64.0.2"), netip.MustParseAddr("192.0.2.1")
	limits := Thresholds{Raise: 90, Clear: 70}
	for _, c := range []struct {
		event       Event
		words, line string
	}{
		{
			Event{Kind: Raised, Key: PoolKey("fttx"), Used: 91, Size: 100, Peak: 91, Thresholds: limits},
			`alarm raised: pool "fttx": 91 of 100 ports`,
			"level=WARN msg=alarm alarm.kind=raised alarm.level=pool alarm.pool=fttx alarm.used=91 alarm.size=100 alarm.raise_percent=90 alarm.clear_percent=70",
		},
		{
			Event{Kind: Raised, Key: AddressKey("fttx", outside), Used: 64000, Size: 64512, Thresholds: limits},
			"alarm raised: address 192.0.2.1: 64000 of 64512 ports",
			"level=WARN msg=alarm alarm.kind=raised alarm.level=address alarm.pool=fttx alarm.outside=192.0.2.1 alarm.used=64000 alarm.size=64512 alarm.raise_percent=90 alarm.clear_percent=70",
		},
		{
			Event{
				Kind: Cleared, Key: SubscriberKey("fttx", "default", inside), Used: 3, Size: 2016, Peak: 2016, Thresholds: limits,
				Lasted: 20 * time.Minute, Suppressed: 7,
			},
			`alarm cleared: subscriber 100.64.0.2 in realm "default": 3 of 2016 ports, at most 2016, after 20m0s, raises suppressed: 7`,
			"level=INFO msg=alarm alarm.kind=cleared alarm.level=subscriber alarm.pool=fttx alarm.realm=default alarm.subscriber=100.64.0.2 " +
				"alarm.used=3 alarm.size=2016 alarm.raise_percent=90 alarm.clear_percent=70 alarm.peak=2016 alarm.lasted=20m0s alarm.suppressed=7",
		},
	} {
		if got := c.event.String(); got != c.words {
			t.Errorf("got  %s\nwant %s", got, c.words)
		}
		var b strings.Builder
		log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		log.Log(t.Context(), c.event.Level(), "alarm", "alarm", c.event)
		if got := strings.TrimSpace(b.String()); got != c.line {
			t.Errorf("got  %s\nwant %s", got, c.line)
		}
	}
}

func TestInvalidWords(t *testing.T) {
	for got, want := range map[string]string{
		Level(0).String(): "Level(0)", Level(9).String(): "Level(9)", Kind(0).String(): "Kind(0)", Key{}.String(): "invalid key",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
