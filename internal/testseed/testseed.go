// Package testseed gives random tests their seed, so that a run that failed can be repeated: every test says what it began
// with, and TEST_SEED in the environment makes it begin with that again.
package testseed

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// New returns a new seed, or the one that TEST_SEED says in decimal. It logs it.
func New(tb testing.TB) uint64 {
	tb.Helper()
	seed := rand.Uint64()
	if s, ok := os.LookupEnv("TEST_SEED"); ok {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			tb.Fatalf("TEST_SEED=%s is no seed: %v", s, err)
		}
	}
	tb.Logf("TEST_SEED=%d", seed)
	return seed
}
