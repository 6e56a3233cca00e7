package ebpf

import (
	"time"

	"golang.org/x/sys/unix"
)

// jiffy returns how long the kernel's unit of time is: what its coarse clocks advance by.
func jiffy() (time.Duration, error) {
	var res unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &res); err != nil {
		return 0, err
	}
	return time.Duration(res.Nano()), nil
}
