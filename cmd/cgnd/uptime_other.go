//go:build !linux

package main

import "time"

// uptime is for systems on which cgnd runs.
func uptime() (boot string, up time.Duration) { return "", 0 }
