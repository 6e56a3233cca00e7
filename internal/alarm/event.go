package alarm

import (
	"fmt"
	"log/slog"
	"time"
)

// A Kind is what happened. The zero Kind is invalid.
type Kind uint8

// The kinds.
const (
	Raised Kind = iota + 1
	Cleared
)

// String returns "raised" or "cleared".
func (k Kind) String() string {
	switch k {
	case Raised:
		return "raised"
	case Cleared:
		return "cleared"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// An Event is an alarm that was raised or cleared.
type Event struct {
	Kind       Kind
	Key        Key
	At         time.Time  // of the round
	Used, Size uint64     // as last observed; Used is 0 for who was not seen any longer
	Peak       uint64     // the highest Used since the alarm was raised
	Thresholds Thresholds // that it was judged by
	// Lasted is the time since the alarm was raised, and Suppressed how often it would have been raised again meanwhile. Both are 0
	// when it is raised.
	Lasted     time.Duration
	Suppressed uint64
}

// String returns a sentence for people.
func (e Event) String() string {
	s := fmt.Sprintf("alarm %v: %v: %d of %d ports", e.Kind, e.Key, e.Used, e.Size)
	if e.Kind == Cleared {
		s += fmt.Sprintf(", at most %d, after %v", e.Peak, e.Lasted)
		if e.Suppressed > 0 {
			s += fmt.Sprintf(", raises suppressed: %d", e.Suppressed)
		}
	}
	return s
}

// Level returns how loud a log should be: a warning, or information when it is over.
func (e Event) Level() slog.Level {
	if e.Kind == Raised {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// LogValue returns the event as attributes. It implements slog.LogValuer.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind.String()), slog.String("level", e.Key.level.String()), slog.String("pool", e.Key.pool)}
	switch e.Key.level {
	case Address:
		attrs = append(attrs, slog.String("outside", e.Key.addr.String()))
	case Subscriber:
		attrs = append(attrs, slog.String("realm", e.Key.realm), slog.String("subscriber", e.Key.addr.String()))
	}
	attrs = append(attrs, slog.Uint64("used", e.Used), slog.Uint64("size", e.Size),
		slog.Int("raise_percent", e.Thresholds.Raise), slog.Int("clear_percent", e.Thresholds.Clear))
	if e.Kind == Cleared {
		attrs = append(attrs, slog.Uint64("peak", e.Peak), slog.Duration("lasted", e.Lasted), slog.Uint64("suppressed", e.Suppressed))
	}
	return slog.GroupValue(attrs...)
}
