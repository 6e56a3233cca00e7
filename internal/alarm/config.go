package alarm

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// ErrConfig says that a configuration contradicts itself or leaves its ranges.
var ErrConfig = errors.New("invalid alarm configuration")

// Limits of a Config.
const (
	MaxHold      = 24 * time.Hour
	MaxLimit     = 1_000_000
	DefaultHold  = 5 * time.Minute
	DefaultLimit = 10_000
)

// Thresholds are where an alarm is raised and where it is cleared, in percent of what may be used: 1 <= Clear < Raise <= 100.
// Without both nobody looks.
type Thresholds struct {
	Raise, Clear int
	// Hold is how long an alarm stays after its cause has gone, so that the next one within that time is only counted: 0 = that of
	// the Config, up to MaxHold.
	Hold time.Duration
}

// off reports whether nobody looks.
func (t Thresholds) off() bool { return t.Raise == 0 && t.Clear == 0 }

func (t Thresholds) check(l Level) error {
	switch {
	case t.Hold < 0 || t.Hold > MaxHold:
		return fmt.Errorf("%w: %v: hold %v: it goes from 0 to %v", ErrConfig, l, t.Hold, MaxHold)
	case t.off():
		return nil
	case t.Raise < 1 || t.Raise > 100 || t.Clear < 1 || t.Clear > 100:
		return fmt.Errorf("%w: %v: raise %d %% and clear %d %%: both go from 1 to 100", ErrConfig, l, t.Raise, t.Clear)
	case t.Clear >= t.Raise:
		return fmt.Errorf("%w: %v: clear %d %% is not below raise %d %%: an alarm would come and go with every packet", ErrConfig, l, t.Clear, t.Raise)
	}
	return nil
}

// reaches reports whether used is percent of size or more. It is exact, whatever the numbers.
func reaches(used, size uint64, percent int) bool { return compareShare(used, size, percent) >= 0 }

// compareShare compares used/size with percent/100.
func compareShare(used, size uint64, percent int) int {
	uh, ul := bits.Mul64(used, 100)
	sh, sl := bits.Mul64(size, uint64(percent))
	switch {
	case uh != sh:
		if uh < sh {
			return -1
		}
		return 1
	case ul < sl:
		return -1
	case ul > sl:
		return 1
	}
	return 0
}

// A Config is what a Monitor goes by.
type Config struct {
	Pool, Address, Subscriber Thresholds
	// Hold is that of levels that have none: 0 = DefaultHold, up to MaxHold.
	Hold time.Duration
	// Limit is how many alarms of one level there may be at once: 0 = DefaultLimit, up to MaxLimit. An alarm takes about 250 bytes.
	Limit int
}

// DefaultConfig returns thresholds of 90 % and 70 % and a hold of five minutes for everybody.
func DefaultConfig() Config {
	t := Thresholds{Raise: 90, Clear: 70, Hold: DefaultHold}
	return Config{Pool: t, Address: t, Subscriber: t, Hold: DefaultHold, Limit: DefaultLimit}
}

// resolved returns c with its defaults filled in. The error wraps ErrConfig.
func (c Config) resolved() (Config, error) {
	for _, l := range Levels {
		if err := c.of(l).check(l); err != nil {
			return Config{}, err
		}
	}
	if c.Hold < 0 || c.Hold > MaxHold {
		return Config{}, fmt.Errorf("%w: hold %v: it goes from 0 to %v", ErrConfig, c.Hold, MaxHold)
	}
	if c.Limit < 0 || c.Limit > MaxLimit {
		return Config{}, fmt.Errorf("%w: limit %d: it goes from 0 to %d", ErrConfig, c.Limit, MaxLimit)
	}
	if c.Hold == 0 {
		c.Hold = DefaultHold
	}
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	return c, nil
}

// hold returns how long alarms of a level stay.
func (c Config) hold(l Level) time.Duration {
	if h := c.of(l).Hold; h > 0 {
		return h
	}
	return c.Hold
}

// of returns the thresholds of a level.
func (c Config) of(l Level) Thresholds {
	switch l {
	case Pool:
		return c.Pool
	case Address:
		return c.Address
	case Subscriber:
		return c.Subscriber
	}
	return Thresholds{}
}
