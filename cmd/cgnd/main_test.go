package main

import (
	"os"
	"testing"
)

// asDaemon tells the test binary, started once more, to be cgnd.
const asDaemon = "CGND_TEST_IS_CGND"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		main()
	}
	if to := os.Getenv(asFlood); to != "" {
		flood(to)
	}
	os.Exit(m.Run())
}
