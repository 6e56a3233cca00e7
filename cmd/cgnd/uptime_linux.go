package main

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// uptime names the run of the machine, and says for how long it has been running, sleep included; "" where the kernel does not say.
func uptime() (boot string, up time.Duration) {
	var t unix.Timespec
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(b)), time.Duration(t.Nano())
}
